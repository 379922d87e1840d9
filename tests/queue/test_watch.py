"""A watch sees whatever others change, and says so too where it cannot tell."""

from __future__ import annotations

from pathlib import Path

from gatepost_queue import Queue
from gatepost_queue.watch import Watch
from labs.queue import ANN, outcome, post


def test_what_others_change_is_seen_once(queue: Queue, path: Path) -> None:
    watch = Watch(path)
    assert watch.has_changed()
    assert not watch.has_changed()
    outcome(queue.put(post(), [ANN]))
    assert watch.has_changed()
    assert not watch.has_changed()
    watch.close()


def test_a_queue_that_is_away_and_comes_back(queue: Queue, path: Path) -> None:
    watch = Watch(path.with_name("away.db"))
    assert watch.has_changed()
    assert watch.has_changed()
    outcome(queue.put(post(), [ANN]))
    path.rename(path.with_name("away.db"))
    assert watch.has_changed()
    watch.close()
