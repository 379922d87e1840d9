"""A fresh queue for each test and engine, with a clock that stands still until it is told to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_queue import Queue
from labs.queue import Clock
from labs.queue.stored import ENGINES, Stored


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> type[Stored]:
    """One engine after the other."""
    return ENGINES[request.param]


@pytest.fixture(scope="session")
def template(engine: type[Stored], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What its queues are made of."""
    return engine.made(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def stored(engine: type[Stored], template: Path, tmp_path: Path) -> Stored:
    """An empty queue."""
    return engine(tmp_path, template)


@pytest.fixture
def cramped(engine: type[Stored], template: Path, tmp_path: Path) -> Iterator[Stored]:
    """An empty queue that has little room: 40 MiB."""
    with engine.cramped(tmp_path / "cramped", 40, template) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    """The clock of `queue`."""
    return Clock()


@pytest.fixture
def queue(stored: Stored, clock: Clock) -> Iterator[Queue]:
    """The queue in `stored`, open."""
    with closing(stored.open(clock)) as opened:
        yield opened
