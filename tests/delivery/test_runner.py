"""A runner takes what is due, keeps what its handler made, and lets trouble pass; the handlers here are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gatepost_delivery import runner as runner_module
from gatepost_delivery.bell import Bell
from gatepost_delivery.runner import Claims, Runner
from gatepost_delivery.troubles import Troubles
from gatepost_delivery.values import Done, GoOn, Handler, Later
from gatepost_lists import DirectoryTrouble
from gatepost_queue import Claimed, Entry, Queue, QueueFull, QueueTrouble, create, open_desk, open_queue
from labs.queue import ANN, WAIT, outcome, post

CHUNK = Entry(queue="out", listid=ANN.listid, recipients=("bo@example.org",))


@dataclass
class Made:
    """Handlers for the tests; `handled` is what they were given."""

    by_queue: Mapping[str, Handler]
    handled: list[Claimed] = field(default_factory=list)

    def __getitem__(self, queue: str) -> Handler:
        def handle(claimed: Claimed, go_on: GoOn) -> Done | Later:
            self.handled.append(claimed)
            return self.by_queue[queue](claimed, go_on)

        return handle

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    create(f"sqlite:///{tmp_path}/queue.db")
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    with closing(open_queue(url)) as opened:
        yield opened


@contextmanager
def running(queue: Queue, make: Callable[[], Made], *queues: str, bell: Bell | None = None) -> Iterator[Bell]:
    """A runner at work, and its bell."""
    bell = bell or Bell()
    runner = Runner("r", queues, queue, Claims(), bell, Troubles(), make)
    runner.start()
    try:
        yield bell
    finally:
        runner.stop()
        bell.ring()
        assert runner.has_ended(WAIT)


def until(url: str, bell: Bell, holds: Callable[[list[str]], bool]) -> None:
    """Ring until the queues of all that waits are as they should be."""
    for _ in range(int(WAIT / 0.01)):
        if holds([waiting.queue for waiting in open_desk(url).ls()]):
            return
        bell.ring()
        bell.wait(bell.rings, 0.01)
    raise AssertionError(list(open_desk(url).ls()))


def test_what_a_handler_makes_is_dealt_with_in_its_turn(queue: Queue, url: str) -> None:
    made = Made({"in": lambda _, __: Done(entries=(CHUNK,)), "out": lambda _, __: Done()})
    with running(queue, lambda: made, "in", "out") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda queues: not queues and len(made.handled) == 2)
    assert [claimed.queue for claimed in made.handled] == ["in", "out"]


def test_a_handler_that_fails_has_its_entry_shunted_and_holds_up_nothing(
    queue: Queue, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost_queue.values.FAILURE_PAUSES", (0.0, 0.0))

    def handle(claimed: Claimed, _: GoOn) -> Done:
        if claimed.content == b"poison":
            raise RuntimeError("cannot be read")
        return Done()

    made = Made({"in": handle})
    with running(queue, lambda: made, "in") as bell:
        outcome(queue.put(post(b"poison", received=0.0), [ANN]))
        outcome(queue.put(post(b"good", received=0.0), [ANN]))
        until(url, bell, lambda queues: queues == ["shunt"])
    (waiting,) = open_desk(url).ls()
    assert "RuntimeError: cannot be read" in waiting.last_error
    assert "in handle" in waiting.last_error, "the traceback is kept"


@pytest.mark.parametrize("error", [DirectoryTrouble("the lists are away"), OSError(28, "No space left on device")])
def test_trouble_of_ours_is_not_the_messages(
    queue: Queue, url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(runner_module, "TROUBLE_PAUSE", 0.0)
    left = [error] * 5

    def handle(_: Claimed, __: GoOn) -> Done:
        if left:
            raise left.pop()
        return Done()

    made = Made({"in": handle})
    with running(queue, lambda: made, "in") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda queues: not queues)
    assert [claimed.failures for claimed in made.handled] == [0] * 6


def test_later_is_later(queue: Queue, url: str) -> None:
    made = Made({"in": lambda claimed, _: Later(claimed.received + 10_000_000_000, "the mail server is away")})
    with running(queue, lambda: made, "in") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda _: any(waiting.last_error for waiting in open_desk(url).ls()))
    (waiting,) = open_desk(url).ls()
    assert (waiting.queue, waiting.next_attempt, waiting.failures) == ("in", 10_000_000_000, 0)


def test_how_far_a_handler_has_come_is_kept(queue: Queue, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "TROUBLE_PAUSE", 0.0)

    def handle(claimed: Claimed, go_on: GoOn) -> Done:
        step = claimed.metadata.get("step", 0)
        if step < 3:
            claimed = go_on({"step": step + 1}, (CHUNK,))
            assert claimed.metadata == {"step": step + 1}
            raise OSError(5, "cut off")
        return Done()

    made = Made({"in": handle})
    with running(queue, lambda: made, "in") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda queues: queues == ["out"] * 3)
    assert [claimed.metadata.get("step", 0) for claimed in made.handled] == [0, 1, 2, 3]


def test_what_was_done_is_kept_when_the_queue_can_be_written_again(
    queue: Queue, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been sent: then it must not be sent again."""
    monkeypatch.setattr(runner_module, "SETTLE_PAUSE", 0.0)
    failures = [QueueFull("there is no room"), QueueTrouble("the file is away"), QueueFull("there is no room")]
    keep = queue.done

    def done(*what: Any) -> Future[Any]:
        if not failures:
            return keep(*what)
        failed: Future[Any] = Future()
        failed.set_exception(failures.pop())
        return failed

    monkeypatch.setattr(queue, "done", done)
    made = Made({"in": lambda _, __: Done(entries=(CHUNK,))})
    with running(queue, lambda: made, "in") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda queues: queues == ["out"])
    assert (len(made.handled), failures) == (1, [])


