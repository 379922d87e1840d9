"""Messages of gatepost's own on their way to the queue: gathered while an entry is dealt with, kept when it is done.

`tell` is the one way to anybody but the owners, and keeps the rules of every kind of notice (kinds.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gatepost_delivery.answers import may_be_answered
from gatepost_delivery.fields import Field, split
from gatepost_delivery.kinds import Daily, Kind, Why
from gatepost_delivery.munge import authors
from gatepost_lists import Role
from gatepost_lists.checks import known_as
from gatepost_lists.senders import mailbox, read_sender
from gatepost_lists.store.admin import Store
from gatepost_lists.store.budgets import DAY, HOUR, Budget
from gatepost_lists.store.profiles import Profile
from gatepost_queue import Claimed, Entry, Message, Put
from gatepost_queue.metadata import OutMetadata
from gatepost_service.log import get_logger

_log = get_logger("delivery")


def _nobody_counts(kind: str, why: str) -> None:
    """For who has no metrics."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the site has decided about notices.

    site_owner: the address that stands in for owners that a list does not have. max_answers: automatic replies of one
    list to one address a day; max_to_strangers: to all addresses together that are not on the list, an hour; 0 for no
    limit, as in Mailman. withheld: told the kind and the Why of each notice that was not sent.
    """

    site_owner: str
    max_answers: int = 0
    max_to_strangers: int = 0
    withheld: Callable[[str, str], None] = _nobody_counts


class Outbox:
    """What is to be sent because of one entry, for one list."""

    def __init__(self, store: Store, profile: Profile, claimed: Claimed, now: float, terms: Terms) -> None:
        self._store = store
        self._profile = profile
        self._claimed = claimed
        self._now = now
        self._terms = terms
        self._puts: list[Put] = []

    @property
    def puts(self) -> tuple[Put, ...]:
        """All of it, for the queue."""
        return tuple(self._puts)

    def tell(self, kind: Kind, to: str, make: Callable[[bool], bytes], envsender: str = "") -> bool:
        """Send a notice to an address, if the rules of its kind let it; whether they do.

        make: gives the notice; told whether it is the last one that is counted with it today. Nothing comes back unless
        there is an envelope sender.
        """
        why, is_last = self._against(kind, to), False
        if why is None:
            why, is_last = self._counted(kind, to)
        if why is not None:
            self._withhold(kind, to, why)
            return False
        self._put(make(is_last), (to,), envsender)
        return True

    def to_owners(self, content: bytes, once_a_day: str = "") -> None:
        """Send a message to the list's owners and moderators, or, where there are none, to the site's owner.

        once_a_day: a word for it, if only the first one of a day is to be sent.
        """
        if once_a_day:
            (left,) = self._store.spend(self._profile.list_id, [Budget(f"owners {once_a_day}", 1, DAY)], self._now)
            if left < 0:
                return
        self._put(content, self._store.owners(self._profile.list_id) or [self._terms.site_owner])

    def to_site_owner(self, content: bytes) -> None:
        """Send a message to the site's owner."""
        self._put(content, (self._terms.site_owner,))

    def _against(self, kind: Kind, to: str) -> Why | None:
        """What is against sending a notice there, however many were sent before."""
        if kind.to_author and not may_be_answered(to, self._fields):
            return Why.MACHINE
        if kind.to_author and not self._is_author(to):
            return Why.NO_AUTHOR
        if kind.of_held_post and not self._is_to_hear_of_held(to):
            return Why.HOLD_NOTICES
        return None

    def _counted(self, kind: Kind, to: str) -> tuple[Why | None, bool]:
        """Count one more, unless there were enough; what is against it, and whether it is the last one of the day."""
        budgets = self._budgets(kind, to)
        if not budgets:
            return None, False
        left = dict(
            zip(budgets, self._store.spend(self._profile.list_id, list(budgets.values()), self._now), strict=True)
        )
        return next((why for why in left if left[why] < 0), None), left.get(Why.DAY) == 0

    def _budgets(self, kind: Kind, to: str) -> dict[Why, Budget]:
        """What a notice is paid from."""
        budgets = {}
        limit = {Daily.ONE: 1, Daily.SEVERAL: self._terms.max_answers, Daily.ANY: 0}[kind.daily]
        if limit:
            # A member's is his own: nobody else's address leads to it.
            whose = known_as(to) if kind.to_member else mailbox(to)
            budgets[Why.DAY] = Budget(f"{kind.counted_as} {whose}", limit, DAY)
        if kind.daily is not Daily.ANY and self._terms.max_to_strangers and not self._is_on_list(to):
            budgets[Why.HOUR] = Budget("strangers", self._terms.max_to_strangers, HOUR)
        return budgets

    def _withhold(self, kind: Kind, to: str, why: Why) -> None:
        listid, notice = self._profile.list_id, kind.counted_as
        _log.info("not told", id=self._claimed.trace, list=listid, recipient=to, notice=notice, why=why.value)
        self._terms.withheld(notice, why.value)

    @cached_property
    def _fields(self) -> Sequence[Field]:
        """The header of the message that the notice is about."""
        return split(self._claimed.content).fields

    @cached_property
    def _authors(self) -> frozenset[str]:
        """The authors of that message, each by what he is known by for certain."""
        return frozenset(email for one in authors(self._fields) for email in read_sender(one.address).known_as)

    def _is_author(self, sender: str) -> bool:
        return not self._authors.isdisjoint(read_sender(sender).every)

    def _is_to_hear_of_held(self, sender: str) -> bool:
        who = self._profile.hold_notices
        return who == "all" or (who == "members" and Role.MEMBER in self._roles(sender))

    def _is_on_list(self, to: str) -> bool:
        return bool(self._roles(to))

    def _roles(self, sender: str) -> set[Role]:
        """What a sender is on the list; by what somebody else has wrapped, if that is an author (docs/judge.md)."""
        listid, claims = self._profile.list_id, self._authors.intersection(read_sender(sender).claims)
        return {role for email in (sender, *claims) for role in self._store.roles(listid, email)}

    def _put(self, content: bytes, recipients: Sequence[str], envsender: str = "") -> None:
        message = Message(content=content, envsender=envsender, received=self._now, trace=self._claimed.trace)
        entry = Entry(
            queue="out",
            listid=self._profile.list_id,
            recipients=tuple(recipients),
            metadata=OutMetadata(envsender=envsender).to_json(),
        )
        self._puts.append(Put(message, (entry,)))
