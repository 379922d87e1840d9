"""gatepost itself, run for a test as an operator runs it: a settings file, a process, its ready lines."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, str(ROOT / "gatepost.py"))
# How long a test waits for what must happen; far above what a busy machine needs.
PATIENCE = 60.0


class Gatepost:
    """`gatepost run PARTS` in a folder that holds its gatepost.toml. Use as a context manager."""

    command: Sequence[str] = COMMAND

    def __init__(self, folder: Path, settings: str, *parts: str) -> None:
        self.folder = folder
        self.settings = folder / "gatepost.toml"
        self.settings.write_text(settings)
        self._parts = parts
        self._heard = threading.Condition()
        self._lines: list[str] = []
        self._over = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and wait until every part is ready."""
        self._lines.clear()
        self._over = False
        self.process = subprocess.Popen(
            [*self.command, "--config", str(self.settings), "run", *self._parts],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        for part in self._parts:
            self.wait_line(rf"^{part} ready\b")
        return self

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                with self._heard:
                    self._lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                    self._heard.notify_all()
        with self._heard:
            self._over = True
            self._heard.notify_all()

    @property
    def output(self) -> str:
        """What it has written to standard error so far."""
        with self._heard:
            return "\n".join(self._lines)

    def wait_line(self, pattern: str, count: int = 1) -> str:
        """The count-th line of its standard error in which the pattern is found, waiting until there is one."""

        def found() -> list[str]:
            return [line for line in self._lines if re.search(pattern, line)]

        with self._heard:
            self._heard.wait_for(lambda: len(found()) >= count or self._over, PATIENCE)
            lines = found()
            assert len(lines) >= count, f"no line {pattern!r} in:\n" + "\n".join(self._lines)
            return lines[count - 1]

    def addresses(self, part: str) -> list[str]:
        """Where a part answers, as its ready line says: inet:HOST:PORT or unix:PATH."""
        return self.wait_line(rf"^{part} ready on ").partition(" ready on ")[2].split(", ")

    def port(self, part: str) -> int:
        """The port of the part's first address."""
        return int(self.addresses(part)[0].rpartition(":")[2])

    def connect(self, part: str) -> socket.socket:
        """A connection to the part's first address."""
        return connect(self.addresses(part)[0])

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers, where there are several."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def signal(self, number: int) -> None:
        """Send a signal to the process that was started."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it with TERM; gives its exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it, and all that it has started, with KILL."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait until it has ended; gives its exit status."""
        status = self.process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        return status


def connect(address: str) -> socket.socket:
    """A connection to inet:HOST:PORT or unix:PATH that waits for PATIENCE at most."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(rest.partition("?")[0])
        return connection
    host, _, port = rest.rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)), PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def reset_at_the_end(connection: socket.socket) -> None:
    """Let closing it reset the connection, as it is when a machine crashes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def policy_settings(directory: str, *more: str, listen: str = '["inet:127.0.0.1:0"]') -> str:
    """Settings for a policy service on a free port; more are sections or keys that go behind those of [policy]."""
    tables = "[socketmap]\nenabled = false"
    return "\n".join([tables, f'[lists]\ndirectory = "{directory}"', f"[policy]\nlisten = {listen}", *more, ""])


def socketmap_settings(directory: str, *more: str, listen: str = '["inet:127.0.0.1:0"]') -> str:
    """Settings for live tables on a free port; more are sections or keys that go behind those of [socketmap]."""
    policy = '[policy]\nlisten = ["inet:127.0.0.1:0"]'
    return "\n".join([f'[lists]\ndirectory = "{directory}"', policy, f"[socketmap]\nlisten = {listen}", *more, ""])


def netstring(text: str) -> bytes:
    """Text as a netstring; surrogate escapes become the octets that they stand for."""
    octets = text.encode("utf-8", "surrogateescape")
    return b"%d:%b," % (len(octets), octets)


class RunningPolicy(Gatepost):
    """The policy service alone."""

    def __init__(self, folder: Path, settings: str) -> None:
        super().__init__(folder, settings, "policy")

    def ask(self, request: bytes, door: str = "policy") -> bytes:
        """One request on a connection of its own; all that comes back."""
        with self.connect(door) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return receive_all(connection)

    def play(self, door: str, pieces: list[bytes], *, hangs_up: bool) -> bytes:
        """All that comes back when the pieces are sent one by one; we end the dialogue unless the service must."""
        with self.connect(door) as connection:
            with suppress(ConnectionError):
                for piece in pieces:
                    connection.sendall(piece)
            if not hangs_up:
                connection.shutdown(socket.SHUT_WR)
            return receive_all(connection)

    def look_up(self, table_and_key: str) -> str:
        """What a live table answers, without its netstring."""
        length, _, reply = self.ask(netstring(table_and_key), "socketmap").decode().partition(":")
        assert reply[int(length) :] == ",", reply
        return reply[: int(length)]


def send_what_fits(connection: socket.socket, octets: bytes) -> bytes:
    """Send as much as the kernel takes for a peer that does not read; what is left."""
    patience = connection.gettimeout()
    connection.setblocking(False)
    with suppress(BlockingIOError):
        while octets:
            octets = octets[connection.send(octets) :]
    connection.settimeout(patience)
    return octets


def receive_all(connection: socket.socket) -> bytes:
    """All that comes until the other side ends the connection, in whatever way."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionError:
        pass
    return received
