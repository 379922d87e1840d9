"""Queues of each engine for the tests of what all engines keep to: a new engine is one class and one line here."""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path

from gatepost_queue import Desk, Queue, create
from gatepost_queue.sqlite.clock import Clock
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue


class Stored(ABC):
    """A queue that has been made, empty, in a folder of the test's."""

    url: str

    @abstractmethod
    def open(self, clock: Clock | None = None) -> Queue:
        """It, as one process more has it."""

    @abstractmethod
    def desk(self, clock: Clock | None = None) -> Desk:
        """Its desk."""

    @abstractmethod
    def contents(self) -> list[bytes]:
        """All messages that it keeps, each once."""

    @abstractmethod
    def take_away(self) -> None:
        """Let what it is kept in be gone, until it is brought back."""

    @abstractmethod
    def bring_back(self) -> None:
        """Let it be there again, as it was."""


class StoredInSqlite(Stored):
    """A file. Making one takes a while: `empty` is one to copy, as `made` makes it."""

    def __init__(self, folder: Path, empty: Path) -> None:
        self.path = Path(shutil.copy(empty, folder / "queue.db"))
        self.url = f"sqlite:///{self.path}"

    @staticmethod
    def made(folder: Path) -> Path:
        """An empty queue, by the command's own way."""
        create(f"sqlite:///{folder / 'queue.db'}")
        return folder / "queue.db"

    def open(self, clock: Clock | None = None) -> SqliteQueue:
        return SqliteQueue(self.path, clock=clock)

    def desk(self, clock: Clock | None = None) -> SqliteDesk:
        return SqliteDesk(self.path, clock)

    def contents(self) -> list[bytes]:
        with closing(sqlite3.connect(self.path)) as connection:
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

    @property
    def _away(self) -> Path:
        return self.path.with_name("away.db")


ENGINES: dict[str, type[StoredInSqlite]] = {"sqlite": StoredInSqlite}
