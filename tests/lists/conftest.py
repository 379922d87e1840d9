"""The world of the cases in both engines, made once."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from cases import build_store, build_toml
from gatepost_lists import Directory, open_directory


@pytest.fixture(scope="session")
def in_toml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with closing(open_directory(build_toml(tmp_path_factory.mktemp("world") / "lists.toml"))) as directory:
        yield directory


@pytest.fixture(scope="session")
def in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with closing(open_directory(build_store(tmp_path_factory.mktemp("world") / "gatepost.db"))) as directory:
        yield directory
