"""The queue's SQLite file as services write to it: the driver itself, WAL, synchronous=FULL.

- A transaction holds the write lock from its first moment: two processes never work from the same old state. It has one
  time, `now`, and what is kept follows the clock before anything else is done (clock.py).
- Before each transaction and after its commit the path is looked at. Where another file, or none, has taken the place
  of the one that is open, it is left; what was just written went nowhere, which is QueueTrouble.
- After any trouble the connection is dropped, and the next transaction opens the file anew. No file is ever made here.
- Every error of SQLite is a QueueTrouble that names the file, and a QueueFull where there is no room.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gatepost_queue.errors import QueueFull, QueueTrouble
from gatepost_queue.sqlite.clock import Clock, MachineClock, follow, now
from gatepost_queue.sqlite.holders import Holders
from gatepost_queue.sqlite.schema_version import SCHEMA_VERSION, VERSION_TABLE

# How long a transaction waits for another process that has the write lock.
BUSY_SECONDS = 5.0
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = OFF",
    # The log is copied into the file when it has so many pages (16 MiB).
    "wal_autocheckpoint = 1024",
    "journal_size_limit = 67108864",
)
# Before that it grows by one transaction more (writer.BATCH_OCTETS).
LOG_OCTETS = 24 * 1024 * 1024
# Octets that no message may use up: the log must be able to grow so far, or nothing could be changed any more. What it
# has already counts as a part of them.
RESERVE = LOG_OCTETS
_SIZES = (
    "SELECT page_count * page_size, freelist_count * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
# Milliseconds that readers may keep the log from being cut short.
_SHORTLY = 200
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_PROBE = bytes(64 * 1024)
# What mends that something else stands in the place of a queue, before the command that makes one.
ANOTHER = "move it away, or name another file in [queue] engine, and make one with"

# The parameters and the rows of a statement.
Values = tuple[object, ...]
Row = tuple[Any, ...]
# Device and inode of the file, and of its log.
_Identity = tuple[tuple[int, int], ...]


class Transaction:
    """What works inside one transaction get: statements, room, the time, who is alive, what is to be done at its end.

    now: seconds since the epoch.
    """

    def __init__(self, cursor: sqlite3.Cursor, path: Path, holders: Holders, now: float) -> None:
        self.now = now
        self._cursor = cursor
        self._path = path
        self._in_log = self._in_file = 0
        self.holders = holders
        self.after_commit: list[Callable[[], object]] = []
        self.after_failure: list[Callable[[], object]] = []

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """Run a statement; its rows."""
        return self._cursor.execute(statement, values).fetchall()

    def change(self, statement: str, values: Values) -> int:
        """Run a statement that changes something; the number of rows that it changed."""
        return self._cursor.execute(statement, values).rowcount

    def insert(self, statement: str, values: Values) -> int:
        """Run an INSERT; the id of the new row."""
        return self._cursor.execute(statement, values).lastrowid or 0

    def need(self, octets: int, times: int = 1, of_reserve: int = 0) -> None:
        """Make sure that there is room for so many octets more, in the log and, so many times, in the file.

        of_reserve: octets of the reserve that may be used. What has been forgotten has left room in the file, and none
        on the disk; what has not been copied from the log yet will take room in the file. Raises QueueFull.
        """
        self._in_log += octets
        self._in_file += times * octets
        [(size, unused)] = self.rows(_SIZES)
        to_come = max(0, size - self._path.stat().st_size)
        needed = RESERVE - of_reserve - min(self._log_octets(), LOG_OCTETS) + to_come + self._in_log
        needed += max(0, self._in_file - unused)
        disk = os.statvfs(self._path.parent)
        free = disk.f_bavail * disk.f_frsize
        if free < needed:
            raise QueueFull(f"{self._path}: there is no room: {free} octets are free, and {needed} are needed")

    def _log_octets(self) -> int:
        return self._path.with_name(f"{self._path.name}-wal").stat().st_size

    def call(self, calls: list[Callable[[], object]]) -> None:
        """Do what is to be done at the end, the newest first."""
        while calls:
            calls.pop()()


class Connection:
    """Opens the file when it is needed. Belongs to one thread at a time."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        """`clock`: the machine's, unless a test has another."""
        self.path = path.absolute()
        self._clock = clock or MachineClock()
        self._connection: sqlite3.Connection | None = None
        self._identity: _Identity = ()
        self._holders = Holders(self.path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All that is done inside is on stable storage afterwards, or, if this raises, nothing of it is kept.

        Raises QueueTrouble; what the inside raises passes through, but for errors of SQLite and of files.
        """
        with self._named_trouble():
            connection = self._open()
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            moment = now(self._clock)
            transaction = Transaction(cursor, self.path, self._holders, moment.wall)
            try:
                follow(transaction, self._clock.boot(), moment)
                yield transaction
                cursor.execute("COMMIT")
                self._look_at_file()
            except BaseException:
                transaction.call(transaction.after_failure)
                if connection.in_transaction:
                    connection.rollback()
                raise
        transaction.call(transaction.after_commit)

    @contextmanager
    def _named_trouble(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            found = trouble(self.path, error)
            self._give_way(found)
            raise found from error
        except QueueTrouble as error:
            self._give_way(error)
            raise

    def _give_way(self, error: QueueTrouble) -> None:
        """Drop the connection; where there is no room, cut the log short before, which nobody does without a commit."""
        if isinstance(error, QueueFull) and self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.execute(f"PRAGMA busy_timeout = {_SHORTLY}")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._drop()

    def close(self) -> None:
        """Let go of the file. Deliveries that have not been confirmed count as lost from now on."""
        self._drop()
        self._holders.close()

    def _drop(self) -> None:
        """Let go of the file for now: the next transaction opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and _identity(self.path) != self._identity:
            self._drop()
        if self._connection is None:
            self._connection = open_file(self.path)
            self._identity = _identity(self.path)
            self._holders.hold()
        return self._connection

    def _look_at_file(self) -> None:
        if _identity(self.path) != self._identity:
            raise QueueTrouble(f"{self.path}: another file has taken its place")


def open_file(path: Path) -> sqlite3.Connection:
    """A connection to a queue that is there. Raises sqlite3.Error, OSError, and QueueTrouble for another version."""
    path.stat()  # names the reason, where SQLite would only say that it cannot open the file
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if VERSION_TABLE not in tables:
        raise no_queue(path, is_empty=not tables)
    found = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()  # noqa: S608 - a constant
    if found != [(SCHEMA_VERSION,)]:
        schema = ", ".join(str(row[0]) for row in found) or "none"
        is_newer = bool(found) and schema > SCHEMA_VERSION
        hint = "use the newer gatepost that made it" if is_newer else "bring it up with: gatepost init"
        raise QueueTrouble(f"{path}: its schema is {schema}, not {SCHEMA_VERSION}", hint)


def no_queue(path: Path, *, is_empty: bool) -> QueueTrouble:
    """What is told of a file that is none; a database without tables can become one."""
    if is_empty:
        return QueueTrouble(f"{path}: this is no queue of gatepost's", "make one with: gatepost init")
    hint = f"{ANOTHER}: gatepost init"
    return QueueTrouble(f"{path}: this is a database of something else, with other tables", hint)


def _identity(path: Path) -> _Identity:
    """What tells this file, and its log if it has one, from any other. Raises OSError where there is no file."""
    files = [path.stat()]
    with suppress(FileNotFoundError):
        files.append(path.with_name(f"{path.name}-wal").stat())
    return tuple((file.st_dev, file.st_ino) for file in files)


def trouble(path: Path, error: sqlite3.Error | OSError) -> QueueTrouble:
    """The error as the queue's users are told it."""
    if isinstance(error, OSError):
        hint = "make it with: gatepost init" if error.errno == errno.ENOENT else ""
        text = f"{error.filename or path}: {error.strerror or error}"
        return (QueueFull if error.errno in _NO_ROOM else QueueTrouble)(text, hint)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return QueueTrouble(f"{path}: another process has been changing it for over {BUSY_SECONDS:g} s")
    if code == sqlite3.SQLITE_NOTADB:
        return QueueTrouble(f"{path}: {error}", f"{ANOTHER}: gatepost init")
    if code == sqlite3.SQLITE_FULL:
        return QueueFull(f"{path}: there is no room: {error}")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and (why := _no_room(path.parent)):
        return QueueFull(f"{path}: {why}")
    return QueueTrouble(f"{path}: {error}")


def _no_room(folder: Path) -> str:
    """Why nothing can be written in a folder for want of room; '' if there is room. SQLite does not tell a quota."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return str(error.strerror) if error.errno in _NO_ROOM else ""
    return ""
