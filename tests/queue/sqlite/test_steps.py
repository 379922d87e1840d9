"""How it is noticed in the file that the clock was set."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_queue import Entry
from gatepost_queue.sqlite.clock import MachineClock, now
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.queue import ANN, Clock, outcome, post, take

HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0
HELD = Entry(queue="held", listid=ANN.listid, metadata={"request": "post"})
steps = pytest.mark.parametrize("step", [-10 * YEAR, -HOUR, -2.0, 2.0, HOUR, YEAR])


def put(queue: SqliteQueue, clock: Clock, entry: Entry = ANN) -> int:
    (number,) = outcome(queue.put(post(received=clock.now), [entry]))
    assert number is not None
    return number


def due(path: Path) -> float:
    (waiting,) = SqliteDesk(path).ls()
    return waiting.next_attempt


def test_it_is_done_when_the_transaction_that_saw_it_has_failed(queue: SqliteQueue, path: Path, clock: Clock) -> None:
    put(queue, clock)
    clock.set(-HOUR)
    failing = queue._writer.submit(lambda _: 1 / 0)
    assert isinstance(failing.exception(60), ZeroDivisionError)
    assert len(take(queue)) == 1


def test_a_drift_is_no_step_until_it_adds_up(queue: SqliteQueue, path: Path, clock: Clock) -> None:
    put(queue, clock, Entry(queue="retry", listid=ANN.listid, next_attempt=clock.now + 600.0))
    began = due(path)
    for _ in range(3):
        clock.set(-0.3)
        take(queue)
    assert due(path) == began
    clock.set(-0.3)
    take(queue)
    assert due(path) == pytest.approx(began - 1.2)


def test_the_file_has_one_row_for_it(queue: SqliteQueue, path: Path, clock: Clock) -> None:
    put(queue, clock)
    clock.set(5.0)
    take(queue)
    clock.start_again()
    with closing(SqliteQueue(path, clock=clock)) as late:
        take(late)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT boot, began FROM clock").fetchall() == [(clock.run, clock.now)]


def test_the_machines_own_clocks() -> None:
    clock = MachineClock()
    assert clock.boot() == MachineClock().boot() != ""
    first, second = now(clock), now(clock)
    assert first.steady <= second.steady
    assert first.wall > 1.7e9


def test_a_reading_that_was_interrupted_is_taken_again(clock: Clock) -> None:
    """A process that was stopped between the two would take that for a step."""
    pauses = iter((0.0, 50.0, 0.0, 0.0))

    class Interrupted(Clock):
        def steady(self) -> float:
            self.now += next(pauses, 0.0)
            return super().steady()

    interrupted = Interrupted()
    moment = now(interrupted)
    assert moment.wall == moment.steady == interrupted.now
