"""The world of the cases in every engine, each made once."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from cases import WORLD
from gatepost_lists import Directory
from labs import engines
from labs.engines import ENGINES


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """The world of the cases in each engine."""
    with closing(ENGINES[request.param](tmp_path_factory.mktemp("world"), WORLD)) as directory:
        yield directory


@pytest.fixture(scope="session")
def in_toml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with closing(engines.in_toml(tmp_path_factory.mktemp("world"), WORLD)) as directory:
        yield directory


@pytest.fixture(scope="session")
def in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with closing(engines.in_sqlite(tmp_path_factory.mktemp("world"), WORLD)) as directory:
        yield directory
