"""What all tests share: how hypothesis works here, how new files are, and what is left out without root.

No example has a deadline, because a busy machine is no fault; `make soak` tries fifty times as many. The servers and
programs of a test run as other users, too, and read what it writes: the umask of whoever runs it does not count. Nor do
the settings that `make run` has written into the checkout: commands are run in an empty folder.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from labs.needs import IS_ROOT

settings.register_profile("gatepost", deadline=None, max_examples=5000 if "GATEPOST_SOAK" in os.environ else 100)
settings.load_profile("gatepost")
os.umask(0o022)


@pytest.fixture(scope="session", autouse=True)
def _without_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    os.environ.pop("GATEPOST_CONFIG", None)
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("without-settings"))
    yield
    os.chdir(before)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Real mail servers change to other users: without root, nothing that drives one is run."""
    if not IS_ROOT:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("mta")])
        items[:] = [item for item in items if not item.get_closest_marker("mta")]


def pytest_unconfigure(config: pytest.Config) -> None:
    """As the last line of a run without root, say what is missing in it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not IS_ROOT and reporter:
        skipped = len(reporter.stats.get("skipped", ()))
        reporter.write_line(
            "left out: the tests with real mail servers, which need root (they change to other users),"
            f" and {skipped} that were skipped for the reasons above"
        )
