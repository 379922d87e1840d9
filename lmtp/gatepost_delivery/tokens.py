"""Tokens that come back: each is used once, and what it stood for is done even if the process dies in between.

The store forgets a token in a transaction that is committed only after the queue has kept what the token stood for.
So whoever takes the entry up again finds it there; and doing it a second time must change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from gatepost_delivery.values import GoOn
from gatepost_lists.store.admin import Store
from gatepost_queue import Claimed
from gatepost_queue.metadata import TokenMetadata


class Taken(NamedTuple):
    """What a token stood for."""

    kind: str
    email: str
    display_name: str


class Tokens:
    """Takes the tokens that come with one entry."""

    def __init__(self, store: Store, claimed: Claimed, go_on: GoOn, now: float) -> None:
        self._store = store
        self._go_on = go_on
        self._now = now
        self.claimed = claimed
        """The entry as it is kept now."""

    def take(self, token: str) -> Taken | None:
        """What a token stands for, of which nobody will hear again; None where that is nothing, or no longer so."""
        metadata = TokenMetadata.from_json(self.claimed.metadata)
        known = metadata.taken or {}
        if token in known:
            return Taken(*known[token])
        with self._store.transaction():
            pending = self._store.take_pending(token, self._now, self.claimed.listid)
            if pending is None:
                return None
            taken = Taken(pending.kind, pending.email, pending.display_name)
            self.claimed = self._go_on(replace(metadata, taken={**known, token: taken}).to_json(), ())
        return taken
