"""Putting a message into the queue, inside a transaction that somebody else begins and commits."""

from __future__ import annotations

import json

from gatepost_queue.connection import Transaction
from gatepost_queue.deliveries import take
from gatepost_queue.errors import QueueTrouble
from gatepost_queue.values import Delivery, Entry, Message

_MESSAGE = "INSERT INTO message (trace, envsender, received, size, content) VALUES (?, ?, ?, ?, ?)"
_BLOCK = "INSERT INTO message_block (message_id, number, content) VALUES (?, ?, ?)"
_ENTRY = (
    "INSERT INTO entry (message_id, queue, listid, subaddress, recipients, metadata, next_attempt)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def put(
    transaction: Transaction, now: float, message: Message, entries: tuple[Entry, ...], delivery: Delivery | None
) -> tuple[int | None, ...]:
    """The ids of the new entries; None for those that an earlier, lost delivery has put there already."""
    if delivery is None:
        fresh = [True] * len(entries)
    else:
        senders_recipients = [entry.recipients for entry in entries]
        fresh = take(transaction, now, delivery, message.envsender, senders_recipients)
    if not any(fresh):
        return (None,) * len(entries)
    number = _insert_message(transaction, message)
    pairs = zip(entries, fresh, strict=True)
    return tuple(_insert_entry(transaction, number, message, entry) if new else None for entry, new in pairs)


def _insert_message(transaction: Transaction, message: Message) -> int:
    transaction.need(message.size)
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


def _insert_entry(transaction: Transaction, number: int, message: Message, entry: Entry) -> int:
    return transaction.insert(
        _ENTRY,
        (
            number,
            entry.queue,
            entry.listid,
            entry.subaddress,
            json.dumps(entry.recipients),
            json.dumps(dict(entry.metadata)),
            message.received,
        ),
    )
