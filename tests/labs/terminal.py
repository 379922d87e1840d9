"""A program on a terminal of its own, as in a window: its session, what it prints, and the window closed."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from labs.running import PATIENCE


class Window:
    """A command in a session whose leader it is, on a new terminal; skips where no terminal can be made.

    Use as a context manager, at whose end the window is closed and nothing of the session is left.
    """

    def __init__(self, *command: str, folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._said = b""

    def __enter__(self) -> Self:
        try:
            self._window, inside = pty.openpty()
        except OSError as error:
            pytest.skip(f"no terminal can be made here: {error}")
        # As in a window, even where the tests themselves are to survive theirs (nohup).
        command = ["env", "--default-signal=HUP", "setsid", "--ctty", *self._command]
        self.leader = subprocess.Popen(command, cwd=self._folder, stdin=inside, stdout=inside, stderr=inside)
        os.close(inside)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.leader.wait(PATIENCE)
        self.close()

    def wait_for(self, pattern: str, count: int = 1) -> None:
        """Read what is printed until there are so many matches of a pattern, which may begin a line."""
        until = time.monotonic() + PATIENCE
        while len(re.findall(pattern, self._said.decode(), re.MULTILINE)) < count:
            chunk = self._read(max(0.0, until - time.monotonic()))
            assert chunk, f"no {pattern!r} in: {self._said.decode()}"
            self._said += chunk.replace(b"\r\n", b"\n")

    def _read(self, patience: float) -> bytes:
        """What comes within so many seconds; b'' if nothing does, or nobody is there any more (EIO)."""
        with suppress(OSError):
            if select.select([self._window], [], [], patience)[0]:
                return os.read(self._window, 65536)
        return b""

    def processes(self) -> list[int]:
        """The process ids of all in the session that run."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def _is_ours(self, entry: Path) -> bool:
        with suppress(OSError):
            state, _, _, session, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            return int(session) == self.leader.pid and state != "Z"
        return False

    def close(self) -> None:
        """Close the window: the terminal hangs up."""
        if self._window >= 0:
            os.close(self._window)
            self._window = -1
