"""TCP ports for servers under test, each held by one test at a time, also between several runs on one machine.

A port lies below the range from which the kernel takes ports for outgoing connections, so none of those can take it.
It is held by a UNIX socket of that name in the abstract namespace (unix(7)): the kernel gives it up when the process
ends, however it ends, and it is known exactly as far as the port is, in one network namespace.
"""

import random
import socket
from pathlib import Path
from typing import Self

from labs.mta.errors import LabError

LOWEST = 10_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Port:
    """A port number held until `release()`."""

    def __init__(self) -> None:
        """Hold a port that nobody listens on, at 127.0.0.1 and ::1. Raises LabError when there is none."""
        below = int(EPHEMERAL.read_text().split()[0])
        candidates = list(range(LOWEST, below if below > LOWEST else 32_768))
        for number in random.sample(candidates, len(candidates)):
            lock = _hold(number)
            if lock is not None:
                self.number, self._lock = number, lock
                return
        raise LabError(f"no free port from {LOWEST} to {candidates[-1]}")

    def release(self) -> None:
        """Let others have the port."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _hold(number: int) -> socket.socket | None:
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(f"\0gatepost-port-{number}")
        _try_to_listen(socket.AF_INET, "127.0.0.1", number)
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
            _try_to_listen(socket.AF_INET6, "::1", number)
    except OSError:
        lock.close()
        return None
    return lock


def _try_to_listen(family: int, host: str, number: int) -> None:
    # Without SO_REUSEADDR, so that connections which an earlier server left in TIME_WAIT count as a use.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, number))
        probe.listen(1)
