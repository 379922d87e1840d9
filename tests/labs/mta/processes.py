"""Find and end every process of a server, also one that made a session of its own or lost its parent."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from labs.mta.errors import LabError

POLL_SECONDS = 0.01
T = TypeVar("T")


class Process(NamedTuple):
    """A process as proc(5) shows it; `started` tells it from a later one with the same number."""

    pid: int
    parent: int
    session: int
    started: int

    def link(self, name: str) -> Path:
        """Return where /proc/PID/cwd or exe points to; a path that is nowhere when the process has ended."""
        try:
            return Path(f"/proc/{self.pid}/{name}").readlink()
        except OSError:
            return Path()


class Family(NamedTuple):
    """What a server consists of: `leader` made its session; its programs lie below `programs` and work in `folder`."""

    leader: int
    folder: Path
    programs: Path

    def members(self) -> set[Process]:
        """Return the live processes of the session, the descendants of leader, and programs of ours in our folder."""
        alive = _alive()
        found = {process for process in alive if process.session == self.leader or self._works_here(process)}
        family = {self.leader}
        while more := {process for process in alive if process.parent in family} - found:
            found |= more
            family |= {process.pid for process in found}
        return found

    def end(self, known: set[Process]) -> None:
        """End all members and what lives of `known`: TERM, KILL after two seconds. Raises LabError if one stays."""

        def left() -> set[Process]:
            same = {(process.pid, process.started) for process in known}
            return self.members() | {process for process in _alive() if (process.pid, process.started) in same}

        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in left():
                _signal(process.pid, number)
            try:
                wait_until(lambda: not left(), 2, lambda: f"these processes cannot be ended: {left()}")
            except LabError:
                if number == signal.SIGKILL:
                    raise
            else:
                return

    def _works_here(self, process: Process) -> bool:
        return process.link("cwd").is_relative_to(self.folder) and process.link("exe").is_relative_to(self.programs)


def wait_until(check: Callable[[], T | None], seconds: float, trouble: Callable[[], str]) -> T:
    """Return the first true result of check, asked again and again. Raises LabError with trouble() after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        if time.monotonic() > deadline:
            raise LabError(trouble())
        time.sleep(POLL_SECONDS)
    return result


def _alive() -> set[Process]:
    found = (_read(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {process for process in found if process}


def _read(entry: Path) -> Process | None:
    try:
        fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return None
    if fields[0] in "ZX":
        return None
    return Process(int(entry.name), int(fields[1]), int(fields[3]), int(fields[19]))


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
