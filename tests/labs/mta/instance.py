"""One running mail server: a folder of its own, ports of its own, a session of its own.

Rules: ready means a 220 greeting at every address; stopping leaves no process, port or folder; every wait is for an
event, and one that fails shows the server's log. The folder is open to every user, since the servers drop root.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from labs.mta.errors import LabError
from labs.mta.packages import setup
from labs.mta.ports import Port
from labs.mta.processes import Family, Process, wait_until

PATIENCE_SECONDS = 30.0
HOST_NAME = "mx.lab.example"


class Instance(ABC):
    """What the three servers have in common. Use it as a context manager, or call start() and stop()."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.lab = setup()
        self.dir = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.dir.chmod(0o755)
        self._ports: list[Port] = []
        self.port = self.reserve_port()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def configure(self) -> None:
        """Write the server's files."""

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What the server's programs need to run from their unpacked folder."""

    @property
    @abstractmethod
    def log_files(self) -> list[Path]:
        """Where the server logs."""

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every place where the server greets."""
        return [("127.0.0.1", self.port)]

    def reserve_port(self) -> int:
        """Return a free port that is held until the server stops."""
        self._ports.append(Port())
        return self._ports[-1].number

    def path(self, *parts: str) -> Path:
        """Return a path in the server's folder."""
        return self.dir.joinpath(*parts)

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Write a file in the server's folder, at any time after construction."""
        path = self.path(name)
        if not path.parent.exists():
            self.make_dir(str(path.parent.relative_to(self.dir)))
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        # Postfix reads a file anew until it has not changed for a second, to be sure that it has all of it.
        os.utime(path, (time.time() - 60,) * 2)
        return path

    def fill(self, text: str, **values: object) -> str:
        """Return text with `{dir}`, `{port}` and each `{name}` of values replaced; other braces stay."""
        for name, value in {**values, "dir": self.dir, "port": self.port}.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def make_dir(self, name: str, owner: str = "root", group: str = "root", mode: int = 0o755) -> None:
        """Make a folder in the server's folder."""
        path = self.path(name)
        path.mkdir(exist_ok=True, parents=True)
        shutil.chown(path, owner, group)
        path.chmod(mode)

    def start(self) -> Self:
        """Start the server and wait for its greetings. Raises LabError with the log when they do not come."""
        try:
            self.configure()
            with self.path("console").open("wb") as console:
                self._process = subprocess.Popen(
                    self.command,
                    env=self._full_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    start_new_session=True,
                    cwd="/",
                )
            for address in self.addresses:
                wait_until(lambda: self._greets(address), PATIENCE_SECONDS, lambda: self._trouble("does not greet"))  # noqa: B023
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server and whatever it started, give its ports back, remove its folder. Twice is harmless."""
        try:
            self._end_processes()
        finally:
            for port in self._ports:
                port.release()
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The number of the server's first process. Raises LabError when it is not running."""
        if self._process is None:
            raise LabError(f"{self.name} is not running")
        return self._process.pid

    @property
    def _family(self) -> Family:
        return Family(self.pid, self.dir, self.lab.root)

    def processes(self) -> set[Process]:
        """Return every live process of the server."""
        return self._family.members()

    def run(self, *command: str | Path, stdin: str = "") -> str:
        """Run one of the server's programs and return its standard output. Raises LabError with what it says."""
        done = subprocess.run(
            command, env=self._full_environment(), input=stdin, text=True, capture_output=True, check=False
        )
        if done.returncode or done.stderr:
            raise LabError(f"{command[0]} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def log(self) -> str:
        """Return all that the server has logged."""
        return "".join(file.read_text(errors="replace") for file in self.log_files if file.exists())

    def wait_log(self, pattern: str, after: int = 0) -> re.Match[str]:
        """Return the first match of pattern in log()[after:]. Raises LabError with the log if none comes in time."""
        return wait_until(
            lambda: re.search(pattern, self.log()[after:]),
            PATIENCE_SECONDS,
            lambda: self._trouble(f"did not log {pattern!r}"),
        )

    def _end_processes(self) -> None:
        if self._process is None:
            return
        known, family = self.processes(), self._family
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        family.end(known)

    def _full_environment(self) -> Mapping[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", **self.environment}

    def _greets(self, address: tuple[str, int]) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise LabError(self._trouble(f"ended with {self._process.returncode}"))
        try:
            with (
                socket.create_connection(address, PATIENCE_SECONDS) as connection,
                connection.makefile("rb") as replies,
            ):
                if not replies.readline().startswith(b"220"):
                    return False
                connection.sendall(b"QUIT\r\n")
                return replies.readline() != b""
        except OSError:
            return False

    def _trouble(self, what: str) -> str:
        console = self.path("console")
        said = console.read_text(errors="replace") if console.exists() else ""
        return f"{self.name} {what}; it said:\n{said}\n{self.log()[-20_000:]}"
