"""A run of the bench with groups that measure nothing: each has its folder, and its tables come as it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import run
from bench.checks import Check, times
from bench.groups import Participant, Site
from bench.programs import BenchError


class Group:
    """One whose server is a folder, which is empty when it is stopped; `value` is what was promised to be 1."""

    def __init__(self, site: Site, title: str, value: float) -> None:
        self.title = title
        self._value = value
        self._folder = site.folder / "many"
        self._folder.mkdir()
        (self._folder / "running").touch()
        site.stack.callback((self._folder / "running").unlink)

    def everyone(self) -> Sequence[Participant]:
        return [self]

    def warm_up(self, seconds: float, start: int) -> None:
        others = self._folder.parent.parent.glob("*/many/running")
        assert [*others] == [self._folder / "running"], "somebody else runs beside it"

    def take_turn(self, seconds: float, start: int) -> None:
        if self._value < 0:
            raise BenchError(f"{self.title} broke down")

    def figures(self) -> tuple[str, str, str, str]:
        return f"server of {self.title}", "1", "", ""

    def finish(self, seconds: float, numbers: int) -> Sequence[Participant]:
        return ()

    def promises(self) -> list[Check]:
        return [times("as fast", self._value, 1)]

    def notes(self) -> Sequence[str]:
        return ()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A run with groups of these values, whose folder is tmp_path."""

    def started(*values: float, options: Sequence[str] = ()) -> int:
        groups = {f"group{n}": lambda site, n=n, v=v: Group(site, f"group {n}", v) for n, v in enumerate(values)}
        monkeypatch.setattr(run, "GROUPS", groups)
        return run.main(options)

    monkeypatch.setattr(run, "OUT", tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # what a run does at TERM is no matter of the tests' process
    return started


def test_a_folder_for_each_group_whose_tables_are_printed_and_kept(
    bench: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(1.0, 2.0) == 0
    out, progress = capsys.readouterr()
    assert out.index("group 0:") < out.index("server of group 0") < out.index("group 1:")
    assert (tmp_path / "results.md").read_text().strip() == out.strip()
    assert f"the tables are kept in {tmp_path}/results.md" in progress
    assert [path.name for path in tmp_path.iterdir()] == ["results.md"]


def test_what_was_measured_before_a_group_broke_down_is_kept(
    bench: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(1.0, -1.0) == 2
    assert "bench: group 1 broke down" in capsys.readouterr().err
    assert "server of group 0" in (tmp_path / "results.md").read_text()


def test_a_promise_that_is_missed_counts_but_for_a_quick_run(bench: Callable[..., int], tmp_path: Path) -> None:
    assert bench(0.5, 1.0) == 1
    assert bench(0.5, 1.0, options=["--quick"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"results.md", "quick.md"}


def test_a_file_that_cannot_be_written_is_told_at_once(
    bench: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(-1.0, options=["--markdown", str(tmp_path / "missing/file")]) == 2
    assert "the tables cannot be kept: " in capsys.readouterr().err
