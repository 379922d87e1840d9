"""Held entries: which have waited too long, and whose are too many."""

from __future__ import annotations

from dataclasses import replace

from gatepost_queue import Entry, Queue
from labs.queue import Clock, outcome, post
from labs.queue.stored import Stored

DAY = 86_400.0
ANN, BOB = "ann.lists.example", "bob.lists.example"


def held(listid: str, request: str = "post") -> Entry:
    return Entry(queue="held", listid=listid, metadata={"request": request})


def hold(queue: Queue, clock: Clock, days: float, listid: str, request: str = "post") -> int:
    """Hold an entry that has waited for so many days; its id."""
    entry = replace(held(listid, request), next_attempt=clock.now - days * DAY)
    [number] = outcome(queue.put(post(), [entry]))
    assert number
    return number


def expire(queue: Queue, days: dict[str, int], limit: int = 10) -> int:
    return outcome(queue.expire_held(days, limit))


def test_what_has_waited_for_its_list_s_days_goes_on_to_its_handler(queue: Queue, stored: Stored, clock: Clock) -> None:
    old, fresh = hold(queue, clock, 7, ANN), hold(queue, clock, 6.9, ANN)
    join, other = hold(queue, clock, 8, ANN, "join"), hold(queue, clock, 8, BOB)
    assert expire(queue, {}) == 0
    assert expire(queue, {ANN: 7, BOB: 30}) == 2
    found = {one.id: one for one in stored.desk().ls()}
    assert {number: one.queue for number, one in found.items()} == {
        old: "in",
        join: "command",
        fresh: "held",
        other: "held",
    }
    assert found[old].metadata == {"request": "post", "waited_days": 7}
    assert expire(queue, {ANN: 7, BOB: 30}) == 0


def test_it_goes_on_in_portions_the_oldest_first(queue: Queue, stored: Stored, clock: Clock) -> None:
    numbers = [hold(queue, clock, days, ANN) for days in (9, 10, 8)]
    assert expire(queue, {ANN: 7}, limit=2) == 2
    assert [one.id for one in stored.desk().ls("held")] == numbers[2:]
    assert [expire(queue, {ANN: 7}, limit=2) for _ in range(2)] == [1, 0]


def test_full_lists(queue: Queue) -> None:
    for listid, count in ((ANN, 3), (BOB, 1)):
        for _ in range(count):
            outcome(queue.put(post(b"x" * 1000), [held(listid)]))
        outcome(queue.put(post(b"x" * 1000), [Entry(queue="in", listid=listid)]))

    def full(messages: int, octets: int) -> frozenset[str]:
        return outcome(queue.full_lists(messages, octets))

    assert full(0, 0) == full(4, 0) == full(4, 3001) == full(0, 3001) == frozenset()
    assert full(3, 0) == full(0, 3000) == full(4, 1001) == {ANN}
    assert full(1, 0) == full(4, 1000) == {ANN, BOB}
