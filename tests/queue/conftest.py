"""A fresh queue for each test, with a clock that stands still until it is told to go on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_queue import Queue
from gatepost_queue.versions import create
from labs.queue import Clock


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty queue's file, to be copied: making one takes a while."""
    file = tmp_path_factory.mktemp("empty") / "queue.db"
    create(f"sqlite:///{file}")
    return file


@pytest.fixture
def path(tmp_path: Path, empty: Path) -> Path:
    """An empty queue's file."""
    return Path(shutil.copy(empty, tmp_path / "queue.db"))


@pytest.fixture
def clock() -> Clock:
    """The clock of `queue`."""
    return Clock()


@pytest.fixture
def queue(path: Path, clock: Clock) -> Iterator[Queue]:
    """An open queue in `path`."""
    with closing(Queue(path, clock=clock)) as opened:
        yield opened
