"""The bench before the judge, which every door asks: questions in, verdicts out.

Here, and nowhere else, are the directory and the rules, reading them anew, what becomes of trouble, what the site's
mode lets us say, and the line and the count of each verdict.

An engine that is quick is asked at once, by whoever comes. Of a blocking one a thread asks, and no event loop waits for
it: the answers come in the loop, later (sittings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, Protocol, TypeVar

from gatepost_lists.directory import Directory
from gatepost_lists.headers import Headers
from gatepost_lists.judge import judge_one
from gatepost_lists.judging import Judging
from gatepost_lists.model import Answer, Question, Verdict
from gatepost_lists.rules import Rules
from gatepost_lists.sittings import Loop, Matter, SittingAtOnce, SittingOnThread
from gatepost_lists.softening import soften

Found = TypeVar("Found")


class Asked(NamedTuple):
    """A question at a door.

    id: what all log lines of the message share. lines: how many the connection may still have, for the recorder.
    headers: the message's, once they are there; by_headers: whether those whom they name may let it in. observe: the
    mode, where it is not the site's. before: the verdict that stands already; one that says the same is not told again.
    """

    question: Question
    id: str = ""
    lines: Any = None
    headers: Headers | None = None
    by_headers: bool = True
    observe: bool | None = None
    before: Verdict | None = None

    @property
    def foreseen(self) -> tuple[tuple[Question, Headers | None]]:
        """What the judge is asked (sittings.Matter)."""
        return ((self.question, self.headers),)

    def heard(self, directory: Directory, rules: Rules) -> Verdict:
        """The judge's verdict."""
        if self.headers is None:
            return judge_one(self.question, directory, rules)
        return judge_one(self.question, directory, rules, self.headers, by_headers=self.by_headers)


class Ruling(NamedTuple):
    """A verdict as the mode lets us say it, and as it was found."""

    told: Verdict
    found: Verdict


class Recorder(Protocol):
    """Writes down what a door answers (gatepost_service.record). log_verdicts: a line for each verdict."""

    log_verdicts: bool

    def record(
        self, verdict: Verdict, client: str, sender: str, recipient: str, seconds: float, id_: str, lines: Any = None
    ) -> None:
        """A verdict that took so many seconds."""

    def tell_fault(self, error: Exception) -> None:
        """An exception that is a fault of ours."""


class Bench:
    """One door's, in one process.

    loop: where answers come that a blocking engine gives; without one the caller waits for them. existence: whether
    this door lets pass, where the mode does, what is refused because the address does not exist, and trouble too
    (softening.py).
    """

    def __init__(
        self, judging: Judging, recorder: Recorder, *, loop: Loop | None = None, existence: bool = True
    ) -> None:
        self._recorder = recorder
        self._loop = loop
        self._existence = existence
        self._judging, self._sitting = judging, self._sitting_of(judging)
        self._recorder.log_verdicts = judging.log_verdicts

    def _sitting_of(self, judging: Judging) -> SittingAtOnce | SittingOnThread:
        directory, fault = judging.open_directory(), self._recorder.tell_fault
        if directory.blocking:
            return SittingOnThread(directory, judging.rules, fault, judging.patience, self._loop)
        return SittingAtOnce(directory, judging.rules, fault)

    def reload(self, judging: Judging) -> None:
        """Go on with other settings and a directory opened anew; without one, all stays as it was.

        What was asked before is answered by the directory of before.
        """
        before, self._sitting = self._sitting, self._sitting_of(judging)
        self._judging = judging
        self._recorder.log_verdicts = judging.log_verdicts
        before.close()

    def close(self) -> None:
        """Let go of the directory."""
        self._sitting.close()

    def ask(
        self, questions: Sequence[Asked], then: Callable[[list[Ruling]], object], since: float | None = None
    ) -> None:
        """Call `then` with the rulings on questions that came together, in their order: at once, or in the loop.

        since: when they came (time.perf_counter); now, if not given.
        """
        begun = perf_counter() if since is None else since
        self.look_up(questions, lambda found: then(self._ruled(questions, found, begun)))

    def wait_for(self, questions: Sequence[Asked]) -> list[Ruling]:
        """The rulings on questions that came together, for a caller who may wait."""
        if not questions:
            return []
        begun = perf_counter()
        return self._ruled(questions, self._sitting.hear(questions), begun)

    def look_up(self, matters: Sequence[Matter[Found]], then: Callable[[list[Found | Verdict]], object]) -> None:
        """Call `then` with what is found of all of these in one snapshot: at once, or in the loop.

        Trouble is a temporary verdict in the matter's place. Nothing is written down.
        """
        if matters:
            self._sitting.tell(matters, then)
        else:
            then([])

    def rule(self, asked: Asked, found: Verdict, seconds: float) -> Ruling:
        """Write a verdict down, which took so many seconds; what may be told of it."""
        question, before = asked.question, asked.before
        if before is None or not found.says_the_same(before):
            self._recorder.record(
                found, question.client, question.sender, question.recipient, seconds, asked.id, asked.lines
            )
        if found.answer is Answer.ACCEPT or found.answer is Answer.NOT_OURS:
            return Ruling(found, found)
        judging = self._judging
        observe = judging.observe if asked.observe is None else asked.observe
        told = soften(found, observe=observe, accept_trouble=judging.accept_trouble, existence=self._existence)
        return Ruling(told, found)

    def _ruled(self, questions: Sequence[Asked], found: Sequence[Verdict], since: float) -> list[Ruling]:
        seconds = perf_counter() - since
        return [self.rule(asked, verdict, seconds) for asked, verdict in zip(questions, found, strict=True)]
