"""Starts the echo program in a session of its own, and waits for what it says and for its processes to end.

Nothing sleeps: lines are waited for on the pipe, processes by their pidfd (pidfd_open(2)).
"""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

DEADLINE = 20.0  # s after which a wait is a failure; ordinary waits take milliseconds
_ROOT = Path(__file__).parents[3]
_ADDRESS = re.compile(r"inet:(?:\[([^\]]+)\]|([^:\s]+)):(\d+)")


class Program:
    """A running echo program; a context manager, at whose end nothing of it is left."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        pass_fds: tuple[int, ...] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        path = os.pathsep.join([str(_ROOT / "service"), str(_ROOT / "tests")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labs.service.echo", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, **environment},
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        assert self._process.stderr is not None
        self._pipe = self._process.stderr
        self._rest = b""
        self.pid = self._process.pid
        self.lines: list[str] = []
        """All lines that have been read so far."""

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._pipe.close()

    def wait_line(self, pattern: str, *, seen: bool = False) -> re.Match[str]:
        """The next line that matches, or with `seen` one that has been read already."""
        for line in self.lines if seen else []:
            if found := re.search(pattern, line):
                return found
        deadline = time.monotonic() + DEADLINE
        while True:
            line = self._read_line(deadline)
            if found := re.search(pattern, line):
                return found

    def _read_line(self, deadline: float) -> str:
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                raise AssertionError(f"the line did not come; before it: {self.lines}")
            data = os.read(self._pipe.fileno(), 65536)
            if not data:
                raise AssertionError(f"the program ended; it said: {self.lines}")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        self.lines.append(line.decode())
        return self.lines[-1]

    def ready(self, name: str = "echo") -> list[tuple[str, int]]:
        """Wait until the part of this name is ready: the TCP addresses that it says."""
        line = self.wait_line(f"^{name} ready on (.*)", seen=True)[1]
        return [(found[1] or found[2], int(found[3])) for found in _ADDRESS.finditer(line)]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def signal_group(self, number: int) -> None:
        os.killpg(self.pid, number)

    def wait_exit(self) -> int:
        """The exit status; every further line is read before."""
        with contextlib.suppress(AssertionError):
            self.wait_line("(?!)")
        return self._process.wait(DEADLINE)

    def family(self) -> list[int]:
        """Process ids of the program and all its descendants."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def _is_ours(self, entry: Path) -> bool:
        with contextlib.suppress(OSError):
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            return int(after_name[3]) == self.pid and after_name[0] != "Z"
        return False


def wait_gone(pids: list[int]) -> None:
    """Wait until none of these processes runs."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                assert select.select([descriptor], [], [], DEADLINE)[0], f"process {pid} is still there"
            finally:
                os.close(descriptor)


def ask(connection: socket.socket, line: str) -> str:
    """Send a line; the line that comes back, or '' at the end of the connection."""
    connection.sendall(f"{line}\n".encode())
    reply = b""
    while not reply.endswith(b"\n"):
        data = connection.recv(4096)
        if not data:
            break
        reply += data
    return reply.decode().strip()
