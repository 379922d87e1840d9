"""Messages that come again: those whose replies were lost are taken and not queued twice, all others are queued."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from gatepost_queue import Delivery, Entry, Queue, QueueTrouble
from gatepost_queue.sqlite.deliveries import REMEMBERED
from labs.queue import ANN, BOB, Clock, Spooled, ids, outcome, post
from labs.queue.stored import Stored

TWO = replace(ANN, recipients=("ann@lists.example", "ann+x@lists.example"))


def deliver(queue: Queue, *entries: Entry, digest: bytes = b"digest", sender: str = "bo@x") -> Delivery:
    """Put a message in; what is remembered of it."""
    delivery = Delivery(digest)
    outcome(queue.put(post(envsender=sender), entries or [ANN], delivery))
    return delivery


@pytest.fixture
def other(stored: Stored, clock: Clock) -> Iterator[Queue]:
    """The same queue, as another process has it."""
    with closing(stored.open(clock)) as opened:
        yield opened


def test_sent_again_after_the_replies_were_lost(queue: Queue, stored: Stored) -> None:
    outcome(queue.lost(deliver(queue)))
    again = Delivery(b"digest")
    assert outcome(queue.put(post(), [ANN], again)) == (None,)
    assert len(ids(stored.desk())) == 1
    outcome(queue.lost(again))
    deliver(queue)
    assert len(ids(stored.desk())) == 1


def test_sent_again_on_purpose(queue: Queue, stored: Stored) -> None:
    queue.confirm(deliver(queue))
    queue.confirm(deliver(queue))
    assert len(ids(stored.desk())) == 2


def test_sent_on_purpose_after_a_lost_one_was_made_good(queue: Queue, stored: Stored) -> None:
    outcome(queue.lost(deliver(queue)))
    queue.confirm(deliver(queue))
    deliver(queue)
    assert len(ids(stored.desk())) == 2


def test_sent_at_the_same_time_over_two_connections(queue: Queue, other: Queue, stored: Stored) -> None:
    for one in (queue, other, queue):
        deliver(one)
    assert len(ids(stored.desk())) == 3


def test_two_lost_ones_make_good_two(queue: Queue, other: Queue, stored: Stored) -> None:
    for lost in (deliver(queue), deliver(queue)):
        outcome(queue.lost(lost))
    for one in (other, queue, other):
        deliver(one)
    assert len(ids(stored.desk())) == 3


@pytest.mark.parametrize("change", [{"digest": b"other"}, {"sender": "eve@x"}], ids=["other octets", "another sender"])
def test_another_message_is_another(queue: Queue, stored: Stored, change: dict[str, object]) -> None:
    outcome(queue.lost(deliver(queue)))
    deliver(queue, **change)  # type: ignore[arg-type]
    assert len(ids(stored.desk())) == 2


def test_only_the_recipients_that_were_lost_are_left_out(queue: Queue, stored: Stored) -> None:
    outcome(queue.lost(deliver(queue, ANN)))
    first, second = outcome(queue.put(post(), [ANN, BOB], Delivery(b"digest")))
    assert first is None
    assert second in ids(stored.desk(), "bounces")
    assert len(ids(stored.desk())) == 2


def test_an_entry_with_one_recipient_more_is_queued(queue: Queue, stored: Stored) -> None:
    outcome(queue.lost(deliver(queue, ANN)))
    deliver(queue, TWO)
    assert len(ids(stored.desk())) == 2


def test_one_of_two_recipients_comes_again(queue: Queue, stored: Stored) -> None:
    outcome(queue.lost(deliver(queue, TWO)))
    deliver(queue, ANN)
    assert len(ids(stored.desk())) == 1


def test_an_entry_without_recipients_is_always_queued(queue: Queue, stored: Stored) -> None:
    nobody = replace(ANN, recipients=())
    outcome(queue.lost(deliver(queue, nobody)))
    deliver(queue, nobody)
    assert len(ids(stored.desk())) == 2


def test_after_a_day_it_is_forgotten(queue: Queue, stored: Stored, clock: Clock) -> None:
    outcome(queue.lost(deliver(queue)))
    clock.now += REMEMBERED - 1
    outcome(queue.lost(deliver(queue)))
    clock.now += REMEMBERED
    deliver(queue)
    assert len(ids(stored.desk())) == 2


def test_lost_before_it_was_put(queue: Queue, stored: Stored) -> None:
    delivery = Delivery(b"digest")
    putting = queue.put(post(Spooled(b"x" * 1000, 2000)), [ANN], delivery)
    outcome(queue.lost(delivery))
    assert putting.done()
    deliver(queue)
    assert len(ids(stored.desk())) == 1


def test_what_was_not_kept_is_not_remembered(queue: Queue, stored: Stored) -> None:
    delivery = Delivery(b"digest")
    with pytest.raises(QueueTrouble):
        outcome(queue.put(post(Spooled(b"x", 2, said=3)), [ANN], delivery))
    outcome(queue.lost(delivery))
    deliver(queue)
    assert len(ids(stored.desk())) == 1


def test_a_queue_that_is_closed_loses_what_was_not_confirmed(queue: Queue, other: Queue, stored: Stored) -> None:
    confirmed = deliver(queue, BOB)
    queue.confirm(confirmed)
    deliver(queue, ANN)
    queue.close()
    deliver(other, ANN, BOB)
    assert [len(ids(stored.desk(), name)) for name in ("in", "bounces")] == [1, 2]


def test_a_process_that_was_killed_loses_what_was_under_way(queue: Queue, stored: Stored, clock: Clock) -> None:
    clock.now = time.time()
    program = f"""
import os, signal, sys
from gatepost_queue import Delivery, open_queue
from labs.queue import ANN, post
open_queue({stored.url!r}).put(post(received=1.8e9), [ANN], Delivery(b"digest")).result()
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert ended.returncode == -9
    assert len(ids(stored.desk())) == 1
    deliver(queue)
    assert len(ids(stored.desk())) == 1


def test_trouble_in_between_forgets_no_loss(queue: Queue, stored: Stored) -> None:
    delivery = deliver(queue)
    stored.take_away()
    with pytest.raises(QueueTrouble):
        outcome(queue.lost(delivery))
    stored.bring_back()
    deliver(queue, BOB)
    deliver(queue, ANN)
    assert len(ids(stored.desk(), "in")) == 1


def test_trouble_in_between_forgets_no_confirmation(queue: Queue, stored: Stored) -> None:
    delivery = deliver(queue)
    stored.take_away()
    queue.confirm(delivery)
    with pytest.raises(QueueTrouble):
        deliver(queue, BOB)
    stored.bring_back()
    deliver(queue, BOB)
    queue.close()
    deliver(stored.open(), ANN)
    assert len(ids(stored.desk(), "in")) == 2
