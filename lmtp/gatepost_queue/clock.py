"""The two clocks of a machine: the wall clock, which may be set, and a steady one, which shows that it was."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

# A reading that took longer, in seconds, is taken again: the two clocks would not be of one moment.
_TIGHT = 0.1


class Clock(Protocol):
    """What the queue asks for the time."""

    def wall(self) -> float:
        """Seconds since the epoch."""

    def steady(self) -> float:
        """Seconds for which the machine has been running. Nobody sets it; it stands still while the machine does."""

    def boot(self) -> str:
        """Which run of the machine `steady` is of; '' where nobody can tell."""


class MachineClock:
    """The clocks of this machine (clock_gettime(2), random(4), time_namespaces(7))."""

    def wall(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.monotonic()

    def boot(self) -> str:
        return _boot()


@cache
def _boot() -> str:
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        with suppress(FileNotFoundError):  # before Linux 5.6
            boot += f" {Path('/proc/self/ns/time').readlink()}"
        return boot
    return ""


class Moment(NamedTuple):
    """What both clocks show at one time."""

    wall: float
    steady: float


def now(clock: Clock) -> Moment:
    """What time it is."""
    while True:
        steady, wall = clock.steady(), clock.wall()
        if clock.steady() - steady < _TIGHT:
            return Moment(wall, steady)
