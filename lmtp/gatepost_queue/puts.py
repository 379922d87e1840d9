"""Putting a message into the queue, inside a transaction that somebody else begins and commits.

A message from outside must find room for itself and, as big again, for what follows from it (a post as the members get
it), which may use a part of the reserve too: so a queue that has got full can be emptied.
"""

from __future__ import annotations

import json

from gatepost_queue.connection import Transaction
from gatepost_queue.deliveries import take
from gatepost_queue.errors import QueueTrouble
from gatepost_queue.values import Delivery, Entry, Message, Put

# Octets of the reserve that are for what follows from messages: their entries, and pages that are not full.
FOLLOWING = 4 * 1024 * 1024
_MESSAGE = "INSERT INTO message (trace, envsender, received, size, content) VALUES (?, ?, ?, ?, ?)"
_BLOCK = "INSERT INTO message_block (message_id, number, content) VALUES (?, ?, ?)"
_ENTRY = (
    "INSERT INTO entry (message_id, queue, listid, subaddress, recipients, metadata, next_attempt, last_error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


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
    return tuple(insert_entry(transaction, number, entry, due) if new else None for entry, new in pairs)


def put_following(transaction: Transaction, put: Put) -> None:
    """Keep a message that follows from another, with its entries. Raises QueueFull."""
    need_for_following(transaction, put.message.size)
    number = _insert_message(transaction, put.message)
    for entry in put.entries:
        insert_entry(transaction, number, entry)


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


def need_for_following(transaction: Transaction, octets: int) -> None:
    """Make sure that there is room for what follows from a message that is here already. Raises QueueFull."""
    transaction.need(octets, of_reserve=FOLLOWING)


def insert_entry(transaction: Transaction, number: int, entry: Entry, due: float | None = None) -> int:
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
