"""A watch sees whatever others change, and says so too where it cannot tell."""

from __future__ import annotations

from gatepost_queue import Queue
from labs.queue import ANN, outcome, post
from labs.queue.stored import Stored


def test_what_others_change_is_seen_once(queue: Queue, stored: Stored) -> None:
    watch = stored.desk()
    assert watch.has_changed()
    assert not watch.has_changed()
    outcome(queue.put(post(), [ANN]))
    assert watch.has_changed()
    assert not watch.has_changed()
    watch.close()


def test_a_queue_that_is_away_and_comes_back(queue: Queue, stored: Stored) -> None:
    watch = stored.desk()
    stored.take_away()
    assert watch.has_changed()
    assert watch.has_changed()
    stored.bring_back()
    outcome(queue.put(post(), [ANN]))
    assert watch.has_changed()
    watch.close()
