"""The bench: what is asked of a quick engine at once, and of a blocking one on a thread, in batches, with a limit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lists import Asked, Bench, DirectoryTrouble, Judging, Question, Rules, Ruling, Verdict
from gatepost_lists.errors import BadUrlError
from gatepost_lists.sittings import SittingOnThread
from gatepost_lists.toml_directory import TomlDirectory
from labs.running import PATIENCE

LISTS = """
[domains."lists.example"]
[lists."closed@lists.example"]
members = ["anne@example.org"]
default_nonmember_action = "reject"
"""
CLOSED = "closed@lists.example"


class Far(TomlDirectory):
    """A blocking engine: `snapshot()` waits while the gate is closed. seen: the thread of each snapshot."""

    blocking = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.seen: list[threading.Thread] = []
        self.batches: list[int] = []
        self.error: Exception | None = None
        self.closed = threading.Event()

    def __enter__(self) -> Far:
        self.seen.append(threading.current_thread())
        self.batches.append(0)
        self.entered.release()
        assert self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        super().__enter__()
        return self

    def find(self, recipient: Any) -> Any:
        self.batches[-1] += 1
        return super().find(recipient)

    def close(self) -> None:
        super().close()
        self.closed.set()


class Recorded:
    """What is written down."""

    log_verdicts = False

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.faults: list[Exception] = []

    def record(self, verdict: Verdict, *_: object) -> None:
        self.verdicts.append(verdict)

    def tell_fault(self, error: Exception) -> None:
        self.faults.append(error)


class Hall:
    """A bench over a far engine, in an event loop."""

    def __init__(self, far: Far, patience: float, **judging: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.recorded = Recorded()
        self.judging = Judging(lambda: far, Rules(), patience=patience, **judging)
        self.bench = Bench(self.judging, self.recorded, loop=self.loop)

    def ask(self, *senders: str) -> asyncio.Future[list[Ruling]]:
        answer: asyncio.Future[list[Ruling]] = self.loop.create_future()
        self.bench.ask([Asked(Question(sender, CLOSED)) for sender in senders], answer.set_result)
        return answer


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    (tmp_path / "lists.toml").write_text(LISTS)
    engine = Far(tmp_path / "lists.toml")
    yield engine
    engine.gate.set()


@contextmanager
def closed_gate(far: Far) -> Iterator[None]:
    far.gate.clear()
    try:
        yield
    finally:
        far.gate.set()


async def entered(far: Far) -> None:
    """Wait until the engine has been asked once more."""
    assert await asyncio.to_thread(far.entered.acquire, timeout=PATIENCE)


def told(rulings: list[Ruling]) -> list[str]:
    return [f"{ruling.told.code} {ruling.told.status}" for ruling in rulings]


YES, NO, LATER = "250 2.1.5", "550 5.7.2", "451 4.3.0"


def test_a_quick_engine_answers_before_it_is_asked_for_more(tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(LISTS)
    recorded = Recorded()
    bench = Bench(Judging(lambda: TomlDirectory(tmp_path / "lists.toml"), Rules()), recorded)
    answers: list[list[Ruling]] = []
    bench.ask(
        [Asked(Question("anne@example.org", CLOSED)), Asked(Question("cris@example.org", CLOSED))], answers.append
    )
    assert [told(answer) for answer in answers] == [[YES, NO]]
    assert [verdict.test for verdict in recorded.verdicts] == ["member", "closed-list"]


def test_all_that_has_come_meanwhile_is_one_batch(far: Far) -> None:
    async def main() -> None:
        hall = Hall(far, PATIENCE)
        with closed_gate(far):
            first = hall.ask("anne@example.org")
            await entered(far)
            others = [hall.ask("cris@example.org", "anne@example.org") for _ in range(20)]
            await asyncio.sleep(0)
            assert not any(answer.done() for answer in (first, *others))
        assert told(await first) == [YES]
        assert [told(await answer) for answer in others] == [[NO, YES]] * 20
        assert far.batches == [2, 80]  # each is looked up to be foreseen, and to be judged
        assert len(hall.recorded.verdicts) == 41
        hall.bench.close()

    asyncio.run(main())


def test_what_takes_too_long_is_temporary_and_what_is_found_then_is_thrown_away(far: Far) -> None:
    async def main() -> None:
        hall = Hall(far, 0.05)
        with closed_gate(far):
            late = [hall.ask("cris@example.org") for _ in range(3)]
            assert [told(await answer) for answer in late] == [[LATER]] * 3
            later = [hall.ask("cris@example.org") for _ in range(5)]
            assert [told(await answer) for answer in later] == [[LATER]] * 5
            assert {verdict.why for verdict in hall.recorded.verdicts} == {"the lists were not read within 0.05 s"}
        hall.bench.reload(Judging(lambda: Far(far.path), Rules(), patience=PATIENCE))
        assert told(await hall.ask("anne@example.org")) == [YES]
        await asyncio.sleep(0)  # what the first engine has found by now reaches nobody: a future is told but once
        hall.bench.close()

    asyncio.run(main())


def test_an_engine_that_hangs_takes_one_thread_and_is_asked_again_once_it_is_back(far: Far) -> None:
    async def main() -> None:
        hall = Hall(far, 0.02)
        before = threading.active_count()
        with closed_gate(far):
            for _ in range(10):
                assert told(await hall.ask("anne@example.org")) == [LATER]
            assert threading.active_count() <= before + 1
            assert len(far.seen) == 1
        while told(await hall.ask("cris@example.org")) != [NO]:  # within a limit so short it may be late again
            pass
        assert {thread.name for thread in far.seen} == {"directory"}
        assert len(set(far.seen)) == 1
        hall.bench.close()

    asyncio.run(main())


def test_trouble_of_the_engine_is_temporary_for_all_of_the_batch(far: Far) -> None:
    async def main() -> None:
        hall = Hall(far, PATIENCE, accept_trouble=True)
        for error in (DirectoryTrouble("gone"), ZeroDivisionError("odd")):
            far.error = error
            rulings = await hall.ask("anne@example.org", "cris@example.org")
            assert [f"{ruling.found.code}" for ruling in rulings] == ["451"] * 2
            assert told(rulings) == [YES, YES]
        assert [type(fault) for fault in hall.recorded.faults] == [ZeroDivisionError]
        far.error = None
        assert told(await hall.ask("anne@example.org", "cris@example.org")) == [YES, NO]
        hall.bench.close()

    asyncio.run(main())


def test_whoever_has_no_loop_waits(far: Far) -> None:
    recorded = Recorded()
    bench = Bench(Judging(lambda: far, Rules(), patience=0.05), recorded)
    asked = [Asked(Question("cris@example.org", CLOSED))]
    with closed_gate(far):
        assert told(bench.wait_for(asked)) == [LATER]
    bench.reload(Judging(lambda: Far(far.path), Rules(), patience=PATIENCE))
    assert told(bench.wait_for(asked)) == [NO]
    bench.ask(asked, lambda rulings: recorded.verdicts.clear() if told(rulings) == [NO] else None)
    assert recorded.verdicts == []
    bench.close()


def test_no_thread_to_be_had_is_trouble(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bench = Bench(Judging(lambda: far, Rules()), Recorded())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert told(bench.wait_for([Asked(Question("anne@example.org", CLOSED))])) == [LATER]
    assert told(bench.wait_for([Asked(Question("anne@example.org", CLOSED))])) == [YES]
    bench.close()


def test_those_who_wait_when_it_is_closed_are_answered_then_the_engine_is_let_go(far: Far) -> None:
    async def main() -> None:
        hall = Hall(far, PATIENCE)
        with closed_gate(far):
            first = hall.ask("anne@example.org")
            await entered(far)
            second = hall.ask("cris@example.org")
            hall.bench.close()
            assert not far.closed.is_set()
        assert [told(await first), told(await second)] == [[YES], [NO]]
        assert await asyncio.to_thread(far.closed.wait, PATIENCE)

    asyncio.run(main())


def test_a_reload_that_fails_leaves_all_as_it_was(far: Far) -> None:
    def no_directory() -> Far:
        raise BadUrlError("no engine")

    bench = Bench(Judging(lambda: far, Rules()), Recorded())
    with pytest.raises(BadUrlError):
        bench.reload(Judging(no_directory, Rules(), observe=True))
    assert told(bench.wait_for([Asked(Question("cris@example.org", CLOSED))])) == [NO]
    bench.close()


def test_nothing_asked_is_answered_without_the_engine(far: Far) -> None:
    bench = Bench(Judging(lambda: far, Rules()), Recorded())
    answers: list[list[Ruling]] = []
    bench.ask([], answers.append)
    assert answers == [[]] == [bench.wait_for([])]
    assert far.seen == []
    bench.close()


class Clock:
    """An event loop for one thread, in which a test chooses what happens next."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], object]] = []
        self.timers: list[Timer] = []

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        self.timers.append(Timer(self, callback))
        return self.timers[-1]

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)


