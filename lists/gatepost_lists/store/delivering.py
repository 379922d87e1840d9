"""What final delivery asks of a store, and keeps in it. Every method may raise a StoreError.

A list is named by its posting address or its list_id; addresses of people in any spelling. Times are seconds since the
epoch; days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatepost_lists.model import Role
from gatepost_lists.store import bounces, deliveries, mailinglists, members, pending, told
from gatepost_lists.store.budgets import Budget
from gatepost_lists.store.changes import (
    BounceEvent,
    BounceSource,
    BounceVerdict,
    Change,
    DeliveryAddress,
    DeliveryState,
    DeliveryStatus,
    Pending,
)
from gatepost_lists.store.connected import Connected
from gatepost_lists.store.profiles import Profile


class Delivering(Connected):
    """The methods of a Store that final delivery uses."""

    def profile(self, mailing_list: str) -> Profile | None:
        """What mail of a list has to say of it; None where there is no such list."""
        with self._looking() as connection:
            return mailinglists.profile(connection, mailing_list)

    def days_to_hold(self) -> dict[str, int]:
        """For how many days held mail waits, by list_id; a list on which it waits without end is not among them."""
        with self._looking() as connection:
            return mailinglists.days_to_hold(connection)

    def next_post(self, mailing_list: str) -> int:
        """Count one more post; its number, from 1. Raises NotFoundError."""
        with self.transaction() as connection:
            return mailinglists.next_post(connection, mailing_list)

    def recipients(self, mailing_list: str, after: tuple[int, int] | None, limit: int) -> list[DeliveryAddress]:
        """At most `limit` members who get mail, by (user_id, address_id), from the one after that key on.

        An address that is on the list by itself and by a linked one are two. Raises NotFoundError.
        """
        with self._looking() as connection:
            return deliveries.recipients(connection, mailing_list, after, limit)

    def owners(self, mailing_list: str) -> list[str]:
        """The addresses of owners and moderators as they were written, each once. Raises NotFoundError."""
        with self._looking() as connection:
            return deliveries.owners(connection, mailing_list)

    def roles(self, mailing_list: str, sender: str) -> frozenset[Role]:
        """What a sender, as the envelope has it, is on a list: by any address that it is known by, linked or not.

        Raises NotFoundError for an unknown list.
        """
        with self._looking() as connection:
            return members.roles(connection, mailing_list, sender)

    def delivery_state(self, mailing_list: str, email: str) -> DeliveryState:
        """Whether a member gets mail, and how much has bounced. Raises NotFoundError for who is no member."""
        with self._looking() as connection:
            return deliveries.state(connection, mailing_list, email)

    def set_delivery(self, mailing_list: str, email: str, status: DeliveryStatus, why: str, now: float) -> Change:
        """Let mail go to a member, with a score of 0, or stop it; logged, with why.

        Raises NotFoundError for who is no member.
        """
        with self.transaction() as connection:
            return bounces.set_delivery(connection, mailing_list, email, status, why, now)

    def register_bounce(
        self, mailing_list: str, email: str, source: BounceSource, why: str, now: float
    ) -> BounceVerdict:
        """Count and log a bounce of a member's address; what is done about it is the caller's affair.

        One a day counts, and one a day of each source is logged. A score without a bounce for bounce_info_stale_after
        days begins anew. It is counted whatever process_bounces says. Raises NotFoundError for an unknown list.
        """
        with self.transaction() as connection:
            return bounces.register(connection, mailing_list, email, source, why, now)

    def bounce_events(self, mailing_list: str, email: str = "") -> list[BounceEvent]:
        """What has bounced, and why delivery was changed, in the order of time: of one address, or of all.

        It goes back 90 days. Raises NotFoundError for an unknown list.
        """
        with self._looking() as connection:
            return bounces.events(connection, mailing_list, email)

    def add_pending(
        self,
        kind: str,
        mailing_list: str,
        email: str,
        lifetime_seconds: float,
        now: float,
        display_name: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> str:
        """Keep a request until it is confirmed; the token that confirms it, 32 letters and digits.

        It takes the place of an older one of that kind for that list and address. The store keeps no token, only what
        tells it. `data` must be fit for JSON. Raises NotFoundError, BadValueError for what is no address.
        """
        with self.transaction() as connection:
            request = Pending(kind, email, display_name, dict(data or {}))
            return pending.add(connection, mailing_list, request, lifetime_seconds, now)

    def take_pending(self, token: str, now: float, mailing_list: str) -> Pending | None:
        """The request with this token, in any case of its letters, which nobody can take again.

        None where there is none, it has expired, or it is another list's. Raises NotFoundError for an unknown list.
        """
        with self.transaction() as connection:
            return pending.take(connection, token, now, mailing_list)

    def first_time(self, mailing_list: str, key: str, now: float, keep_seconds: float) -> bool:
        """Whether this has not been asked of this list and key before, or longer ago than it was to be kept."""
        with self.transaction() as connection:
            return told.first_time(connection, mailing_list, key, now, keep_seconds)

    def first_time_anywhere(self, mailing_list: str, key: str, now: float, keep_seconds: float) -> bool:
        """The same where no list may have been asked it; for what is asked now and then alone."""
        with self.transaction() as connection:
            return told.first_time_anywhere(connection, mailing_list, key, now, keep_seconds)

    def spend(self, mailing_list: str, budgets: Sequence[Budget], now: float) -> list[int]:
        """Take one of each budget of a list, or, where one is used up, of none; what is left of each, -1 of that."""
        with self.transaction() as connection:
            return told.spend(connection, mailing_list, budgets, now)
