"""A run in the foreground of a terminal ends with it; one that was not started there does not."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import TextIO

import pytest

from cli.test_run import EVERY_PART, NAMES
from labs.running import COMMAND, PATIENCE
from labs.service import wait_gone
from labs.terminal import Window

# How a shell runs a command in its foreground: in its own process group, as make does; and in one for each job.
SHELLS = pytest.mark.parametrize("shell", ["sh -c", "sh -mc"])
# One part in several processes, one that has an event loop, one that has none, all of them.
PARTS = pytest.mark.parametrize("parts", ["", "policy", "milter", "lmtp delivery"])


def line(folder: Path, parts: str = "", before: str = "", after: str = "; :") -> str:
    """The line that somebody types; with something behind it, so that the shell does not become the command."""
    if parts in ("", "milter"):
        pytest.importorskip("Milter", reason="pymilter is not installed")
    (folder / "gatepost.toml").write_text(EVERY_PART)
    return f"{before}{shlex.join(COMMAND)} --config {folder}/gatepost.toml run {parts}{after}"


def names(parts: str) -> list[str]:
    return ["policy", "socketmap"] if parts == "policy" else parts.split() or NAMES


def wait_ready(window: Window, parts: str = "") -> list[int]:
    """Wait until all is ready; the processes of the session but for the shell."""
    for name in names(parts):
        window.wait_for(f"^{name} ready")
    return [pid for pid in window.processes() if pid != window.leader.pid]


@SHELLS
@PARTS
def test_closing_the_window_ends_it(tmp_path: Path, shell: str, parts: str) -> None:
    with Window(*shell.split(), line(tmp_path, parts), folder=tmp_path) as window:
        processes = wait_ready(window, parts)
        assert len(processes) == {"": 6, "lmtp delivery": 3}.get(parts, 1)
        window.close()
        wait_gone(processes)


@SHELLS
def test_the_end_of_the_shell_ends_it(tmp_path: Path, shell: str) -> None:
    with Window(*shell.split(), line(tmp_path), folder=tmp_path) as window:
        processes = wait_ready(window)
        window.leader.kill()
        wait_gone(processes)


def test_without_a_shell_between(tmp_path: Path) -> None:
    with Window("sh", "-c", f"exec {line(tmp_path, after='')}", folder=tmp_path) as window:
        wait_ready(window)
        processes = window.processes()
        window.close()
        wait_gone(processes)


@PARTS
def test_kill_hup_reads_the_settings_again(tmp_path: Path, parts: str) -> None:
    with Window("sh", "-c", line(tmp_path, parts), folder=tmp_path) as window:
        processes = wait_ready(window, parts)
        os.kill(min(processes), signal.SIGHUP)
        for part in {*names(parts)} - {"metrics", "socketmap"}:
            window.wait_for(f"settings read.* part={part}")
        assert set(processes) <= set(window.processes())
        window.close()
        wait_gone(processes)


def test_a_window_that_is_closed_while_it_starts(tmp_path: Path) -> None:
    """It hangs in its start: its settings come from a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    command = line(tmp_path).replace("gatepost.toml", "pipe", 1)
    with Window("sh", "-c", f"echo begun; {command}", folder=tmp_path) as window:
        window.wait_for("^begun")
        with (tmp_path / "pipe").open("w"):  # it has come to read them
            processes = [pid for pid in window.processes() if pid != window.leader.pid]
            window.close()
            wait_gone(processes)


def test_a_window_of_tests_that_are_to_survive_theirs(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        test_without_a_shell_between(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)


def read_until(lines: TextIO, words: str) -> None:
    """Read lines until one has these words in it."""
    assert any(words in line for line in lines), f"no line with {words!r}"


@pytest.mark.parametrize(("before", "after"), [("nohup ", " 2>log; :"), ("", " 2>log & wait")])
def test_what_is_to_survive_the_window_does(tmp_path: Path, before: str, after: str) -> None:
    """By nohup(1), or in the background: HUP stays what it is elsewhere."""
    os.mkfifo(tmp_path / "log")
    typed = line(tmp_path, "policy", before, after)
    with Window("sh", "-mc", typed, folder=tmp_path) as window, (tmp_path / "log").open() as log:
        read_until(log, "policy ready")
        [process] = [pid for pid in window.processes() if pid != window.leader.pid]
        window.close()
        window.leader.wait(PATIENCE)
        os.kill(process, signal.SIGHUP)
        read_until(log, 'event="settings read" part=policy')
        assert window.processes() == [process]
        os.kill(process, signal.SIGTERM)
        wait_gone([process])
