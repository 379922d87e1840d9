"""The milter over the world of the cases: its service without libmilter, and the running one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cases import build_store
from gatepost_lists import DEFAULT_RULES, Judging, open_directory
from gatepost_milter import MilterService, Options
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.milter import Milter, milter_settings
from labs.milter.service import AT_HEADERS, MAY_NOT_POST

MakeService = Callable[..., MilterService]


@pytest.fixture(scope="package")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_store(tmp_path_factory.mktemp("milter") / "gatepost.db")


@pytest.fixture(scope="package")
def options(url: str) -> Callable[..., Options]:
    """Makes options of what they and their Judging have; what is not given is the default, over the cases' store."""
    judgings = {field.name for field in fields(Judging)}

    def make(**more: Any) -> Options:
        given = {name: more.pop(name) for name in judgings & more.keys()}
        judging = Judging(**{"open_directory": lambda: open_directory(url), "rules": DEFAULT_RULES, **given})
        return Options(judging, **more)

    return make


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def make_service(options: Callable[..., Options], tally: Tally) -> Iterator[MakeService]:
    """Makes a service that logs no verdicts, unless told otherwise; what it gets are Options."""
    with ExitStack() as made:

        def make(**more: Any) -> MilterService:
            service = MilterService(options(**{"log_verdicts": False, **more}), VerdictLog(), tally)
            made.callback(service.close)
            return service

        yield make


@pytest.fixture
def store(tmp_path: Path) -> Path:
    build_store(tmp_path / "gatepost.db")
    return tmp_path / "gatepost.db"


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that no test changes."""
    path = tmp_path_factory.mktemp("milter")
    build_store(path / "gatepost.db")
    return path


@pytest.fixture(scope="package")
def milter(folder: Path) -> Iterator[Milter]:
    """At the envelope stage; shared, so each test leaves it as it was."""
    with Milter(folder, milter_settings()) as running:
        yield running
        assert running.ask() == MAY_NOT_POST


@pytest.fixture(scope="package")
def at_headers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milter]:
    """At the header stage, with everything turned on; shared."""
    path = tmp_path_factory.mktemp("headers")
    build_store(path / "gatepost.db")
    with Milter(path, milter_settings(*AT_HEADERS)) as running:
        yield running
        assert running.ask() == ""
