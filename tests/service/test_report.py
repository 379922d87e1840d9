"""What systemd is told."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.service import DEADLINE, Program

SHAPES = pytest.mark.parametrize(
    "shape", [["echo=1=unix:a"], ["echo=2=unix:a"], ["echo=2=unix:a", "other=1=unix:b"]], ids=["1", "2", "2+1"]
)


class Systemd:
    """The receiving side of sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(DEADLINE)
        self.messages: list[str] = []

    def wait(self, word: str) -> str:
        """The next message that contains this word."""
        while True:
            self.messages.append(self._socket.recv(4096).decode())
            if word in self.messages[-1]:
                return self.messages[-1]

    def drain(self) -> list[str]:
        """All messages so far."""
        self._socket.setblocking(False)
        try:
            self.wait("nothing that is ever said")
        except BlockingIOError:
            self._socket.settimeout(DEADLINE)
        return self.messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    receiver = Systemd(tmp_path / "notify")
    yield receiver
    receiver.close()


@SHAPES
def test_life_of_a_service(tmp_path: Path, systemd: Systemd, shape: list[str]) -> None:
    with Program(tmp_path, *shape, environment={"NOTIFY_SOCKET": systemd.path}) as program:
        assert "STATUS=echo" in systemd.wait("READY=1")
        assert systemd.messages[0].startswith("READY=1")
        program.signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in systemd.wait("RELOADING=1")
        systemd.wait("READY=1")
        program.signal(signal.SIGTERM)
        systemd.wait("STOPPING=1")
        assert program.wait_exit() == 0
        assert not [message for message in systemd.drain() if "WATCHDOG" in message]


@SHAPES
def test_watchdog_hears_of_us_while_the_probe_succeeds(tmp_path: Path, systemd: Systemd, shape: list[str]) -> None:
    environment = {"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "800000"}
    with Program(tmp_path, *shape, "--probe", environment=environment) as program:
        program.wait_line("event=probed part=echo found=false")
        program.wait_line("event=probed part=echo found=false")
        assert not [message for message in systemd.drain() if "WATCHDOG" in message]
        (tmp_path / "alive").touch()
        systemd.wait("WATCHDOG=1")
        systemd.wait("WATCHDOG=1")


def test_watchdog_of_another_process_is_not_ours(tmp_path: Path, systemd: Systemd) -> None:
    environment = {"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"}
    with Program(tmp_path, "echo=1=unix:a", environment=environment) as program:
        systemd.wait("READY=1")
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
    assert not [message for message in systemd.drain() if "WATCHDOG" in message]


def test_abstract_notify_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("")  # the kernel chooses an abstract name, unix(7)
        receiver.settimeout(DEADLINE)
        name = receiver.getsockname().decode().replace("\0", "@")
        with Program(tmp_path, "echo=1=unix:a", environment={"NOTIFY_SOCKET": name}):
            assert receiver.recv(4096).startswith(b"READY=1")


def test_nothing_heavy_is_imported_by_the_command_line() -> None:
    program = "import sys, gatepost_service.sockets; sys.exit(len({'asyncio', 'structlog'} & set(sys.modules)))"
    path = Path(__file__).parent.parent.parent / "service"
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(path)})
