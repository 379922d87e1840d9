"""Messages of gatepost's own on their way to the queue: gathered while an entry is dealt with, kept when it is done.

`tell` is the one way to anybody but the owners, and keeps the rules of every kind of notice (kinds.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from gatepost_delivery.answers import may_be_answered
from gatepost_delivery.fields import Field, split
from gatepost_delivery.kinds import Daily, Kind
from gatepost_delivery.munge import authors
from gatepost_lists import Role
from gatepost_lists.senders import parse_sender
from gatepost_lists.store.admin import Store
from gatepost_lists.store.profiles import Profile
from gatepost_queue import Claimed, Entry, Message, Put
from gatepost_service.log import get_logger

_log = get_logger("delivery")


class Outbox:
    """What is to be sent because of one entry, for one list. `site_owner` stands in for owners that are not there."""

    def __init__(
        self, store: Store, profile: Profile, claimed: Claimed, now: float, site_owner: str, max_answers: int
    ) -> None:
        """`max_answers`: automatic replies to one address a day; 0 for no limit, as in Mailman."""
        self._store = store
        self._profile = profile
        self._claimed = claimed
        self._now = now
        self._site_owner = site_owner
        self._limits = {Daily.ONE: 1, Daily.SEVERAL: max_answers, Daily.ANY: 0}
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
        against, limit = self._against(kind, to), self._limits[kind.daily]
        counts = bool(limit) and not against
        number = self._store.notices_today(self._profile.list_id, kind.counted_as, to, self._now) if counts else 0
        if number > limit:
            against = f"it has had {limit} today"
        if against:
            _log.info(
                "not told",
                id=self._claimed.trace,
                list=self._profile.list_id,
                recipient=to,
                notice=kind.counted_as,
                why=against,
            )
            return False
        self._put(make(counts and number == limit), (to,), envsender)
        return True

    def to_owners(self, content: bytes) -> None:
        """Send a message to the list's owners and moderators, or, where there are none, to the site's owner."""
        self._put(content, self._store.owners(self._profile.list_id) or [self._site_owner])

    def _against(self, kind: Kind, to: str) -> str:
        """Why a notice may not go there, whatever was told before; '' if it may."""
        if kind.to_author and not may_be_answered(to, self._fields):
            return "no person has sent the message"
        if kind.to_author and not self._is_author(to):
            return "the sender is not an author of the message"
        if kind.of_held_post and not self._is_to_hear_of_held(to):
            return f"hold_notices is {self._profile.hold_notices}"
        return ""

    @cached_property
    def _fields(self) -> Sequence[Field]:
        """The header of the message that the notice is about."""
        return split(self._claimed.content).fields

    def _is_author(self, sender: str) -> bool:
        known = {email for one in authors(self._fields) for email in parse_sender(one.address)}
        return not known.isdisjoint(parse_sender(sender))

    def _is_to_hear_of_held(self, sender: str) -> bool:
        who = self._profile.hold_notices
        return who == "all" or (who == "members" and Role.MEMBER in self._store.roles(self._profile.list_id, sender))

    def _put(self, content: bytes, recipients: Sequence[str], envsender: str = "") -> None:
        message = Message(content=content, envsender=envsender, received=self._now, trace=self._claimed.trace)
        entry = Entry(
            queue="out",
            listid=self._profile.list_id,
            recipients=tuple(recipients),
            metadata={"envsender": envsender, "verp": False},
        )
        self._puts.append(Put(message, (entry,)))
