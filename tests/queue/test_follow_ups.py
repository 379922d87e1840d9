"""What follows from an entry is kept with it, in one transaction, or not at all."""

from __future__ import annotations

import os
import signal

import pytest

from gatepost_queue import Entry, LeaseLost, Message, Put, Queue
from labs.queue import ANN, BOB, Clock, outcome, post, take
from labs.queue.stored import Stored

CHUNK = Entry(queue="out", listid="ann.lists.example", recipients=("bo@example.org",), metadata={"envsender": ""})


def entries(stored: Stored) -> list[tuple[str, tuple[str, ...]]]:
    return [(waiting.queue, waiting.recipients) for waiting in stored.desk().ls()]


def notice() -> Put:
    return Put(Message(content=b"a notice", envsender="", received=1_800_000_000.0), (CHUNK,))


def test_an_entry_that_becomes_others_of_its_message(queue: Queue, stored: Stored) -> None:
    outcome(queue.put(post(), [ANN]))
    (claimed,) = take(queue)
    outcome(queue.done(claimed, entries=[CHUNK, CHUNK]))
    assert entries(stored) == [("out", CHUNK.recipients)] * 2
    first, second = take(queue, "out")
    assert first.content == second.content == claimed.content
    assert first.message == claimed.message


def test_an_entry_that_is_followed_by_new_messages(queue: Queue, stored: Stored) -> None:
    outcome(queue.put(post(), [ANN, BOB]))
    (claimed,) = take(queue)
    outcome(queue.done(claimed, puts=[notice()]))
    assert [name for name, _ in entries(stored)] == ["bounces", "out"]
    assert [got.content for got in take(queue, "out")] == [b"a notice"]


def test_the_last_entry_takes_its_message_with_it_whatever_follows(queue: Queue, stored: Stored) -> None:
    outcome(queue.put(post(), [ANN]))
    (claimed,) = take(queue)
    outcome(queue.done(claimed, puts=[notice()]))
    (got,) = take(queue, "out")
    outcome(queue.done(got))
    assert entries(stored) == []


def test_what_was_lost_to_another_runner_is_followed_by_nothing(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    (late,) = take(queue, lease=60)
    clock.now += 61
    take(queue)
    with pytest.raises(LeaseLost):
        outcome(queue.done(late, entries=[CHUNK], puts=[notice()]))
    with pytest.raises(LeaseLost):
        outcome(queue.go_on(late, {}, 60.0, [CHUNK]))
    assert [name for name, _ in entries(stored)] == ["in"]


def test_going_on_keeps_the_claim_and_how_far_it_has_come(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    (claimed,) = take(queue, lease=60)
    clock.now += 50
    still = outcome(queue.go_on(claimed, {"after": [1, 2]}, 60.0, [CHUNK]))
    assert still.metadata == {"after": [1, 2]}
    clock.now += 50
    assert take(queue) == []
    clock.now += 20
    (again,) = take(queue)
    assert again.metadata == {"after": [1, 2]}
    assert [name for name, _ in entries(stored)] == ["in", "out"]


def test_an_entry_that_is_due_later_says_why(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN]))
    (claimed,) = take(queue)
    retry = Entry(queue="retry", listid=ANN.listid, next_attempt=clock.now + 900, last_error="450 4.2.0 greylisted")
    outcome(queue.done(claimed, entries=[retry]))
    (waiting,) = stored.desk().ls()
    assert (waiting.next_attempt, waiting.last_error) == (clock.now + 900, "450 4.2.0 greylisted")
    assert take(queue, "retry") == []
    clock.now += 900
    assert len(take(queue, "retry")) == 1


def test_a_new_message_for_nobody() -> None:
    with pytest.raises(ValueError, match="a message must be for somebody"):
        Put(Message(content=b"", envsender="", received=0.0), ())


def test_outgoing_mail_is_never_shunted_for_its_runners_deaths(queue: Queue, clock: Clock) -> None:
    outcome(queue.put(post(), [CHUNK]))
    for _ in range(5):
        (claimed,) = take(queue, "out", lease=60)
        assert claimed.failures == 0
        clock.now += 61
    assert len(take(queue, "out")) == 1


def test_what_a_dead_process_had_is_free_at_once(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.put(post(), [CHUNK]))
    child = os.fork()
    if child == 0:
        other = stored.open(clock)
        outcome(other.claim("out", "delivery", 3600.0))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert take(queue, "out") == []
    assert outcome(queue.recover()) == 1
    (claimed,) = take(queue, "out", lease=3600)
    assert claimed.attempts == 2
    assert outcome(queue.recover()) == 0, "its own process lives"
    assert take(queue, "out") == []