class Timer:
    def __init__(self, clock: Clock, callback: Callable[[], object]) -> None:
        self.clock = clock
        self.callback = callback

    def cancel(self) -> None:
        if self in self.clock.timers:
            self.clock.timers.remove(self)


class Named:
    """A matter that finds its own number."""

    foreseen: Sequence[tuple[Question, None]] = ()

    def __init__(self, number: int) -> None:
        self.number = number

    def heard(self, *_: object) -> int:
        return self.number


STEPS = st.lists(st.sampled_from(["ask", "open", "shut", "loop", "late"]), max_size=60)


@given(steps=STEPS, sizes=st.lists(st.integers(1, 4), min_size=60, max_size=60))
def test_nobody_gets_another_s_answer_and_everybody_one(
    steps: list[str], sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the engine, the loop and the clock do, and in whatever order."""
    path = tmp_path_factory.getbasetemp() / "some-lists.toml"
    path.write_text(LISTS)
    far, clock = Far(path), Clock()
    sitting = SittingOnThread(far, Rules(), lambda error: None, 1.0, clock)
    told: dict[int, list[list[Any]]] = {}
    asked: dict[int, list[int]] = {}
    for step, size in zip(steps, sizes, strict=False):
        if step == "ask":
            at = len(asked)
            asked[at], told[at] = [100 * at + number for number in range(size)], []
            sitting.tell([Named(number) for number in asked[at]], told[at].append)
        elif step == "open":
            far.gate.set()
        elif step == "shut":
            far.gate.clear()
        elif step == "loop" and clock.soon:
            clock.soon.pop(0)()
        elif step == "late" and clock.timers:
            clock.timers.pop(size % len(clock.timers)).callback()
    far.gate.set()
    sitting.close()
    assert far.closed.wait(PATIENCE)  # by then everybody has been heard
    while clock.soon:
        clock.soon.pop(0)()
    for at, numbers in asked.items():
        [answer] = told[at]
        assert answer == numbers or [each.code for each in answer] == [451] * len(numbers)
    assert not clock.timers
    assert len(set(far.seen)) <= 1
