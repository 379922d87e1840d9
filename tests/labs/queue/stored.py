"""Queues of each engine for the tests of what all engines keep to, and what can go wrong with what they are kept in.

A new engine is one class and one line in ENGINES.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from gatepost_queue import Desk, Queue, create
from gatepost_queue.sqlite.clock import Clock
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.queue.disk import Disk, fill


class Stored(ABC):
    """A queue that has been made, empty, in a folder of the test's. Faults last until what is beside them is called."""

    url: str

    @abstractmethod
    def __init__(self, folder: Path, template: Path) -> None:
        """It is made in `folder`, by what `made` has given."""

    @staticmethod
    @abstractmethod
    def made(folder: Path) -> Path:
        """What all tests make theirs of, made once, by the command's own way."""

    @classmethod
    @abstractmethod
    def cramped(cls, folder: Path, mebibytes: int, template: Path) -> AbstractContextManager[Stored]:
        """One with so little room; skips the test where that cannot be had."""

    @abstractmethod
    def open(self, clock: Clock | None = None) -> Queue:
        """It, as one process more has it."""

    @abstractmethod
    def desk(self, clock: Clock | None = None) -> Desk:
        """Its desk."""

    @abstractmethod
    def contents(self) -> list[bytes]:
        """All messages that it keeps, each once; AssertionError where something is kept by halves."""

    @abstractmethod
    def take_away(self) -> None:
        """What it is kept in is gone, until `bring_back`."""

    @abstractmethod
    def bring_back(self) -> None:
        """It is there again, as it was."""

    @abstractmethod
    def lose(self) -> None:
        """What it is kept in is gone for ever."""

    @abstractmethod
    def damage(self) -> None:
        """What it is kept in cannot be read any more, until `mend`; nobody has it open."""

    @abstractmethod
    def mend(self) -> None:
        """It is as it was before."""

    @abstractmethod
    def fill(self) -> None:
        """There is no room left where it is, until `make_room`. Only for one that has little (`cramped`)."""

    @abstractmethod
    def make_room(self) -> None:
        """There is as much as before."""


class StoredInSqlite(Stored):
    """A file. Making one takes a while: the template is one to copy."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.path = Path(shutil.copy(template, folder / "queue.db"))
        self.url = f"sqlite:///{self.path}"
        self._good = b""

    @staticmethod
    def made(folder: Path) -> Path:
        create(f"sqlite:///{folder / 'queue.db'}")
        return folder / "queue.db"

    @classmethod
    @contextmanager
    def cramped(cls, folder: Path, mebibytes: int, template: Path) -> Iterator[StoredInSqlite]:
        with Disk(folder, mebibytes):
            yield cls(folder, template)

    def open(self, clock: Clock | None = None) -> SqliteQueue:
        return SqliteQueue(self.path, clock=clock)

    def desk(self, clock: Clock | None = None) -> SqliteDesk:
        return SqliteDesk(self.path, clock)

    def contents(self) -> list[bytes]:
        with closing(sqlite3.connect(self.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            blocks = dict[int, list[bytes]]()
            for number, content in connection.execute(
                "SELECT id, content FROM message UNION ALL SELECT message_id, content FROM message_block"
            ):
                blocks.setdefault(number, []).append(content)
        return [b"".join(each) for each in blocks.values()]

    def take_away(self) -> None:
        self.path.rename(self._away)

    def bring_back(self) -> None:
        self._away.rename(self.path)

    def lose(self) -> None:
        for file in self.path.parent.glob("queue.db*"):
            file.unlink()

    def damage(self) -> None:
        self._good = self.path.read_bytes()
        head = 16384  # the first page, by which it is still a database
        self.path.write_bytes(self._good[:head] + os.urandom(len(self._good) - head))

    def mend(self) -> None:
        self.path.write_bytes(self._good)

    def fill(self) -> None:
        fill(self._filler)

    def make_room(self) -> None:
        self._filler.unlink()

    @property
    def _away(self) -> Path:
        return self.path.with_name("away.db")

    @property
    def _filler(self) -> Path:
        return self.path.with_name("filler")


ENGINES: dict[str, type[Stored]] = {"sqlite": StoredInSqlite}
