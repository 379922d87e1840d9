"""A fresh queue in a SQLite file for each test of that engine's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_queue.sqlite.queue import SqliteQueue
from labs.queue import Clock
from labs.queue.stored import StoredInSqlite


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty queue's file, to be copied."""
    return StoredInSqlite.made(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def path(tmp_path: Path, empty: Path) -> Path:
    """An empty queue's file."""
    return Path(shutil.copy(empty, tmp_path / "queue.db"))


@pytest.fixture
def queue(path: Path, clock: Clock) -> Iterator[SqliteQueue]:
    """An open queue in `path`."""
    with closing(SqliteQueue(path, clock=clock)) as opened:
        yield opened
