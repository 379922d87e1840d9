"""The queue and a plain model of it agree after any sequence of calls, by two processes' worth of queues.

What a call answers, what waits, and what is kept of messages must be what the model says. Time passes when it is told.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from gatepost_queue import Claimed, Entry, EntryInUse, LeaseLost, NoSuchEntry
from gatepost_queue.values import FAILURE_PAUSES, MAX_FAILURES
from labs.queue import Clock, outcome, post, take
from labs.queue.stored import Stored

SOAKING = "GATEPOST_SOAK" in os.environ
NAMES = ("in", "command")

names = st.sampled_from(NAMES)
queues = st.sampled_from((0, 1))
moments = st.sampled_from((0.0, 1.0, 59.0, 61.0, 700.0))


@dataclass
class Kept:
    """What the model knows of an entry."""

    queue: str
    message: int
    due: float
    attempts: int = 0
    failures: int = 0
    until: float = 0.0
    origin: str = ""


class QueueAgreesWithModel(RuleBasedStateMachine):
    """The model: entries by id. Claims that were given out are kept, to be used when they are no longer good, too."""

    claims: Bundle[Claimed] = Bundle("claims")

    def __init__(self, engine: type[Stored], template: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stored = engine(self.folder, template)
        self.clock = Clock()
        self.queues = [self.stored.open(self.clock) for _ in range(2)]
        self.entries: dict[int, Kept] = {}
        self.messages = 0

    def teardown(self) -> None:
        for queue in self.queues:
            queue.close()
        shutil.rmtree(self.folder)

    def own(self, claim: Claimed) -> Kept | None:
        """The entry, if the claim is still good."""
        kept = self.entries.get(claim.id)
        return kept if kept and kept.attempts == claim.attempts and kept.until else None

    def attempt(self, claim: Claimed, call: object) -> Kept | None:
        kept = self.own(claim)
        try:
            outcome(call)  # type: ignore[arg-type]
        except LeaseLost:
            assert kept is None
        else:
            assert kept is not None
        return kept

    @rule(at=queues, first=names, second=st.none() | names, age=moments)
    def put(self, at: int, first: str, second: str | None, age: float) -> None:
        received = self.clock.now - age
        self.messages += 1
        wanted = [name for name in (first, second) if name]
        entries = [Entry(queue=name, listid="ann.x") for name in wanted]
        numbers = outcome(self.queues[at].put(post(b"%d" % self.messages, received=received), entries))
        for number, name in zip(numbers, wanted, strict=True):
            assert number is not None
            assert number > max(self.entries, default=0)
            self.entries[number] = Kept(name, self.messages, received)

    @rule(target=claims, at=queues, name=names, limit=st.integers(1, 3))
    def claim(self, at: int, name: str, limit: int) -> MultipleResults[Claimed]:
        now = self.clock.now
        due = sorted(
            (kept.due, number)
            for number, kept in self.entries.items()
            if kept.queue == name and kept.due <= now and kept.until <= now
        )
        expected: list[int] = []
        for _, number in due[:limit]:
            kept = self.entries[number]
            failures = kept.failures + bool(kept.until)
            if expected and failures:
                break
            kept.failures = failures
            if failures >= MAX_FAILURES:
                kept.queue, kept.origin, kept.until = "shunt", name, 0.0
                continue
            kept.attempts += 1
            kept.until = now + 60
            expected.append(number)
            if failures:
                break
        claimed = take(self.queues[at], name, limit)
        assert [claim.id for claim in claimed] == expected
        assert all(claim.content == b"%d" % self.entries[claim.id].message for claim in claimed)
        return multiple(*claimed)

    @rule(at=queues, claim=claims)
    def done(self, at: int, claim: Claimed) -> None:
        if self.attempt(claim, self.queues[at].done(claim)):
            del self.entries[claim.id]

    @rule(at=queues, claim=claims)
    def renew(self, at: int, claim: Claimed) -> None:
        if kept := self.attempt(claim, self.queues[at].renew(claim, 60)):
            kept.until = self.clock.now + 60

    @rule(at=queues, claim=claims, pause=moments)
    def later(self, at: int, claim: Claimed, pause: float) -> None:
        if kept := self.attempt(claim, self.queues[at].later(claim, self.clock.now + pause, "later")):
            kept.due, kept.until, kept.failures = self.clock.now + pause, 0.0, 0

    @rule(at=queues, claim=claims)
    def fail(self, at: int, claim: Claimed) -> None:
        if kept := self.attempt(claim, self.queues[at].failed(claim, "Traceback")):
            kept.failures += 1
            kept.until = 0.0
            if kept.failures >= MAX_FAILURES:
                kept.queue, kept.origin = "shunt", kept.queue
            else:
                kept.due = self.clock.now + FAILURE_PAUSES[kept.failures - 1]

    @rule(at=queues, claim=claims)
    def give_up(self, at: int, claim: Claimed) -> None:
        if kept := self.attempt(claim, self.queues[at].give_up(claim, "never")):
            kept.failures += 1
            kept.until = 0.0
            kept.queue, kept.origin = "shunt", kept.queue

    @rule(number=st.integers(1, 8), drop=st.booleans())
    def operate(self, number: int, drop: bool) -> None:
        kept = self.entries.get(number)
        desk = self.stored.desk(self.clock)
        try:
            (desk.drop if drop else desk.retry)([number])
        except NoSuchEntry:
            assert kept is None
        except EntryInUse:
            assert kept
            assert kept.until > self.clock.now
        else:
            assert kept
            if drop:
                del self.entries[number]
            else:
                kept.queue, kept.origin = kept.origin or kept.queue, ""
                kept.due, kept.until, kept.failures = self.clock.now, 0.0, 0

    @rule(seconds=moments)
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(at=queues, seconds=st.sampled_from((-700.0, -60.0, 60.0, 700.0)))
    def the_clock_is_set(self, at: int, seconds: float) -> None:
        self.clock.set(seconds)
        assert outcome(self.queues[at].recover()) == 0
        for kept in self.entries.values():
            kept.until += seconds if kept.until else 0.0
            kept.due += min(seconds, 0.0)

    @invariant()
    def listing_agrees(self) -> None:
        found = {
            waiting.id: (waiting.queue, waiting.next_attempt, waiting.attempts, waiting.failures, waiting.origin)
            for waiting in self.stored.desk().ls()
        }
        assert found == {
            number: (kept.queue, kept.due, kept.attempts, kept.failures, kept.origin)
            for number, kept in self.entries.items()
        }
        counts = {figure.queue: figure.messages for figure in self.stored.desk().figures(self.clock.now)}
        assert sum(counts.values()) == len(self.entries)

    @invariant()
    def no_message_is_kept_for_nobody(self) -> None:
        assert set(map(int, self.stored.contents())) == {kept.message for kept in self.entries.values()}


def test_every_engine_agrees_with_the_model(engine: type[Stored], template: Path) -> None:
    class Machine(QueueAgreesWithModel):
        def __init__(self) -> None:
            super().__init__(engine, template)

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=500 if SOAKING else 30, stateful_step_count=30, deadline=None),
    )