def test_handlers_that_cannot_be_made_yet(queue: Queue, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "TROUBLE_PAUSE", 0.0)
    made = Made({"in": lambda _, __: Done()})
    troubles: list[Exception] = [DirectoryTrouble("no store"), RuntimeError("a fault of ours")]

    def make() -> Made:
        if troubles:
            raise troubles.pop()
        return made

    with running(queue, make, "in") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda queues: not queues)
    assert len(made.handled) == 1


def test_a_claim_that_was_lost_meanwhile_is_left_alone(queue: Queue, url: str) -> None:
    def handle(claimed: Claimed, _: GoOn) -> Done:
        if claimed.attempts == 1:
            outcome(queue.later(claimed, 0.0, "taken away"))
        return Done(entries=(CHUNK,))

    made = Made({"in": handle})
    with running(queue, lambda: made, "in") as bell:
        outcome(queue.put(post(received=0.0), [ANN]))
        until(url, bell, lambda queues: queues == ["out"])
    assert [claimed.attempts for claimed in made.handled] == [1, 2]


def test_a_runner_has_no_entry_but_the_one_it_is_at_and_none_when_it_has_ended(queue: Queue, url: str) -> None:
    had: list[int] = []
    several = Event()

    def handle(_: Claimed, __: GoOn) -> Done:
        had.append(sum(bool(waiting.runner) for waiting in open_desk(url).ls()))
        if len(had) == 3:
            several.set()
        return Done()

    for _ in range(100):
        outcome(queue.put(post(received=0.0), [ANN]))
    with running(queue, lambda: Made({"in": handle}), "in"):
        assert several.wait(WAIT)
    assert set(had) == {1}
    left = list(open_desk(url).ls())
    assert len(left) == 100 - len(had)
    assert {waiting.runner for waiting in left} <= {""}


def test_a_bell_that_rings_as_the_last_entry_ends_is_heard(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "IDLE", 10 * WAIT)
    again = Event()

    def handle(_: Claimed, __: GoOn) -> Done:
        if len(made.handled) > 1:
            again.set()
        return Done()

    class Late(Bell):
        """Rings for another entry just before the runner listens again."""

        @property
        def rings(self) -> int:
            if made.handled:
                outcome(queue.put(post(received=0.0), [ANN]))
                self.ring()
            return super().rings

    made = Made({"in": handle})
    outcome(queue.put(post(received=0.0), [ANN]))
    with running(queue, lambda: made, "in", bell=Late()):
        assert again.wait(WAIT)
