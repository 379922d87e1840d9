"""What an operator does to entries: retry, drop; a moderator to held ones: decide, discard; and time: expire.

All of it inside a transaction of somebody else's.

An entry that a runner has is left alone, until its lease has expired. Raises NoSuchEntry, EntryInUse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatepost_queue.claims import forget_message
from gatepost_queue.connection import Transaction
from gatepost_queue.errors import EntryInUse, NoSuchEntry
from gatepost_queue.values import HELD, SHUNT, runner_of

_FIND = "SELECT message_id, runner, leased_until FROM entry WHERE id = ?"
_RETRY = (
    "UPDATE entry SET queue = CASE WHEN queue = 'shunt' THEN origin ELSE queue END, origin = '', failures = 0,"
    " leased_until = 0, runner = '', next_attempt = ? WHERE id = ?"
)
_SHUNTED = "SELECT id FROM entry WHERE queue = ? ORDER BY next_attempt, id"
_HELD = "SELECT queue, metadata FROM entry WHERE id = ?"
_DECIDE = "UPDATE entry SET queue = ?, metadata = ?, failures = 0, next_attempt = ? WHERE id = ?"
# A held entry is due from the moment on at which it began to wait.
_WAITING = "SELECT id, listid, next_attempt FROM entry WHERE queue = ? AND next_attempt <= ? ORDER BY next_attempt, id"
_DAY = 86_400.0
_DROP = "DELETE FROM entry WHERE id = ?"


def retry(transaction: Transaction, number: int) -> None:
    """Let an entry be claimed at once; a shunted one goes back to the queue that it came from."""
    _find(transaction, number)
    transaction.change(_RETRY, (transaction.now, number))


def shunted(transaction: Transaction) -> list[int]:
    """The ids of all shunted entries, the oldest first."""
    return [number for (number,) in transaction.rows(_SHUNTED, (SHUNT,))]


def drop(transaction: Transaction, number: int) -> None:
    """Forget an entry, and its message with the last entry of it."""
    message = _find(transaction, number)
    transaction.change(_DROP, (number,))
    forget_message(transaction, message)


def decide(transaction: Transaction, number: int, decision: Mapping[str, Any], queues: Mapping[str, str]) -> None:
    """Add a moderator's decision to a held entry's metadata, and send it on to the queue that `queues` has for its
    request, to be dealt with at once."""
    queue, metadata = _held(transaction, number)
    require_held(number, queue)
    transaction.change(
        _DECIDE, (queues[metadata["request"]], json.dumps({**metadata, **decision}), transaction.now, number)
    )


def expire(transaction: Transaction, days: Mapping[str, int], mark: str, queues: Mapping[str, str], limit: int) -> int:
    """Send held entries on that have waited for as many days as `days` has for their list, as `decide` does, at most
    `limit`; how many there were. Their metadata have the days under the name `mark`."""
    if not days:
        return 0
    now = transaction.now
    waiting = transaction.rows(_WAITING, (HELD, now - min(days.values()) * _DAY))
    kept_since = {listid: now - number * _DAY for listid, number in days.items()}
    over = [(number, days[listid]) for number, listid, since in waiting if since <= kept_since.get(listid, 0.0)][:limit]
    for number, waited in over:
        decide(transaction, number, {mark: waited}, queues)
    return len(over)


def discard(transaction: Transaction, number: int) -> None:
    """Forget a held entry."""
    require_held(number, _held(transaction, number)[0])
    drop(transaction, number)


def require_held(number: int, queue: str) -> None:
    """Raise NoSuchEntry for an entry that is in another queue."""
    if queue != HELD:
        raise NoSuchEntry(f"entry {number} does not wait for a moderator", "see what does with: gatepost held ls")


def _held(transaction: Transaction, number: int) -> tuple[str, dict[str, Any]]:
    """The queue and the metadata of an entry."""
    rows = transaction.rows(_HELD, (number,))
    if not rows:
        raise NoSuchEntry(f"there is no entry {number}", "see what waits with: gatepost held ls")
    return rows[0][0], json.loads(rows[0][1])


def _find(transaction: Transaction, number: int) -> int:
    """The id of an entry's message."""
    rows = transaction.rows(_FIND, (number,))
    if not rows:
        raise NoSuchEntry(f"there is no entry {number}")
    message, runner, leased_until = rows[0]
    if leased_until > transaction.now:
        raise EntryInUse(f"{runner_of(runner)} is at work on entry {number}", "try again when it has ended")
    return int(message)
