"""Joining and leaving: who asks is asked back, and only who has the answer's token is believed.

- A sender is easily forged, so a request does no more than send a token to the address that it is about; that holds
  for every subscription_policy. Under `moderate` and `confirm_then_moderate` a moderator decides about the confirmed
  request. What a moderator has accepted needs no token any more.
- Whether an address is a member, or banned, is told to that address alone.
- A member whose delivery was disabled because mail came back may join again: it is enabled when he confirms.
- Everything that is done after a confirmation may be done twice and is the same then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gatepost_delivery import kinds, notices
from gatepost_delivery.outbox import Outbox
from gatepost_delivery.requests import Author
from gatepost_delivery.tokens import Taken
from gatepost_lists import Directory, parse_address
from gatepost_lists.errors import NotFoundError
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import DeliveryStatus
from gatepost_lists.store.profiles import Profile

JOIN = "join"
LEAVE = "leave"
_MODERATED = frozenset(("moderate", "confirm_then_moderate"))


@dataclass(frozen=True, kw_only=True)
class Joining:
    """Joining and leaving one list at one time; what is to be sent goes to the outbox.

    request_life: seconds that a confirmation is waited for.
    """

    store: Store
    directory: Directory
    profile: Profile
    outbox: Outbox
    now: float
    request_life: float

    def ask_to_join(self, author: Author) -> None:
        """Send a token to an address that is said to want to join, or what speaks against it."""
        email = author.email
        status = self._status(email)
        if self._is_banned(email):
            self._answer(email, lambda last: notices.join_refused(self.profile, email, "", self.now, last_today=last))
        elif status is None:
            self._ask(kinds.JOIN, JOIN, author, notices.join_confirmation)
        elif status is DeliveryStatus.BY_BOUNCES:
            self._ask(kinds.RETURN, JOIN, author, notices.join_confirmation)
        else:
            self._answer(email, lambda last: notices.already_member(self.profile, email, self.now, last_today=last))

    def ask_to_leave(self, author: Author) -> None:
        """Send a token to the member who is said to want to leave: the author, or another address of his."""
        own = author.email
        email = next(filter(self._is_member, (own, *self._linked(own))), None)
        if email is None:
            self._answer(own, lambda last: notices.not_member(self.profile, own, self.now, last_today=last))
        else:
            self._ask(kinds.LEAVE, LEAVE, Author(email, ""), notices.leave_confirmation)

    def confirmed(self, taken: Taken) -> bool:
        """Do what was confirmed. True: to join, but a moderator has to decide about it."""
        if taken.kind == LEAVE:
            self._leave(taken.email)
        elif self._is_banned(taken.email):
            self.turn_down(taken.email, "")
        elif self.profile.subscription_policy in _MODERATED and not self._is_member(taken.email):
            self._tell_moderators(taken)
            return True
        else:
            self.join(taken.email, taken.display_name)
        return False

    def join(self, email: str, display_name: str) -> None:
        """Make an address a member, whose delivery is enabled."""
        name = display_name.replace("\\", "\\\\").replace('"', '\\"')
        self.store.add_members(self.profile.list_id, [f'"{name}" <{email}>' if name else email])
        if self._status(email) is DeliveryStatus.BY_BOUNCES:
            why = "the member has confirmed the address"
            self.store.set_delivery(self.profile.list_id, email, DeliveryStatus.ENABLED, why, self.now)
        self._say(email, notices.welcome(self.profile, email, self.now))

    def turn_down(self, email: str, reason: str) -> None:
        """Tell somebody who has confirmed that he may not join."""
        self._say(email, notices.join_refused(self.profile, email, reason, self.now))

    def expire(self, email: str, reason: str) -> None:
        """Tell somebody who has confirmed, and the owners, that nobody has decided about it."""
        self.turn_down(email, reason)
        self.outbox.to_owners(notices.expired_for_owner(self.profile, reason, self.now), once_a_day="expired")

    def _leave(self, email: str) -> None:
        with suppress(NotFoundError):  # gone already
            self.store.remove_members(self.profile.list_id, [email])
        self._say(email, notices.goodbye(self.profile, email, self.now))

    def _tell_moderators(self, taken: Taken) -> None:
        profile, now = self.profile, self.now
        self.outbox.to_owners(notices.join_for_moderator(profile, taken.email, taken.display_name, now))
        self._say(taken.email, notices.join_waiting(profile, taken.email, now))

    def _ask(self, kind: kinds.Kind, request: str, author: Author, make: Callable[..., bytes]) -> None:
        def with_token(last: bool) -> bytes:
            token = self.store.add_pending(
                request, self.profile.list_id, author.email, self.request_life, self.now, author.display_name
            )
            return make(self.profile, author.email, token, self.now, last_today=last)

        self.outbox.tell(kind, author.email, with_token)

    def _answer(self, to: str, make: Callable[[bool], bytes]) -> None:
        self.outbox.tell(kinds.ANSWER, to, make)

    def _say(self, to: str, content: bytes) -> None:
        """What follows from a confirmation, or a moderator's decision about it."""
        self.outbox.tell(kinds.CONFIRMED, to, lambda _: content)

    def _is_banned(self, email: str) -> bool:
        with self.directory.snapshot():
            mailing_list = self.directory.find(parse_address(self.profile.fqdn_listname)).mailing_list
            if mailing_list is None:
                return False
            return bool(self.directory.standing(mailing_list, (str(parse_address(email)),)).banned)

    def _status(self, email: str) -> DeliveryStatus | None:
        """Of a member's delivery; None for who is none by this very address."""
        try:
            return self.store.delivery_state(self.profile.list_id, email).delivery_status
        except NotFoundError:
            return None

    def _is_member(self, email: str) -> bool:
        return self._status(email) is not None

    def _linked(self, email: str) -> list[str]:
        try:
            return self.store.linked(email)
        except NotFoundError:
            return []
