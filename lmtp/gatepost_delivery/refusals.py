"""What a refusal comes to that does not say what it is about: the recipient, or us. No I/O here.

It is told from what becomes of others at the same time. A mail server that takes nobody in an entry of several, or
nobody in many entries in a row, each with another recipient, refuses us: everybody is tried again, and nothing counts,
until it takes somebody. Then it has nothing against us.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from gatepost_delivery.outgoing import Kind, Outcome

# Recipients of one entry that are several, and recipients in a row that are many.
SEVERAL = 2
MANY = 5

_TAKEN = frozenset((Kind.SENT, Kind.MESSAGE_REFUSED))


class Refusals:
    """Settles what is unclear, for all that send in a process. May be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_a_row: set[str] = set()
        self._refuses_us = False

    def settled(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of one entry, in their order, none of them unclear."""
        unclear = {outcome.recipient for outcome in outcomes if outcome.kind is Kind.UNCLEAR}
        with self._lock:
            if any(outcome.kind in _TAKEN for outcome in outcomes):
                self._in_a_row.clear()
                self._refuses_us = False
            elif not self._refuses_us:
                self._in_a_row |= unclear
                self._refuses_us = len(unclear) >= SEVERAL or len(self._in_a_row) >= MANY
            meant = Kind.CLIENT_REFUSED if self._refuses_us else Kind.REFUSED
        return [replace(each, kind=meant) if each.kind is Kind.UNCLEAR else each for each in outcomes]
