"""Putting in, claiming, and what a runner says afterwards."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from gatepost_queue import BLOCK, LeaseLost, Queue, QueueTrouble
from gatepost_queue.values import FAILURE_PAUSES
from labs.queue import ANN, BOB, POST, WAIT, Clock, Spooled, ids, only, outcome, post, take
from labs.queue.stored import Stored


def test_one_message_for_two_entries(queue: Queue, stored: Stored) -> None:
    first, second = outcome(queue.put(post(), [ANN, BOB]))
    assert len(stored.contents()) == 1
    claimed = only(take(queue))
    assert (claimed.id, claimed.queue, claimed.listid, claimed.subaddress) == (first, "in", ANN.listid, "")
    assert (claimed.recipients, claimed.metadata) == (ANN.recipients, ANN.metadata)
    assert (claimed.content, claimed.envsender, claimed.trace, claimed.attempts) == (POST, "bo@x", "T1", 1)
    assert take(queue) == []
    outcome(queue.done(claimed))
    assert ids(stored.desk()) == [second]
    outcome(queue.done(only(take(queue, "bounces"))))
    assert ids(stored.desk()) == []
    assert len(stored.contents()) == 0


def test_an_event_loop_awaits_it(queue: Queue, stored: Stored) -> None:
    async def put() -> tuple[int | None, ...]:
        return await asyncio.wrap_future(queue.put(post(), [ANN]))

    assert list(asyncio.run(put())) == ids(stored.desk())


def test_a_message_for_nobody(queue: Queue) -> None:
    with pytest.raises(ValueError, match="must be for somebody"):
        queue.put(post(), [])


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
def test_every_octet_is_kept(queue: Queue, stored: Stored, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    (number,) = outcome(queue.put(post(content), [ANN]))
    assert number is not None
    assert only(take(queue)).content == content
    assert stored.desk().show(number)[1] == content


@pytest.mark.parametrize("piece", [1000, BLOCK, 2 * BLOCK + 1])
def test_content_that_is_not_in_memory(queue: Queue, stored: Stored, piece: int) -> None:
    content = Spooled(b"x" * (piece - 1) + b"\n", 5)
    outcome(queue.put(post(content), [ANN]))
    claimed = only(take(queue))
    assert claimed.content == content.piece * 5
    outcome(queue.done(claimed))
    assert stored.contents() == []


def test_content_of_another_size_than_it_says(queue: Queue, stored: Stored) -> None:
    with pytest.raises(QueueTrouble, match="of 9 octets was to be kept, and there were 10"):
        outcome(queue.put(post(Spooled(b"12345", 2, said=9)), [ANN]))
    assert ids(stored.desk()) == []


def test_the_oldest_comes_first_and_none_before_its_time(queue: Queue, clock: Clock) -> None:
    times = (clock.now - 1, clock.now - 3, clock.now - 2, clock.now + 1)
    first, second, third, later = (outcome(queue.put(post(received=time), [ANN]))[0] for time in times)
    assert [claimed.id for claimed in take(queue, limit=2)] == [second, third]
    assert [claimed.id for claimed in take(queue)] == [first]
    clock.now += 1
    assert [claimed.id for claimed in take(queue)] == [later]


def test_of_several_queues_the_first_one_that_has_any(queue: Queue) -> None:
    outcome(queue.put(post(), [BOB]))
    outcome(queue.put(post(), [ANN]))
    outcome(queue.put(post(), [ANN]))
    claims = [outcome(queue.claim(("out", "in", "bounces"), "r1", 60.0, 10)) for _ in range(3)]
    assert [[claimed.queue for claimed in each] for each in claims] == [["in", "in"], ["bounces"], []]


def test_the_next_entry_comes_with_the_end_of_the_one_before(queue: Queue, stored: Stored) -> None:
    outcome(queue.put(post(), [ANN, BOB]))
    first = only(take(queue))
    second = only(outcome(queue.done(first, next_from=("in", "bounces"), lease_seconds=60.0)))
    assert (second.queue, second.runner, second.attempts) == ("bounces", "r1", 1)
    assert outcome(queue.done(second, next_from=("in", "bounces"), lease_seconds=60.0)) == []
    assert ids(stored.desk()) == []


def test_nothing_comes_with_the_end_of_a_lost_claim(queue: Queue, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    lost = only(take(queue))
    clock.now += 61
    only(take(queue, runner="r2"))
    outcome(queue.put(post(), [ANN]))
    with pytest.raises(LeaseLost):
        outcome(queue.done(lost, next_from=("in",), lease_seconds=60.0))
    assert len(take(queue)) == 1


def test_a_claim_ends_before_it_is_too_big(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost_queue.sqlite.entries.CLAIM_OCTETS", 2500)
    for _ in range(3):
        outcome(queue.put(post(bytes(1000)), [ANN]))
    outcome(queue.put(post(bytes(5000)), [ANN]))
    assert [len(take(queue)) for _ in range(4)] == [2, 1, 1, 0]


def test_later(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    outcome(queue.later(only(take(queue)), clock.now + 10, "try again"))
    waiting = next(stored.desk().ls())
    assert (waiting.attempts, waiting.failures, waiting.last_error) == (1, 0, "try again")
    assert (waiting.next_attempt, waiting.runner) == (clock.now + 10, "")
    assert take(queue) == []
    clock.now += 10
    assert only(take(queue)).attempts == 2


@pytest.mark.parametrize("when", [float("nan"), float("inf"), -1e300])
def test_later_at_no_time(queue: Queue, when: float) -> None:
    outcome(queue.put(post(), [ANN]))
    with pytest.raises(ValueError, match="is no time"):
        queue.later(only(take(queue)), when)


def test_three_failures_shunt_and_others_pass_meanwhile(queue: Queue, stored: Stored, clock: Clock) -> None:
    bad, good = (outcome(queue.put(post(), [ANN]))[0] for _ in range(2))
    first, second = take(queue)
    assert not outcome(queue.failed(first, "Traceback 1"))
    assert [claimed.id for claimed in take(queue)] == []
    outcome(queue.later(second, clock.now))
    second = only(take(queue))
    assert second.id == good
    outcome(queue.done(second))
    for number, pause in enumerate(FAILURE_PAUSES, 2):
        clock.now += pause
        shunted = outcome(queue.failed(only(take(queue)), f"Traceback {number}"))
    assert shunted
    waiting = next(stored.desk().ls("shunt"))
    assert (waiting.id, waiting.origin, waiting.last_error, waiting.failures) == (bad, "in", "Traceback 3", 3)
    assert stored.desk().show(waiting.id)[1] == POST


def test_what_has_failed_comes_alone(queue: Queue, clock: Clock) -> None:
    numbers = [outcome(queue.put(post(), [ANN]))[0] for _ in range(3)]
    outcome(queue.failed(take(queue, limit=1)[0], "Traceback"))
    clock.now += FAILURE_PAUSES[0]
    assert [one.id for one in take(queue)] == numbers[1:]
    assert [one.id for one in take(queue)] == numbers[:1]


def test_a_later_forgives_failures(queue: Queue, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    outcome(queue.failed(only(take(queue)), "Traceback"))
    clock.now += 60
    outcome(queue.later(only(take(queue)), clock.now, "mail server away"))
    assert only(take(queue)).failures == 0


def test_giving_up(queue: Queue, stored: Stored) -> None:
    outcome(queue.put(post(), [BOB]))
    outcome(queue.give_up(only(take(queue, "bounces")), "no such list"))
    waiting = next(stored.desk().ls())
    assert (waiting.queue, waiting.origin, waiting.last_error) == ("shunt", "bounces", "no such list")


def test_a_lease_that_expires_gives_the_entry_back(queue: Queue, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    lost = only(take(queue, runner="dead", lease=60))
    clock.now += 59.9
    assert take(queue) == []
    outcome(queue.renew(lost, 60))
    clock.now += 59.9
    assert take(queue) == []
    clock.now += 0.2
    got = only(take(queue, runner="alive"))
    assert (got.id, got.attempts, got.failures, got.runner) == (lost.id, 2, 1, "alive")
    calls: list[Future[Any]] = [queue.done(lost), queue.renew(lost, 60), queue.later(lost, 0.0)]
    for call in calls:
        with pytest.raises(LeaseLost, match=f"dead no longer has entry {lost.id}"):
            outcome(call)
    with pytest.raises(LeaseLost):
        outcome(queue.failed(lost, "late"))
    outcome(queue.done(got))


def test_an_expired_lease_that_nobody_else_took_still_counts(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    claimed = only(take(queue, lease=60))
    clock.now += 100
    outcome(queue.done(claimed))
    assert ids(stored.desk()) == []


def test_runners_that_die_three_times_shunt_what_kills_them_and_nothing_else(
    queue: Queue, stored: Stored, clock: Clock
) -> None:
    poison, *harmless = (outcome(queue.put(post(), [ANN]))[0] for _ in range(3))
    assert [one.id for one in take(queue)] == [poison, *harmless]
    clock.now += 61
    assert [one.id for one in take(queue)] == [poison]
    done = [only(take(queue)), only(take(queue))]
    for claimed in done:
        outcome(queue.done(claimed))
    assert [one.id for one in done] == harmless
    clock.now += 61
    assert [one.id for one in take(queue)] == [poison]
    clock.now += 61
    assert take(queue) == []
    waiting = next(stored.desk().ls())
    assert (waiting.id, waiting.queue, waiting.failures) == (poison, "shunt", 3)
    assert "r1 did not end with it within its lease" in waiting.last_error


def test_a_refused_call_spoils_nothing_for_the_others(queue: Queue, stored: Stored) -> None:
    outcome(queue.put(post(), [ANN]))
    claimed = only(take(queue))
    puts = [queue.put(post(), [ANN])]
    dones = [queue.done(claimed), queue.done(claimed)]
    puts.append(queue.put(post(), [BOB]))
    assert [put.exception(WAIT) for put in puts] == [None, None]
    assert [type(done.exception(WAIT)) for done in dones] == [type(None), LeaseLost]
    assert len(ids(stored.desk())) == 2
