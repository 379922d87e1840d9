"""Where matters are heard: one directory, asked from one thread at a time, for all who have come together.

A matter is a question for the judge, or something else that has to be looked up. Whatever goes wrong with one becomes a
temporary verdict on it, and those beside it are heard all the same; where the directory cannot tell, it is one on all.

- `SittingAtOnce`: a quick engine's, heard by whoever comes.
- `SittingOnThread`: a blocking engine's. A thread of its own hears in one snapshot all that has come while it was busy.
  There is never more than one, however long the engine hangs. Who has waited too long gets a temporary verdict: he is
  heard no more, and what is found of him later is thrown away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from gatepost_lists.directory import Directory, DirectoryTrouble, RecordTrouble
from gatepost_lists.foresight import foresee
from gatepost_lists.headers import Headers
from gatepost_lists.judge import cannot_tell
from gatepost_lists.model import Question, Verdict
from gatepost_lists.rules import Rules

Found_co = TypeVar("Found_co", covariant=True)
Found = TypeVar("Found")
# Told of an exception that is a fault of ours.
Fault = Callable[[Exception], object]


class Matter(Protocol[Found_co]):
    """What can be heard. foreseen: the questions that a blocking directory fetches the answers of beforehand."""

    @property
    def foreseen(self) -> Sequence[tuple[Question, Headers | None]]: ...

    def heard(self, directory: Directory, rules: Rules) -> Found_co:
        """What is found, inside a snapshot. May raise anything: it becomes a temporary verdict."""


class Loop(Protocol):
    """What is needed of an event loop (asyncio's)."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Any: ...

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> Any: ...


class SittingAtOnce:
    """Hears in the caller's thread.

    Several threads take turns: Python runs one at a time in any case, and a thread that asks SQLite lets another one in
    each time. With many of them judging at once, most of the time went into that.
    """

    def __init__(self, directory: Directory, rules: Rules, fault: Fault) -> None:
        self._directory = directory
        self._rules = rules
        self._fault = fault
        self._turn = threading.Lock()

    def hear(self, matters: Sequence[Matter[Found]]) -> list[Found | Verdict]:
        """What is found, in the order of the matters. Never raises."""
        with self._turn:
            return _heard(matters, self._directory, self._rules, self._fault)

    def tell(self, matters: Sequence[Matter[Found]], then: Callable[[list[Found | Verdict]], object]) -> None:
        """Call `then` with what is found, now."""
        then(self.hear(matters))

    def close(self) -> None:
        """Let go of the directory, once nobody is being heard."""
        with self._turn:
            self._directory.close()


class SittingOnThread:
    """Hears on a thread, which begins with the first matter and ends with close().

    patience: seconds that whoever comes waits. loop: where he is told; without one he waits on his own thread.
    """

    def __init__(self, directory: Directory, rules: Rules, fault: Fault, patience: float, loop: Loop | None) -> None:
        self._directory = directory
        self._rules = rules
        self._fault = fault
        self._patience = patience
        self._loop = loop
        self._changed = threading.Condition()
        self._waiting: dict[Future[list[Any]], Sequence[Matter[Any]]] = {}  # in the order in which they came
        self._thread: threading.Thread | None = None
        self._closed = False

    def hear(self, matters: Sequence[Matter[Found]]) -> list[Found | Verdict]:
        """What is found, in the order of the matters, for a caller who may wait. Never raises."""
        answer = self._begin(matters)
        try:
            return answer.result(self._patience)
        except TimeoutError:
            return self.give_up(answer, matters)

    def tell(self, matters: Sequence[Matter[Found]], then: Callable[[list[Found | Verdict]], object]) -> None:
        """Call `then` with what is found: later, in the loop, if there is one."""
        if self._loop is None:
            then(self.hear(matters))
        else:
            _Promise(self, self._loop, self._begin(matters), matters, self._patience, then)

    def give_up(self, answer: Future[list[Any]], matters: Sequence[Matter[Any]]) -> list[Any]:
        """Nobody waits for this answer any more; gives what is said instead."""
        with self._changed:
            self._waiting.pop(answer, None)
        return [cannot_tell(f"the lists were not read within {self._patience:g} s")] * len(matters)

    def close(self) -> None:
        """Let go of the directory, once those who have come are heard; who calls does not wait for that."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            if self._thread is None:
                self._directory.close()

    def _begin(self, matters: Sequence[Matter[Found]]) -> Future[list[Found | Verdict]]:
        answer: Future[list[Found | Verdict]] = Future()
        with self._changed:
            try:
                self._start_thread()
            except RuntimeError as error:  # none to be had now
                answer.set_result([cannot_tell(str(error))] * len(matters))
                return answer
            self._waiting[answer] = matters
            self._changed.notify()
        return answer

    def _start_thread(self) -> None:
        if self._thread is None:
            # A daemon: an engine that hangs keeps no process from its end.
            thread = threading.Thread(target=self._hear_all, name="directory", daemon=True)
            thread.start()
            self._thread = thread

    def _hear_all(self) -> None:
        while batch := self._next_batch():
            matters = [matter for each in batch.values() for matter in each]
            found = iter(_heard(matters, self._directory, self._rules, self._fault))
            for answer, each in batch.items():
                answer.set_result([next(found) for _ in each])

    def _next_batch(self) -> dict[Future[list[Any]], Sequence[Matter[Any]]]:
        """All who wait; nobody where no more are to come: then the thread ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch, self._waiting = self._waiting, {}
            if not batch:
                self._thread = None
                with suppress(Exception):  # a connection that has been lost already, say
                    self._directory.close()
            return batch


class _Promise(Generic[Found]):
    """What somebody is told in the loop, once: what was found, or that it took too long."""

    def __init__(
        self,
        sitting: SittingOnThread,
        loop: Loop,
        answer: Future[list[Found | Verdict]],
        matters: Sequence[Matter[Found]],
        patience: float,
        then: Callable[[list[Found | Verdict]], object],
    ) -> None:
        self._sitting = sitting
        self._loop = loop
        self._answer = answer
        self._matters = matters
        self._then = then
        self._is_told = False
        self._timer = loop.call_later(patience, self._give_up)
        answer.add_done_callback(self._come_to_loop)

    def _come_to_loop(self, _: object) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell_found)

    def _tell_found(self) -> None:
        if not self._is_told:
            self._timer.cancel()
            self._tell(self._answer.result())

    def _give_up(self) -> None:
        if not self._is_told:
            self._tell(self._sitting.give_up(self._answer, self._matters))

    def _tell(self, found: list[Found | Verdict]) -> None:
        self._is_told = True
        self._then(found)


def _heard(matters: Sequence[Matter[Found]], directory: Directory, rules: Rules, fault: Fault) -> list[Found | Verdict]:
    try:
        with directory.snapshot():
            if directory.blocking:
                foresee((question for matter in matters for question in matter.foreseen), directory, rules)
            return [_heard_one(matter, directory, rules, fault) for matter in matters]
    except DirectoryTrouble as trouble:
        return [cannot_tell(str(trouble))] * len(matters)
    except Exception as error:  # trouble of ours is temporary to the mail server, whatever it is
        return [_failed(error, fault)] * len(matters)


def _heard_one(matter: Matter[Found], directory: Directory, rules: Rules, fault: Fault) -> Found | Verdict:
    try:
        return matter.heard(directory, rules)
    except RecordTrouble as trouble:
        return cannot_tell(str(trouble))
    except DirectoryTrouble:
        raise  # nothing more can be asked of this snapshot
    except Exception as error:
        return _failed(error, fault)


def _failed(error: Exception, fault: Fault) -> Verdict:
    fault(error)
    return cannot_tell(f"{type(error).__name__}: {error}")
