"""Messages of gatepost's own on their way to the queue: gathered while an entry is dealt with, kept when it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gatepost_lists.store.admin import Store
from gatepost_lists.store.profiles import Profile
from gatepost_queue import Claimed, Entry, Message, Put


class Outbox:
    """What is to be sent because of one entry, for one list. `site_owner` stands in for owners that are not there."""

    def __init__(
        self, store: Store, profile: Profile, claimed: Claimed, now: float, site_owner: str, max_answers: int
    ) -> None:
        """`max_answers`: automatic replies to one address a day; 0 for no limit, as in Mailman."""
        self._store = store
        self._profile = profile
        self._trace = claimed.trace
        self._now = now
        self._site_owner = site_owner
        self._max_answers = max_answers
        self._puts: list[Put] = []

    @property
    def puts(self) -> tuple[Put, ...]:
        """All of it, for the queue."""
        return tuple(self._puts)

    def send(self, content: bytes, recipients: Sequence[str], envsender: str = "") -> None:
        """Send a message to these recipients; nothing comes back unless it has an envelope sender."""
        message = Message(content=content, envsender=envsender, received=self._now, trace=self._trace)
        entry = Entry(
            queue="out",
            listid=self._profile.list_id,
            recipients=tuple(recipients),
            metadata={"envsender": envsender, "verp": False},
        )
        self._puts.append(Put(message, (entry,)))

    def to_owners(self, content: bytes) -> None:
        """Send a message to the list's owners and moderators, or, where there are none, to the site's owner."""
        self.send(content, self._store.owners(self._profile.list_id) or [self._site_owner])

    def answer(self, to: str, make: Callable[[bool], bytes]) -> bool:
        """Send an automatic reply, unless the address has had its number today; False then.

        make: gives the reply; told whether it is the last one today.
        """
        if not self._max_answers:
            self.send(make(False), (to,))
            return True
        count = self._store.answers_today(self._profile.list_id, to, self._now)
        if count <= self._max_answers:
            self.send(make(count == self._max_answers), (to,))
        return count <= self._max_answers
