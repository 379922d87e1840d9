"""What an operator does to entries: retry and drop. Inside a transaction of somebody else's.

An entry that a runner has is left alone, until its lease has expired. Raises NoSuchEntry, EntryInUse.
"""

from __future__ import annotations

from gatepost_queue.claims import forget_message
from gatepost_queue.connection import Transaction
from gatepost_queue.errors import EntryInUse, NoSuchEntry
from gatepost_queue.values import SHUNT

_FIND = "SELECT message_id, runner, leased_until FROM entry WHERE id = ?"
_RETRY = (
    "UPDATE entry SET queue = CASE WHEN queue = 'shunt' THEN origin ELSE queue END, origin = '', failures = 0,"
    " leased_until = 0, runner = '', next_attempt = ? WHERE id = ?"
)
_SHUNTED = "SELECT id FROM entry WHERE queue = ? ORDER BY next_attempt, id"
_DROP = "DELETE FROM entry WHERE id = ?"


def retry(transaction: Transaction, now: float, number: int) -> None:
    """Let an entry be claimed at once; a shunted one goes back to the queue that it came from."""
    _find(transaction, now, number)
    transaction.change(_RETRY, (now, number))


def shunted(transaction: Transaction) -> list[int]:
    """The ids of all shunted entries, the oldest first."""
    return [number for (number,) in transaction.rows(_SHUNTED, (SHUNT,))]


def drop(transaction: Transaction, now: float, number: int) -> None:
    """Forget an entry, and its message with the last entry of it."""
    message = _find(transaction, now, number)
    transaction.change(_DROP, (number,))
    forget_message(transaction, message)


def _find(transaction: Transaction, now: float, number: int) -> int:
    """The id of an entry's message."""
    rows = transaction.rows(_FIND, (number,))
    if not rows:
        raise NoSuchEntry(f"there is no entry {number}")
    message, runner, leased_until = rows[0]
    if leased_until > now:
        raise EntryInUse(f"{runner} is at work on entry {number}", "try again when it has ended")
    return int(message)
