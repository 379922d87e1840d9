"""Deliveries whose replies a client may not have got: what it sends again is then taken, and not queued twice.

Each recipient of a delivery has a row from the moment when the message is kept (in the same transaction) to the
client's next command. A delivery is lost when its connection broke before that, or when the process that had the
connection is dead. The row of a lost one is kept for a day; the client's next attempt takes it over. A row whose
delivery is still under way says nothing: the same message over another connection was sent on purpose.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from gatepost_queue.sqlite.connection import Transaction
from gatepost_queue.values import Delivery

REMEMBERED = 86400.0  # s

_FIND = "SELECT holder, number, lost FROM delivery WHERE key = ? AND taken > ? ORDER BY taken, number"
_INSERT = "INSERT INTO delivery (key, holder, number, taken) VALUES (?, ?, ?, ?)"
_REPLACE = (
    "UPDATE delivery SET holder = ?, number = ?, taken = ?, lost = FALSE WHERE key = ? AND holder = ? AND number = ?"
)
_CONFIRM = "DELETE FROM delivery WHERE key = ? AND holder = ? AND number = ?"
_LOSE = "UPDATE delivery SET lost = TRUE WHERE key = ? AND holder = ? AND number = ?"
_FORGET = "DELETE FROM delivery WHERE taken <= ?"


def take(transaction: Transaction, delivery: Delivery, envsender: str, entries: Sequence[Sequence[str]]) -> list[bool]:
    """Remember the recipients of each entry; for each entry, whether it is new, not all of it taken before."""
    rows: list[tuple[bytes, int]] = []
    fresh = []
    for recipients in entries:
        keys = [delivery.key(envsender, recipient) for recipient in recipients]
        known = [_take_over(transaction, key, rows) for key in keys]
        fresh.append(not (known and all(known)))
    # At once: in the same transaction it may turn out that the connection is lost.
    delivery.keys.extend(rows)
    transaction.after_failure.append(delivery.keys.clear)
    return fresh


def _take_over(transaction: Transaction, key: bytes, rows: list[tuple[bytes, int]]) -> bool:
    """Remember one recipient; whether a lost delivery had it already."""
    holders, now = transaction.holders, transaction.now
    row = secrets.randbits(62)
    rows.append((key, row))
    for holder, number, lost in transaction.rows(_FIND, (key, now - REMEMBERED)):
        if lost or not holders.is_alive(holder):
            transaction.change(_REPLACE, (holders.own, row, now, key, holder, number))
            return True
    transaction.change(_INSERT, (key, holders.own, row, now))
    return False


def confirm(transaction: Transaction, delivery: Delivery) -> None:
    """The client has the replies: forget the delivery."""
    _change_rows(transaction, delivery, _CONFIRM)


def lose(transaction: Transaction, delivery: Delivery) -> None:
    """The client may not have the replies; forget those that it has not asked about for a day, too."""
    _change_rows(transaction, delivery, _LOSE)
    transaction.change(_FORGET, (transaction.now - REMEMBERED,))


def _change_rows(transaction: Transaction, delivery: Delivery, statement: str) -> None:
    for key, number in delivery.keys:
        transaction.change(statement, (key, transaction.holders.own, number))
    transaction.after_commit.append(delivery.keys.clear)
