"""The two clocks of a machine, and what becomes of times in the queue when the wall clock is set.

Times are kept as people read them, by the wall clock. NTP sets it, and so does a virtual machine that is resumed. Then
leases would expire that living processes have, and what is due in a minute would be due in an hour. A steady clock
shows that it was set: the table `clock` keeps when that was at 0, by the wall clock. A transaction that finds another
time there moves, before anything else, what is kept:

- a lease and the time for which a delivery is remembered last as long as they would have;
- what is due is due no later than it would have been. It may be earlier: times of before this run of the machine may
  be by a clock that was right when this one was not yet;
- what is held has been held no longer than it has.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gatepost_queue.values import HELD
from gatepost_service.log import get_logger

if TYPE_CHECKING:
    from gatepost_queue.sqlite.connection import Transaction

# A reading that took longer, in seconds, is taken again: the two clocks would not be of one moment.
_TIGHT = 0.1
# Seconds by which the clock must have been set. It is never so much that it matters to a lease.
STEP = 1.0

_READ = "SELECT boot, began FROM clock"
_FORGET = "DELETE FROM clock"
_KEEP = "INSERT INTO clock (boot, began) VALUES (?, ?)"
_LEASES = "UPDATE entry SET leased_until = MAX(1.0, leased_until + ?) WHERE leased_until > 0"
_DUE = "UPDATE entry SET next_attempt = MAX(0.0, next_attempt + ?) WHERE queue <> ?"
_HELD = "UPDATE entry SET next_attempt = MIN(next_attempt + ?, ?) WHERE queue = ?"
_TAKEN = "UPDATE delivery SET taken = MIN(taken + ?, ?)"

_log = get_logger("queue")


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


def follow(transaction: Transaction, boot: str, moment: Moment) -> None:
    """Move what is kept, if that has to be done and nobody has done it. boot: which run of the machine this is."""
    began = moment.wall - moment.steady
    kept = next((before for run, before in transaction.rows(_READ) if run == boot), None)
    if kept is not None and abs(began - kept) < STEP:
        return
    if kept is not None and boot:
        _move(transaction, began - kept)
    transaction.change(_FORGET, ())
    transaction.change(_KEEP, (boot, began))


def _move(transaction: Transaction, step: float) -> None:
    transaction.change(_LEASES, (step,))
    transaction.change(_HELD, (step, transaction.now, HELD))
    transaction.change(_TAKEN, (step, transaction.now))
    if step < 0:
        transaction.change(_DUE, (step, HELD))
    transaction.after_commit.append(lambda: _log.warning("the clock was set", seconds=round(step, 1)))
