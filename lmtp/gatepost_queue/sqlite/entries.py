"""What services do with entries, inside a transaction of somebody else's: put, claim, go on, done, later, failed.

- A message from outside must find room for itself and, as big again, for what follows from it (a post as the members
  get it), which may use a part of the reserve too: so a queue that has got full can be emptied.
- What follows from an entry is kept in one transaction with what became of it: a runner that dies at any moment has
  either done a step whole, with all that follows from it, or not at all.
- A claim is known by the entry's id and its count of attempts: a runner that has lost its lease to another changes
  nothing (LeaseLost).
- A lease that expires is a failure: the runner died, or hung. After MAX_FAILURES an entry is shunted. Outgoing mail is
  not: that a runner died while another server had it says nothing about the message. That the clock was set makes none
  expire (clock.py).
- A runner's name ends with the number of its process as a holder: what a dead process had is free at once (`recover`).
- An entry that has failed is claimed alone: should it bring its runner down again, no other entry is held up with it,
  or counted as failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gatepost_queue import values
from gatepost_queue.errors import LeaseLost, QueueTrouble
from gatepost_queue.sqlite.connection import Row, Transaction
from gatepost_queue.sqlite.deliveries import take
from gatepost_queue.values import Claimed, Delivery, Entry, Message, Put, runner_of

JOINED = "FROM entry e JOIN message m ON m.id = e.message_id"
# What `queued` expects, in its order; a statement may read more behind it.
COLUMNS = (
    "e.id, e.queue, e.listid, e.subaddress, e.recipients, e.metadata, e.attempts, e.failures, e.runner,"
    " e.leased_until, m.trace, m.envsender, m.received"
)
# What a message has behind its first block.
BLOCKS = "SELECT content FROM message_block WHERE message_id = ? ORDER BY number"
# Octets of the reserve that are for what follows from messages: their entries, and pages that are not full.
FOLLOWING = 4 * 1024 * 1024
_MESSAGE = "INSERT INTO message (trace, envsender, received, size, content) VALUES (?, ?, ?, ?, ?)"
_BLOCK = "INSERT INTO message_block (message_id, number, content) VALUES (?, ?, ?)"
_ENTRY = (
    "INSERT INTO entry (message_id, queue, listid, subaddress, recipients, metadata, next_attempt, last_error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_OUTGOING = frozenset(("out", "retry"))
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


def queued(row: Row) -> tuple[dict[str, Any], Row]:
    """The fields of a values.Queued, and what the row has behind them."""
    number, queue, listid, subaddress, recipients, metadata, attempts, failures, runner, leased_until, *rest = row
    trace, envsender, received, *more = rest
    fields = {
        "id": number,
        "queue": queue,
        "listid": listid,
        "subaddress": subaddress,
        "recipients": tuple(json.loads(recipients)),
        "metadata": json.loads(metadata),
        "attempts": attempts,
        "failures": failures,
        "runner": runner_of(runner),
        "leased_until": leased_until,
        "trace": trace,
        "envsender": envsender,
        "received": received,
    }
    return fields, tuple(more)


def put(
    transaction: Transaction, message: Message, entries: tuple[Entry, ...], delivery: Delivery | None
) -> tuple[int | None, ...]:
    """The ids of the new entries; None for those that an earlier, lost delivery has put there already."""
    if delivery is None:
        fresh = [True] * len(entries)
    else:
        senders_recipients = [entry.recipients for entry in entries]
        fresh = take(transaction, delivery, message.envsender, senders_recipients)
    if not any(fresh):
        return (None,) * len(entries)
    transaction.need(message.size, times=2)
    number = _insert_message(transaction, message)
    pairs = zip(entries, fresh, strict=True)
    due = message.received
    return tuple(_insert_entry(transaction, number, entry, due) if new else None for entry, new in pairs)


def _put_following(transaction: Transaction, put: Put) -> None:
    """Keep a message that follows from another, with its entries. Raises QueueFull."""
    _need_for_following(transaction, put.message.size)
    number = _insert_message(transaction, put.message)
    for entry in put.entries:
        _insert_entry(transaction, number, entry)


def _insert_message(transaction: Transaction, message: Message) -> int:
    """Keep a message, as yet without entries; its id."""
    blocks = message.blocks()
    first = next(iter(blocks))
    size = len(first)
    values = (message.trace, message.envsender, message.received, message.size, first)
    number = transaction.insert(_MESSAGE, values)
    for place, block in enumerate(blocks, 1):
        transaction.insert(_BLOCK, (number, place, block))
        size += len(block)
    if size != message.size:
        raise QueueTrouble(f"a message of {message.size} octets was to be kept, and there were {size}")
    return number


def _need_for_following(transaction: Transaction, octets: int) -> None:
    """Make sure that there is room for what follows from a message that is here already. Raises QueueFull."""
    transaction.need(octets, of_reserve=FOLLOWING)


def _insert_entry(transaction: Transaction, number: int, entry: Entry, due: float | None = None) -> int:
    """Keep an entry of the message with this id, due at its own time, or else at `due`, or else now; its own id."""
    due = transaction.now if due is None else due
    return transaction.insert(
        _ENTRY,
        (
            number,
            entry.queue,
            entry.listid,
            entry.subaddress,
            json.dumps(entry.recipients),
            json.dumps(dict(entry.metadata)),
            due if entry.next_attempt is None else entry.next_attempt,
            entry.last_error,
        ),
    )


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
        if failures >= values.MAX_FAILURES:
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


def _keep_notes(
    transaction: Transaction, claimed: Claimed, metadata: Mapping[str, Any], lease_seconds: float
) -> Claimed:
    """Keep the runner's own notes, and let the lease last so long from now on."""
    until = transaction.now + lease_seconds
    _change_own(transaction, _GO_ON, claimed, until, json.dumps(dict(metadata)))
    return replace(claimed, metadata=metadata, leased_until=until)


