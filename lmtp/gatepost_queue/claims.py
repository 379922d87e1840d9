"""What runners do with entries: claim, renew, done, later, failed, give up. Inside a transaction of somebody else's.

- A claim is known by the entry's id and its count of attempts: a runner that has lost its lease to another changes
  nothing (LeaseLost).
- A lease that expires is a failure: the runner died, or hung. After MAX_FAILURES an entry is shunted.
- An entry that has failed is claimed alone: should it bring its runner down again, no other entry is held up with it,
  or counted as failed.
"""

from __future__ import annotations

import json

from gatepost_queue.connection import Row, Transaction
from gatepost_queue.errors import LeaseLost
from gatepost_queue.values import Claimed

MAX_FAILURES = 3
# Seconds that an entry rests after each failure: what is broken may be whole again, and others go first.
FAILURE_PAUSES = (60.0, 600.0)
# A claim ends when it has contents of so many octets together.
CLAIM_OCTETS = 16 * 1024 * 1024

_DUE = (
    "SELECT e.id, e.failures, e.leased_until, e.runner, m.size FROM entry e JOIN message m ON m.id = e.message_id"
    " WHERE e.queue = ? AND e.next_attempt <= ? AND e.leased_until <= ? ORDER BY e.next_attempt, e.id LIMIT ?"
)
_LEASE = "UPDATE entry SET runner = ?, leased_until = ?, attempts = attempts + 1, failures = ? WHERE id = ?"
_READ = (
    "SELECT e.id, e.queue, e.listid, e.subaddress, e.recipients, e.metadata, e.attempts, e.failures, e.runner,"
    " e.leased_until, m.id, m.trace, m.envsender, m.received, m.content"
    " FROM entry e JOIN message m ON m.id = e.message_id WHERE e.id = ?"
)
_BLOCKS = "SELECT content FROM message_block WHERE message_id = ? ORDER BY number"
_OWN = " WHERE id = ? AND attempts = ? AND leased_until > 0"
_RENEW = f"UPDATE entry SET leased_until = ?{_OWN}"  # noqa: S608 - a constant
_FREE = "UPDATE entry SET leased_until = 0, runner = '', failures = ?, last_error = ?, "
_LATER = f"{_FREE}next_attempt = ?{_OWN}"
_SHUNT = f"{_FREE}origin = queue, queue = 'shunt'"
_DONE = f"DELETE FROM entry{_OWN}"  # noqa: S608 - a constant
_FORGET = "DELETE FROM message WHERE id = ? AND NOT EXISTS (SELECT 1 FROM entry WHERE message_id = ?)"


def claim(
    transaction: Transaction, now: float, queue: str, runner: str, lease_seconds: float, limit: int
) -> list[Claimed]:
    """The entries that the runner now has."""
    claimed: list[Claimed] = []
    octets = 0
    for number, failed_before, leased_until, last_runner, size in transaction.rows(_DUE, (queue, now, now, limit)):
        failures = failed_before + (leased_until > 0)
        if claimed and (failures or octets + size > CLAIM_OCTETS):
            break
        if failures >= MAX_FAILURES:
            error = f"{last_runner} did not end with it within its lease; {failures} attempts have failed"
            transaction.change(_SHUNT + " WHERE id = ?", (failures, error, number))
            continue
        transaction.change(_LEASE, (runner, now + lease_seconds, failures, number))
        claimed.append(_claimed(transaction, transaction.rows(_READ, (number,))[0]))
        octets += size
        if failures:
            break
    return claimed


def _claimed(transaction: Transaction, row: Row) -> Claimed:
    number, queue, listid, subaddress, recipients, metadata, attempts, failures, runner, leased_until, *rest = row
    message, trace, envsender, received, first = rest
    blocks = [block for (block,) in transaction.rows(_BLOCKS, (message,))]
    return Claimed(
        id=number,
        queue=queue,
        listid=listid,
        subaddress=subaddress,
        recipients=tuple(json.loads(recipients)),
        metadata=json.loads(metadata),
        attempts=attempts,
        failures=failures,
        runner=runner,
        leased_until=leased_until,
        message=message,
        trace=trace,
        envsender=envsender,
        received=received,
        content=b"".join((first, *blocks)) if blocks else first,
    )


def _change_own(transaction: Transaction, statement: str, claimed: Claimed, *values: object) -> None:
    if not transaction.change(statement, (*values, claimed.id, claimed.attempts)):
        raise LeaseLost(f"{claimed.runner} no longer has entry {claimed.id}")


def renew(transaction: Transaction, claimed: Claimed, until: float) -> None:
    """Let the lease last until then."""
    _change_own(transaction, _RENEW, claimed, until)


def done(transaction: Transaction, claimed: Claimed) -> None:
    """Forget the entry, and its message with the last entry of it."""
    _change_own(transaction, _DONE, claimed)
    forget_message(transaction, claimed.message)


def forget_message(transaction: Transaction, message: int) -> None:
    """Forget a message that no entry needs any more."""
    transaction.change(_FORGET, (message, message))


def later(transaction: Transaction, claimed: Claimed, when: float, error: str) -> None:
    """Give the entry back until then; what failed before is forgiven, for something was done."""
    _change_own(transaction, _LATER, claimed, 0, error, when)


def failed(transaction: Transaction, claimed: Claimed, now: float, error: str) -> bool:
    """Count a failure of the handler; whether it was the last, and the entry is shunted now."""
    failures = claimed.failures + 1
    if failures >= MAX_FAILURES:
        give_up(transaction, claimed, error)
        return True
    _change_own(transaction, _LATER, claimed, failures, error, now + FAILURE_PAUSES[failures - 1])
    return False


def give_up(transaction: Transaction, claimed: Claimed, error: str) -> None:
    """Shunt the entry."""
    _change_own(transaction, _SHUNT + _OWN, claimed, claimed.failures + 1, error)
