"""What a process tells the one above it: its parent process, or systemd, or nobody.

Between parent and child one byte is a message: READY and BEAT upwards, RELOAD downwards. The protocol with systemd is
that of sd_notify(3) and sd_watchdog_enabled(3).
"""

import contextlib
import os
import socket
import time
from typing import Protocol

READY = b"R"
BEAT = b"B"  # every worker below was alive just now
RELOAD = b"H"


class Reporter(Protocol):
    """The way upwards."""

    channel: socket.socket | None
    """Where RELOAD comes from; None at the top, where signals come instead."""

    def ready(self, status: str) -> None: ...
    def beat(self) -> None: ...
    def reloading(self) -> None: ...
    def stopping(self) -> None: ...


class ParentReporter:
    """To the parent process, which supervises this one."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self.channel: socket.socket | None = channel
        self._socket = channel

    def ready(self, status: str) -> None:
        self._send(READY)

    def beat(self) -> None:
        self._send(BEAT)

    def reloading(self) -> None:
        """The parent told us to."""

    def stopping(self) -> None:
        """The parent sees it."""

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # the parent has gone, and we shall, or it is far behind
            self._socket.send(message)


class SystemdReporter:
    """To systemd, over the socket that NOTIFY_SOCKET names; to nobody where it is not set."""

    def __init__(self) -> None:
        self.channel: socket.socket | None = None
        name = os.environ.pop("NOTIFY_SOCKET", "")
        self._to = "\0" + name[1:] if name.startswith("@") else name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if name else None
        self._status = ""

    def ready(self, status: str = "") -> None:
        self._status = status or self._status
        self._send(f"READY=1\nSTATUS={'; '.join(self._status.splitlines())}")

    def beat(self) -> None:
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=stopping")

    def _send(self, message: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # systemd's time-outs tell of it
                self._socket.sendto(message.encode(), self._to)


def watchdog_seconds() -> float:
    """How often systemd wants to hear from us at least, in seconds; 0 for never. Takes it out of the environment."""
    microseconds = os.environ.pop("WATCHDOG_USEC", "")
    pid = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or pid != str(os.getpid()):
        return 0.0
    return int(microseconds) / 1_000_000
