"""What waits in a queue, for commands and metrics: each call opens the file, reads, and lets go of it.

No writer is made to wait. Raises QueueTrouble, NoSuchEntry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatepost_queue.connection import Row, open_file, trouble
from gatepost_queue.errors import NoSuchEntry
from gatepost_queue.rows import BLOCKS, COLUMNS, JOINED, queued
from gatepost_queue.values import HELD, QUEUES, Figure, Waiting

_READ = f"SELECT {COLUMNS}, e.next_attempt, e.last_error, e.origin, m.size"
_LIST = f"{_READ} {JOINED} WHERE ? IN ('', e.queue) AND ? IN ('', e.listid) ORDER BY e.queue, e.next_attempt, e.id"
_ONE = f"{_READ}, m.id, m.content {JOINED} WHERE e.id = ?"
# By an index alone; ids are given in the order of time.
_COUNTS = "SELECT queue, COUNT(*), MIN(id) FROM entry GROUP BY queue"
_RECEIVED = f"SELECT m.received {JOINED} WHERE e.id = ?"
_FULL = f"SELECT e.listid {JOINED} WHERE e.queue = ? GROUP BY e.listid HAVING COUNT(*) >= ? OR SUM(m.size) >= ?"
_ANY = 2**63 - 1


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = None
    try:
        connection = open_file(path)
        connection.execute("BEGIN")
        yield connection
    except (sqlite3.Error, OSError) as error:
        raise trouble(path, error) from error
    finally:
        if connection is not None:
            connection.close()


def ls(path: Path, queue: str = "", listid: str = "") -> Iterator[Waiting]:
    """The entries, all or those of one queue or list, by queue and time."""
    with _reading(path) as connection:
        for row in connection.execute(_LIST, (queue, listid)):
            yield _waiting(row)


def show(path: Path, number: int) -> tuple[Waiting, bytes]:
    """One entry and its message's content."""
    with _reading(path) as connection:
        row = connection.execute(_ONE, (number,)).fetchone()
        if row is None:
            raise NoSuchEntry(f"there is no entry {number}")
        *columns, message, first = row
        blocks = [block for (block,) in connection.execute(BLOCKS, (message,))]
        return _waiting(tuple(columns)), b"".join((first, *blocks))


def figures(path: Path, now: float) -> list[Figure]:
    """A Figure for each of QUEUES."""
    with _reading(path) as connection:
        found = {}
        for queue, messages, oldest in connection.execute(_COUNTS).fetchall():
            received = connection.execute(_RECEIVED, (oldest,)).fetchone()[0]
            found[queue] = Figure(queue, messages, max(0.0, now - received))
    return [found.get(queue, Figure(queue, 0, 0.0)) for queue in QUEUES]


def full_lists(path: Path, messages: int, octets: int) -> frozenset[str]:
    """The list_ids of those lists that have as many held messages, or octets of them; 0 for any number."""
    if not messages and not octets:
        return frozenset()
    with _reading(path) as connection:
        return frozenset(listid for (listid,) in connection.execute(_FULL, (HELD, messages or _ANY, octets or _ANY)))


def _waiting(row: Row) -> Waiting:
    fields, (next_attempt, last_error, origin, size) = queued(row)
    return Waiting(**fields, next_attempt=next_attempt, last_error=last_error, origin=origin, size=size)
