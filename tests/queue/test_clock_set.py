"""The clock is set, forwards or back, while runners are at work and mail waits: nothing comes twice, nothing late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from gatepost_queue import Delivery, Entry, Queue
from labs.queue import ANN, Clock, ids, only, outcome, post, take
from labs.queue.stored import Stored

HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0
HELD = Entry(queue="held", listid=ANN.listid, metadata={"request": "post"})
steps = pytest.mark.parametrize("step", [-10 * YEAR, -HOUR, -2.0, 2.0, HOUR, YEAR])


@pytest.fixture
def other(stored: Stored, clock: Clock) -> Iterator[Queue]:
    """The queue, as another process has it."""
    with closing(stored.open(clock)) as opened:
        yield opened


def put(queue: Queue, clock: Clock, entry: Entry = ANN) -> int:
    (number,) = outcome(queue.put(post(received=clock.now), [entry]))
    assert number is not None
    return number


def due(stored: Stored) -> float:
    (waiting,) = stored.desk().ls()
    return waiting.next_attempt


@steps
def test_a_claim_lasts_as_long_as_it_would_have(queue: Queue, other: Queue, clock: Clock, step: float) -> None:
    number = put(queue, clock)
    claimed = only(take(queue))
    clock.set(step)
    for seconds in (0.0, 30.0, 29.9):
        clock.now += seconds
        assert take(other, runner="r2") == []
    clock.now += 0.2
    again = only(take(other, runner="r2"))
    assert (again.id, again.attempts, again.failures) == (number, 2, 1)
    assert again.id == claimed.id


@steps
def test_who_has_a_claim_settles_it(queue: Queue, other: Queue, stored: Stored, clock: Clock, step: float) -> None:
    put(queue, clock)
    claimed = only(take(queue))
    clock.set(step)
    assert take(other, runner="r2") == []
    outcome(queue.renew(claimed, 60.0))
    clock.set(step)
    outcome(queue.done(claimed))
    assert ids(stored.desk()) == []


def test_a_claim_of_before_the_first_look_of_another_process(queue: Queue, stored: Stored, clock: Clock) -> None:
    put(queue, clock)
    only(take(queue))
    clock.set(HOUR)
    with closing(stored.open(clock)) as late:
        assert take(late, runner="r2") == []


@steps
def test_what_has_just_come_is_due(queue: Queue, other: Queue, clock: Clock, step: float) -> None:
    number = put(queue, clock)
    clock.set(step)
    assert only(take(other)).id == number


@steps
@pytest.mark.parametrize("name", ["in", "out", "retry", "command", "bounces"])
def test_what_is_due_later_is_due_no_later(queue: Queue, other: Queue, clock: Clock, step: float, name: str) -> None:
    put(queue, clock, Entry(queue=name, listid=ANN.listid, next_attempt=clock.now + 600.0))
    clock.set(step)
    clock.now += 600.0
    assert len(take(other, name)) == 1


def test_a_clock_that_is_set_back_does_not_make_all_due(queue: Queue, clock: Clock) -> None:
    put(queue, clock, Entry(queue="retry", listid=ANN.listid, next_attempt=clock.now + 600.0))
    clock.set(-HOUR)
    clock.now += 599.0
    assert take(queue, "retry") == []


def test_a_clock_that_is_set_wrong_and_right_again(queue: Queue, other: Queue, stored: Stored, clock: Clock) -> None:
    put(queue, clock, HELD)
    began = due(stored)
    for step in (YEAR, -YEAR, -YEAR, YEAR):
        clock.set(step)
        assert take(other) == []
    assert due(stored) == began


@steps
def test_what_is_held_is_held_for_its_days(
    queue: Queue, other: Queue, stored: Stored, clock: Clock, step: float
) -> None:
    """A clock that runs ahead for a moment would throw away all that waits for moderators."""
    put(queue, clock, HELD)
    clock.now += DAY
    clock.set(step)

    def expired() -> int:
        return outcome(other.expire_held({ANN.listid: 3}, 10))

    assert expired() == 0
    clock.now += 1.9 * DAY
    assert expired() == 0
    clock.now += 0.2 * DAY
    assert expired() == 1


@steps
def test_a_lost_delivery_is_remembered_for_a_day(queue: Queue, other: Queue, clock: Clock, step: float) -> None:
    first = Delivery(b"digest")
    outcome(queue.put(post(received=clock.now), [ANN], first))
    outcome(queue.lost(first))
    clock.set(step)
    clock.now += DAY - 1
    assert outcome(other.put(post(received=clock.now), [ANN], Delivery(b"digest"))) == (None,)


def test_it_is_done_once_whoever_sees_it_first(queue: Queue, other: Queue, stored: Stored, clock: Clock) -> None:
    put(queue, clock, Entry(queue="retry", listid=ANN.listid, next_attempt=clock.now + 600.0))
    take(other)
    began = due(stored)
    clock.set(-HOUR)
    for one in (queue, other, queue):
        assert take(one) == []
    assert due(stored) == began - HOUR
    with closing(stored.open(clock)) as late:
        assert take(late) == []
    assert due(stored) == began - HOUR


def test_another_run_of_the_machine_is_no_step(queue: Queue, stored: Stored, clock: Clock) -> None:
    """Its clock may have been wrong in either."""
    put(queue, clock, Entry(queue="retry", listid=ANN.listid, next_attempt=clock.now + 600.0))
    began = due(stored)
    clock.now += 100.0
    clock.start_again()
    with closing(stored.open(clock)) as late:
        assert take(late) == []
        assert due(stored) == began
        clock.set(-50.0)
        assert take(late) == []
        assert due(stored) == began - 50.0


def test_a_clock_that_is_right_only_after_a_while_keeps_nothing_waiting(
    queue: Queue, stored: Stored, clock: Clock
) -> None:
    """A machine whose clock begins in 1970 until somebody sets it."""
    right = clock.now
    put(queue, clock, Entry(queue="retry", listid=ANN.listid, next_attempt=right + 600.0))
    clock.now = 10.0
    clock.start_again()
    with closing(stored.open(clock)) as late:
        assert take(late, "retry") == []
        clock.set(right)
        clock.now += 600.0
        assert len(take(late, "retry")) == 1


def test_where_nobody_can_tell_one_run_from_another_nothing_is_moved(
    queue: Queue, stored: Stored, clock: Clock
) -> None:
    clock.run = ""
    put(queue, clock, Entry(queue="retry", listid=ANN.listid, next_attempt=clock.now + 600.0))
    began = due(stored)
    clock.set(-HOUR)
    assert take(queue, "retry") == []
    assert due(stored) == began


def test_it_is_told(queue: Queue, clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    put(queue, clock)
    clock.set(-HOUR)
    take(queue)
    take(queue)
    told = [line for line in capfd.readouterr().err.splitlines() if "the clock was set" in line]
    assert len(told) == 1
    assert told[0].endswith("part=queue seconds=-3600.0")
