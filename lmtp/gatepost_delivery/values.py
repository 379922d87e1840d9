"""What a handler makes of an entry of the queue, as values. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatepost_queue import Claimed, Entry, Put


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The entry has been dealt with; what follows from it is kept in the same transaction.

    entries: further ones of the same message. puts: new messages, each with its entries.
    """

    entries: tuple[Entry, ...] = ()
    puts: tuple[Put, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """The entry is to be claimed again, from `when` on (seconds since the epoch); `error` says why."""

    when: float
    error: str


# Keeps how far a handler has come: the entry's metadata from now on, and further entries of its message. Blocks until
# that is on stable storage; gives the claim as it is then. Raises LeaseLost, QueueTrouble.
GoOn = Callable[[Mapping[str, Any], Sequence[Entry]], Claimed]
Handler = Callable[[Claimed, GoOn], Done | Later]
