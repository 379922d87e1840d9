"""The numbers for the metrics."""

from __future__ import annotations

from gatepost_queue import QUEUES, Figure, Queue
from labs.queue import ANN, BOB, Clock, outcome, post
from labs.queue.stored import Stored


def test_figures(queue: Queue, stored: Stored, clock: Clock) -> None:
    assert stored.desk().figures(clock.now) == [Figure(name, 0, 0.0) for name in QUEUES]
    for age in (10.0, 5.0):
        outcome(queue.put(post(received=clock.now - age), [ANN]))
    outcome(queue.put(post(received=clock.now + 5), [BOB]))
    found = {figure.queue: figure for figure in stored.desk().figures(clock.now)}
    assert found["in"] == Figure("in", 2, 10.0)
    assert found["bounces"] == Figure("bounces", 1, 0.0)
    assert found["shunt"] == Figure("shunt", 0, 0.0)


def test_a_listing_is_read_as_it_goes(queue: Queue, stored: Stored) -> None:
    for _ in range(3):
        outcome(queue.put(post(), [ANN]))
    rows = stored.desk().ls()
    first = next(rows)
    outcome(queue.put(post(), [ANN]))
    assert [first.id, *(row.id for row in rows)] == [1, 2, 3]