def forget_message(transaction: Transaction, message: int) -> None:
    """Forget a message that no entry needs any more."""
    transaction.change(_FORGET, (message, message))


def later(transaction: Transaction, claimed: Claimed, when: float, error: str) -> None:
    """Give the entry back until then; what failed before is forgiven, for something was done."""
    _change_own(transaction, _LATER, claimed, 0, error, when)


def failed(transaction: Transaction, claimed: Claimed, error: str) -> bool:
    """Count a failure of the handler; whether it was the last, and the entry is shunted now."""
    failures = claimed.failures + 1
    if failures >= values.MAX_FAILURES:
        give_up(transaction, claimed, error)
        return True
    _change_own(transaction, _LATER, claimed, failures, error, transaction.now + values.FAILURE_PAUSES[failures - 1])
    return False


def give_up(transaction: Transaction, claimed: Claimed, error: str) -> None:
    """Shunt the entry."""
    _change_own(transaction, _SHUNT + _OWN, claimed, claimed.failures + 1, error)


def go_on(
    transaction: Transaction,
    claimed: Claimed,
    metadata: Mapping[str, Any],
    lease_seconds: float,
    entries: Sequence[Entry],
) -> Claimed:
    """Keep how far the runner has come; the claim as it is then. Raises QueueFull."""
    _need_for_following(transaction, sum(len(each) + 3 for entry in entries for each in entry.recipients))
    still = _keep_notes(transaction, claimed, metadata, lease_seconds)
    for entry in entries:
        _insert_entry(transaction, claimed.message, entry)
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
    _change_own(transaction, _DONE, claimed)
    for entry in entries:
        _insert_entry(transaction, claimed.message, entry)
    for put in new:
        _put_following(transaction, put)
    forget_message(transaction, claimed.message)
    return claim(transaction, next_from, claimed.runner, lease_seconds, limit=1)
