"""What runners do with entries: claim, renew, done, later, failed, give up. Inside a transaction of somebody else's.

- A claim is known by the entry's id and its count of attempts: a runner that has lost its lease to another changes
  nothing (LeaseLost).
- A lease that expires is a failure: the runner died, or hung. After MAX_FAILURES an entry is shunted. Outgoing mail is
  not: that a runner died while another server had it says nothing about the message. That the clock was set makes none
  expire (steps.py).
- A runner's name ends with the number of its process as a holder: what a dead process had is free at once (`recover`).
- An entry that has failed is claimed alone: should it bring its runner down again, no other entry is held up with it,
  or counted as failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatepost_queue.connection import Row, Transaction
from gatepost_queue.errors import LeaseLost
from gatepost_queue.rows import BLOCKS, COLUMNS, JOINED, queued
from gatepost_queue.values import Claimed, runner_of

MAX_FAILURES = 3
_OUTGOING = frozenset(("out", "retry"))
# Seconds that an entry rests after each failure: what is broken may be whole again, and others go first.
FAILURE_PAUSES = (60.0, 600.0)
# A claim ends when it has contents of so many octets together.
CLAIM_OCTETS = 16 * 1024 * 1024

_DUE = (
    f"SELECT e.id, e.failures, e.leased_until, e.runner, m.size {JOINED}"
    " WHERE e.queue = ? AND e.next_attempt <= ? AND e.leased_until <= ? ORDER BY e.next_attempt, e.id LIMIT ?"
)
_LEASE = "UPDATE entry SET runner = ?, leased_until = ?, attempts = attempts + 1, failures = ? WHERE id = ?"
_RUNNERS = "SELECT DISTINCT runner FROM entry WHERE leased_until > 0"
_EXPIRE = "UPDATE entry SET leased_until = ? WHERE runner = ? AND leased_until > ?"
_READ = f"SELECT {COLUMNS}, m.id, m.content {JOINED} WHERE e.id = ?"
_OWN = " WHERE id = ? AND attempts = ? AND leased_until > 0"
_RENEW = f"UPDATE entry SET leased_until = ?{_OWN}"  # noqa: S608 - a constant
_FREE = "UPDATE entry SET leased_until = 0, runner = '', failures = ?, last_error = ?, "
_LATER = f"{_FREE}next_attempt = ?{_OWN}"
_SHUNT = f"{_FREE}origin = queue, queue = 'shunt'"
_DONE = f"DELETE FROM entry{_OWN}"  # noqa: S608 - a constant
_GO_ON = f"UPDATE entry SET leased_until = ?, metadata = ?{_OWN}"  # noqa: S608 - a constant
_FORGET = "DELETE FROM message WHERE id = ? AND NOT EXISTS (SELECT 1 FROM entry WHERE message_id = ?)"


def claim(
    transaction: Transaction,
    queues: str | tuple[str, ...],
    runner: str,
    lease_seconds: float,
    limit: int,
) -> list[Claimed]:
    """The entries that the runner now has, all of them of the first of these queues that has any."""
    for queue in (queues,) if isinstance(queues, str) else queues:
        if claimed := _claim(transaction, queue, runner, lease_seconds, limit):
            return claimed
    return []


def _claim(transaction: Transaction, queue: str, runner: str, lease_seconds: float, limit: int) -> list[Claimed]:
    now = transaction.now
    name = f"{runner}/{transaction.holders.own:x}"
    claimed: list[Claimed] = []
    octets = 0
    for number, failed_before, leased_until, last_runner, size in transaction.rows(_DUE, (queue, now, now, limit)):
        failures = failed_before + (leased_until > 0 and queue not in _OUTGOING)
        if claimed and (failures or octets + size > CLAIM_OCTETS):
            break
        if failures >= MAX_FAILURES:
            error = f"{runner_of(last_runner)} did not end with it within its lease; {failures} attempts have failed"
            transaction.change(_SHUNT + " WHERE id = ?", (failures, error, number))
            continue
        transaction.change(_LEASE, (name, now + lease_seconds, failures, number))
        claimed.append(_claimed(transaction, transaction.rows(_READ, (number,))[0]))
        octets += size
        if failures:
            break
    return claimed


def _claimed(transaction: Transaction, row: Row) -> Claimed:
    fields, (message, first) = queued(row)
    blocks = [block for (block,) in transaction.rows(BLOCKS, (message,))]
    return Claimed(**fields, message=message, content=b"".join((first, *blocks)) if blocks else first)


def recover(transaction: Transaction) -> int:
    """Let the leases of dead processes expire now; how many entries are free by that."""
    free, now = 0, transaction.now
    for (runner,) in transaction.rows(_RUNNERS):
        holder = runner.rpartition("/")[2]
        if not transaction.holders.is_alive(int(holder, 16)):
            free += transaction.change(_EXPIRE, (now, runner, now))
    return free


def _change_own(transaction: Transaction, statement: str, claimed: Claimed, *values: object) -> None:
    if not transaction.change(statement, (*values, claimed.id, claimed.attempts)):
        raise LeaseLost(f"{claimed.runner} no longer has entry {claimed.id}")


def renew(transaction: Transaction, claimed: Claimed, lease_seconds: float) -> None:
    """Let the lease last so long from now on."""
    _change_own(transaction, _RENEW, claimed, transaction.now + lease_seconds)


def go_on(transaction: Transaction, claimed: Claimed, metadata: Mapping[str, Any], lease_seconds: float) -> Claimed:
    """Keep the runner's own notes, and let the lease last so long from now on."""
    until = transaction.now + lease_seconds
    _change_own(transaction, _GO_ON, claimed, until, json.dumps(dict(metadata)))
    return replace(claimed, metadata=metadata, leased_until=until)


def done(transaction: Transaction, claimed: Claimed) -> None:
    """Forget the entry. Its message stays until forget_message is called."""
    _change_own(transaction, _DONE, claimed)


def forget_message(transaction: Transaction, message: int) -> None:
    """Forget a message that no entry needs any more."""
    transaction.change(_FORGET, (message, message))


def later(transaction: Transaction, claimed: Claimed, when: float, error: str) -> None:
    """Give the entry back until then; what failed before is forgiven, for something was done."""
    _change_own(transaction, _LATER, claimed, 0, error, when)


def failed(transaction: Transaction, claimed: Claimed, error: str) -> bool:
    """Count a failure of the handler; whether it was the last, and the entry is shunted now."""
    failures = claimed.failures + 1
    if failures >= MAX_FAILURES:
        give_up(transaction, claimed, error)
        return True
    _change_own(transaction, _LATER, claimed, failures, error, transaction.now + FAILURE_PAUSES[failures - 1])
    return False


def give_up(transaction: Transaction, claimed: Claimed, error: str) -> None:
    """Shunt the entry."""
    _change_own(transaction, _SHUNT + _OWN, claimed, claimed.failures + 1, error)
