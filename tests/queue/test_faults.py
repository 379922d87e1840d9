"""What a queue is kept in fails: that is told, nothing is kept by halves, and it goes on as soon as that is over."""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from gatepost_queue import Queue, QueueFull, QueueTrouble, create
from labs.queue import ANN, Clock, Spooled, ids, only, outcome, post, take
from labs.queue.stored import Stored


def put(queue: Queue, octets: bytes = b"x") -> int | None:
    (number,) = outcome(queue.put(post(octets), [ANN]))
    return number


def test_what_is_away_is_told_and_nothing_is_lost_by_it(queue: Queue, stored: Stored) -> None:
    kept = [put(queue)]
    stored.take_away()
    for _ in range(2):
        with pytest.raises(QueueTrouble) as raised:
            put(queue)
        assert not isinstance(raised.value, QueueFull)
    desk = stored.desk()
    for ask in (lambda: list(desk.ls()), lambda: desk.figures(0.0), desk.retry_shunted):
        with pytest.raises(QueueTrouble):
            ask()
    stored.bring_back()
    kept.append(put(queue))
    assert ids(desk) == kept


def test_a_claim_in_trouble_gives_nothing_away(queue: Queue, stored: Stored) -> None:
    put(queue)
    stored.take_away()
    with pytest.raises(QueueTrouble):
        take(queue)
    stored.bring_back()
    assert only(take(queue)).attempts == 1


def test_a_claim_outlives_trouble(queue: Queue, stored: Stored) -> None:
    put(queue)
    claimed = only(take(queue))
    stored.take_away()
    assert isinstance(queue.done(claimed).exception(60), QueueTrouble)
    assert isinstance(queue.renew(claimed, 60.0).exception(60), QueueTrouble)
    stored.bring_back()
    assert outcome(queue.done(claimed)) == []
    assert stored.contents() == []


def test_what_was_lost_is_made_anew_and_counts(queue: Queue, stored: Stored) -> None:
    put(queue)
    stored.lose()
    with pytest.raises(QueueTrouble):
        put(queue)
    assert create(stored.url)
    number = put(queue)
    assert ids(stored.desk()) == [number]
    assert not create(stored.url)
    assert ids(stored.desk()) == [number]


def test_what_is_damaged_is_told_until_it_is_mended(stored: Stored) -> None:
    with closing(stored.open()) as queue:
        put(queue)
    stored.damage()
    with closing(stored.open()) as queue:
        with pytest.raises(QueueTrouble) as raised:
            put(queue)
        assert not isinstance(raised.value, QueueFull)
        stored.mend()
        put(queue)
    assert len(ids(stored.desk())) == len(stored.contents()) == 2


def test_content_that_cannot_be_read_spoils_nothing_for_others(queue: Queue, stored: Stored) -> None:
    bad = queue.put(post(Spooled(b"x", 2, said=3)), [ANN])
    good = queue.put(post(), [ANN])
    assert isinstance(bad.exception(60), QueueTrouble)
    (number,) = outcome(good)
    assert ids(stored.desk()) == [number]
    assert len(stored.contents()) == 1


def test_where_there_is_no_room_it_is_told_and_what_was_promised_stays(cramped: Stored) -> None:
    with closing(cramped.open()) as queue:
        kept = [put(queue)]
        cramped.fill()
        with pytest.raises(QueueFull):
            outcome(queue.put(post(Spooled(os.urandom(1_000_000), 5)), [ANN]))
        assert ids(cramped.desk()) == kept
        cramped.make_room()
        kept.append(put(queue, os.urandom(100_000)))
    assert ids(cramped.desk()) == kept
    assert len(cramped.contents()) == 2


def test_a_queue_that_is_full_of_messages_can_be_emptied_and_takes_others(cramped: Stored, clock: Clock) -> None:
    clock.now = 1.9e9
    with closing(cramped.open(clock)) as queue:
        kept = 0
        while not (error := queue.put(post(os.urandom(1_000_000)), [ANN]).exception(60)):
            kept += 1
        assert isinstance(error, QueueFull)
        assert kept > 2
        assert len(cramped.contents()) == kept
        while claimed := take(queue):
            for one in claimed:
                outcome(queue.done(one))
                kept -= 1
        assert (kept, cramped.contents()) == (0, [])
        put(queue, os.urandom(1_000_000))
