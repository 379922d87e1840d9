"""The servers under measurement: started, waited for, weighed, and stopped, whatever happens.

Every server runs in a session of its own, so that stopping it stops its children too. What it says on standard error
goes to a file, and is shown when it does not become ready.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.programs import BenchError

READY_LIMIT = 30.0
STOP_LIMIT = 10.0
_TURN = 0.02


class Server:
    """A started server. `ready_line` says that it is ready; `ready_seconds` is the time from its start to that line."""

    def __init__(self, command: Sequence[str | Path], ready: str, log: Path, env: Mapping[str, str]) -> None:
        self._command = " ".join(map(str, command))
        self._ready_text = ready
        self._ready = threading.Event()
        self._log = log
        self._started = time.monotonic()
        self.ready_line = ""
        self.ready_seconds = 0.0
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True, env=env
        )
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self._log.open("w") as log:
            for line in self.process.stderr:
                log.write(line)
                log.flush()
                if self._ready_text in line and not self._ready.is_set():
                    self.ready_line, self.ready_seconds = line.strip(), time.monotonic() - self._started
                    self._ready.set()
        self._ready.set()

    def wait_until_ready(self) -> None:
        """Raises BenchError, with what the server said, if it ends or says nothing in time."""
        self._ready.wait(READY_LIMIT)
        if not self.ready_line:
            raise BenchError(f"{self._command} did not get ready:\n{self._log.read_text()}")

    def stop(self) -> None:
        stop_session(self.process.pid)
        self.process.wait()
        self._reader.join()


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], ready: str, log: Path, env: Mapping[str, str] = os.environ
) -> Iterator[Server]:
    """A server that says a line with `ready` in it on standard error; it is stopped at the end."""
    server = Server(command, ready, log, env)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def serving(command: Sequence[str | Path], port: int, log: Path, env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """A server that does not say when it is ready: 127.0.0.1:PORT is tried. What it says goes to `log`."""
    with working(command, log, env):
        wait_for_port(port, str(command[0]))
        yield


@contextlib.contextmanager
def working(command: Sequence[str | Path], log: Path, env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """A process that is stopped at the end. What it says goes to `log`."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, env=env)
    try:
        yield
    finally:
        stop_session(process.pid)
        process.wait()


def stop_session(leader: int) -> None:
    """TERM to all processes of a session, and KILL to those that are there after STOP_LIMIT seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT
        while _is_alive(leader) and time.monotonic() < deadline:
            time.sleep(_TURN)
        os.killpg(leader, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    """Whether the process runs: one that has ended and waits for its parent does not."""
    return bool(_status(pid).get("State", "Z")[0] not in "ZX")


def _status(pid: int) -> dict[str, str]:
    """/proc/PID/status (proc(5)) by field; empty if there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had resident so far (VmHWM in proc(5)), in units of 1,000,000 bytes."""
    return int(_status(pid)["VmHWM"].split()[0]) * 1024 / 1e6


def resident_megabytes(pid: int) -> float:
    """The memory that a process has resident now (VmRSS in proc(5)), in units of 1,000,000 bytes."""
    return int(_status(pid)["VmRSS"].split()[0]) * 1024 / 1e6


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, who: str) -> None:
    """Return as soon as 127.0.0.1:PORT takes connections. Raises BenchError after READY_LIMIT seconds."""
    deadline = time.monotonic() + READY_LIMIT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(_TURN)
    raise BenchError(f"{who} does not answer on port {port}")
