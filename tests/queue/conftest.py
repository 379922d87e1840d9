"""A fresh queue for each test and engine, with a clock that stands still until it is told to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_queue import Queue
from labs.queue import Clock
from labs.queue.stored import ENGINES, Stored


@pytest.fixture(scope="session", params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Stored]:
    """Makes an empty queue in a folder; of one engine after the other."""
    engine = ENGINES[request.param]
    empty = engine.made(tmp_path_factory.mktemp("empty"))
    return lambda folder: engine(folder, empty)


@pytest.fixture
def stored(store: Callable[[Path], Stored], tmp_path: Path) -> Stored:
    """An empty queue."""
    return store(tmp_path)


@pytest.fixture
def clock() -> Clock:
    """The clock of `queue`."""
    return Clock()


@pytest.fixture
def queue(stored: Stored, clock: Clock) -> Iterator[Queue]:
    """The queue in `stored`, open."""
    with closing(stored.open(clock)) as opened:
        yield opened
