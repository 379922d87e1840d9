"""When the wall clock is set, the times in the queue are moved with it.

Times are kept as people read them, by the wall clock. NTP sets it, and so does a virtual machine that is resumed. Then
leases would expire that living processes have, and what is due in a minute would be due in an hour. So `clock` keeps
when the steady clock was at 0, by the wall clock; a transaction that finds another time there moves, before anything
else, what is kept:

- a lease and the time for which a delivery is remembered last as long as they would have;
- what is due is due no later than it would have been. It may be earlier: times of before this run of the machine may
  be by a clock that was right when this one was not yet;
- what is held has been held no longer than it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepost_queue.clock import Moment
from gatepost_queue.values import HELD
from gatepost_service.log import get_logger

if TYPE_CHECKING:
    from gatepost_queue.connection import Transaction

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
