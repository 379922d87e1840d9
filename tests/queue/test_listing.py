"""The numbers for the metrics."""

from __future__ import annotations

from pathlib import Path

from gatepost_queue import QUEUES, Figure, Queue, listing
from labs.queue import ANN, BOB, Clock, outcome, post


def test_figures(queue: Queue, path: Path, clock: Clock) -> None:
    assert listing.figures(path, clock.now) == [Figure(name, 0, 0.0) for name in QUEUES]
    for age in (10.0, 5.0):
        outcome(queue.put(post(received=clock.now - age), [ANN]))
    outcome(queue.put(post(received=clock.now + 5), [BOB]))
    found = {figure.queue: figure for figure in listing.figures(path, clock.now)}
    assert found["in"] == Figure("in", 2, 10.0)
    assert found["bounces"] == Figure("bounces", 1, 0.0)
    assert found["shunt"] == Figure("shunt", 0, 0.0)


def test_a_listing_is_read_as_it_goes(queue: Queue, path: Path) -> None:
    for _ in range(3):
        outcome(queue.put(post(), [ANN]))
    rows = listing.ls(path)
    first = next(rows)
    outcome(queue.put(post(), [ANN]))
    assert [first.id, *(row.id for row in rows)] == [1, 2, 3]
