"""What follows from an entry while a runner has it, and when it is done: kept in one transaction with that.

So a runner that dies at any moment has either done a step whole, with all that follows from it, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatepost_queue import claims, puts
from gatepost_queue.connection import Transaction
from gatepost_queue.values import Claimed, Entry, Put


def go_on(
    transaction: Transaction,
    claimed: Claimed,
    metadata: Mapping[str, Any],
    lease_seconds: float,
    entries: Sequence[Entry],
) -> Claimed:
    """Keep how far the runner has come; the claim as it is then. Raises QueueFull."""
    puts.need_for_following(transaction, sum(len(each) + 3 for entry in entries for each in entry.recipients))
    still = claims.go_on(transaction, claimed, metadata, lease_seconds)
    for entry in entries:
        puts.insert_entry(transaction, claimed.message, entry)
    return still


def done(
    transaction: Transaction,
    claimed: Claimed,
    entries: Sequence[Entry],
    new: Sequence[Put],
    next_from: tuple[str, ...],
    lease_seconds: float,
) -> list[Claimed]:
    """Forget the entry, and its message if no entry needs that any more; what its runner has next."""
    claims.done(transaction, claimed)
    for entry in entries:
        puts.insert_entry(transaction, claimed.message, entry)
    for put in new:
        puts.put_following(transaction, put)
    claims.forget_message(transaction, claimed.message)
    return claims.claim(transaction, next_from, claimed.runner, lease_seconds, limit=1)
