"""What people and gauges see of the queue in a SQLite file, and what people do to entries.

- Looking makes no writer wait: each look opens the file, reads one state of it, and lets go of it.
- An entry that a runner has is left alone, until its lease has expired.
- Whether anything has changed costs one read: SQLite counts the changes of others in its data_version.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from gatepost_queue.errors import EntryInUse, NoSuchEntry
from gatepost_queue.metadata import Decision, HeldMetadata
from gatepost_queue.sqlite.clock import Clock
from gatepost_queue.sqlite.connection import Connection, Row, Transaction, open_file, trouble
from gatepost_queue.sqlite.entries import BLOCKS, COLUMNS, JOINED, forget_message, queued
from gatepost_queue.values import HELD, QUEUES, SHUNT, Figure, Waiting, runner_of

_READ = f"SELECT {COLUMNS}, e.next_attempt, e.last_error, e.origin, m.size"
_LIST = f"{_READ} {JOINED} WHERE ? IN ('', e.queue) AND ? IN ('', e.listid) ORDER BY e.queue, e.next_attempt, e.id"
_ONE = f"{_READ}, m.id, m.content {JOINED} WHERE e.id = ?"
# By an index alone; ids are given in the order of time.
_COUNTS = "SELECT queue, COUNT(*), MIN(id) FROM entry GROUP BY queue"
_RECEIVED = f"SELECT m.received {JOINED} WHERE e.id = ?"
_FULL = f"SELECT e.listid {JOINED} WHERE e.queue = ? GROUP BY e.listid HAVING COUNT(*) >= ? OR SUM(m.size) >= ?"
_ANY = 2**63 - 1

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


class SqliteDesk:
    """The desk of a queue in a SQLite file (gatepost_queue.Desk)."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        """`clock`: the machine's, unless a test has another."""
        self._path = path
        self._clock = clock
        self._watching: sqlite3.Connection | None = None
        self._seen = -1

    def ls(self, queue: str = "", listid: str = "") -> Iterator[Waiting]:
        with _reading(self._path) as connection:
            for row in connection.execute(_LIST, (queue, listid)):
                yield _waiting(row)

    def show(self, number: int) -> tuple[Waiting, bytes]:
        with _reading(self._path) as connection:
            row = connection.execute(_ONE, (number,)).fetchone()
            if row is None:
                raise NoSuchEntry(f"there is no entry {number}")
            *columns, message, first = row
            blocks = [block for (block,) in connection.execute(BLOCKS, (message,))]
            return _waiting(tuple(columns)), b"".join((first, *blocks))

    def show_held(self, number: int) -> tuple[Waiting, bytes]:
        waiting, content = self.show(number)
        _require_held(number, waiting.queue)
        return waiting, content

    def figures(self, now: float) -> list[Figure]:
        with _reading(self._path) as connection:
            found = {}
            for queue, messages, oldest in connection.execute(_COUNTS).fetchall():
                received = connection.execute(_RECEIVED, (oldest,)).fetchone()[0]
                found[queue] = Figure(queue, messages, max(0.0, now - received))
        return [found.get(queue, Figure(queue, 0, 0.0)) for queue in QUEUES]

    def retry(self, numbers: Iterable[int]) -> None:
        with self._transaction() as transaction:
            for number in numbers:
                _retry(transaction, number)

    def retry_shunted(self) -> list[int]:
        with self._transaction() as transaction:
            numbers = [number for (number,) in transaction.rows(_SHUNTED, (SHUNT,))]
            for number in numbers:
                _retry(transaction, number)
        return numbers

    def drop(self, numbers: Iterable[int]) -> None:
        with self._transaction() as transaction:
            for number in numbers:
                _drop(transaction, number)

    def decide(self, numbers: Iterable[int], decision: Decision) -> None:
        with self._transaction() as transaction:
            for number in numbers:
                _decide(transaction, number, decision)

    def discard(self, numbers: Iterable[int], *, missing_ok: bool = False) -> None:
        with self._transaction() as transaction:
            for number in numbers:
                with suppress(NoSuchEntry) if missing_ok else nullcontext():
                    _require_held(number, _held(transaction, number)[0])
                    _drop(transaction, number)

    def has_changed(self) -> bool:
        try:
            if self._watching is None:
                self._watching = open_file(self._path)
            seen = self._watching.execute("PRAGMA data_version").fetchone()[0]
        except Exception:
            # Whoever looks for work then is told what the trouble is.
            self.close()
            return True
        before, self._seen = self._seen, seen
        return bool(before != seen)

    def close(self) -> None:
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        self._seen = -1

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with closing(Connection(self._path, self._clock)) as connection, connection.transaction() as transaction:
            yield transaction


def full_lists(path: Path, messages: int, octets: int) -> frozenset[str]:
    """The list_ids of those lists that have as many held messages, or octets of them; 0 for any number."""
    if not messages and not octets:
        return frozenset()
    with _reading(path) as connection:
        return frozenset(listid for (listid,) in connection.execute(_FULL, (HELD, messages or _ANY, octets or _ANY)))


def expire(transaction: Transaction, days: Mapping[str, int], limit: int) -> int:
    """Send held entries on that have waited for as many days as `days` has for their list, as `decide` does, at most
    `limit`; how many there were."""
    if not days:
        return 0
    now = transaction.now
    waiting = transaction.rows(_WAITING, (HELD, now - min(days.values()) * _DAY))
    kept_since = {listid: now - number * _DAY for listid, number in days.items()}
    over = [(number, days[listid]) for number, listid, since in waiting if since <= kept_since.get(listid, 0.0)][:limit]
    for number, waited in over:
        _decide(transaction, number, Decision(waited_days=waited))
    return len(over)


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


def _waiting(row: Row) -> Waiting:
    fields, (next_attempt, last_error, origin, size) = queued(row)
    return Waiting(**fields, next_attempt=next_attempt, last_error=last_error, origin=origin, size=size)


def _retry(transaction: Transaction, number: int) -> None:
    _find(transaction, number)
    transaction.change(_RETRY, (transaction.now, number))


def _drop(transaction: Transaction, number: int) -> None:
    """Forget an entry, and its message with the last entry of it."""
    message = _find(transaction, number)
    transaction.change(_DROP, (number,))
    forget_message(transaction, message)


def _decide(transaction: Transaction, number: int, decision: Decision) -> None:
    queue, metadata = _held(transaction, number)
    _require_held(number, queue)
    decided = json.dumps({**metadata, **decision.to_json()})
    transaction.change(_DECIDE, (HeldMetadata.from_json(metadata).queue, decided, transaction.now, number))


def _require_held(number: int, queue: str) -> None:
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
