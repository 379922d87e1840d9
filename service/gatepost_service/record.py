"""One log line and one count for each verdict, at whatever door; and trouble told once, until it is over.

Where a connection may ask as fast as it likes, lines are counted rather than written beyond LINES in SECONDS.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally

# Verdicts of one connection that have a line each, in so many seconds. No mail server comes near it for long.
LINES = 1000
SECONDS = 10.0


class Judged(Protocol):
    """What is recorded of a verdict. `answer` is accept, reject, defer or not-ours; `why` says what the trouble is."""

    @property
    def answer(self) -> str: ...
    @property
    def code(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def test(self) -> str: ...
    @property
    def mailing_list(self) -> str: ...
    @property
    def why(self) -> str: ...


class _Kind(NamedTuple):
    """What verdicts that are summed up have in common."""

    client: str
    test: str
    verdict: str
    code: int
    status: str


class Lines:
    """The lines of one connection's verdicts: whether there may be one more, and how many there were not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._left = 0
        self.summed = Counter[_Kind]()

    def take(self) -> bool:
        """Whether a verdict has a line of its own."""
        self._left -= 1
        return self._left >= 0

    def is_over(self) -> bool:
        """Whether the time has passed for which lines are counted; it begins anew then."""
        now = self._clock()
        if now < self._until:
            return False
        self._until = now + SECONDS
        self._left = LINES
        return True


class Recorder:
    """Records the verdicts of one door in one process.

    `log_verdicts`: whether there is a line for each; it may change when settings are read again.
    """

    def __init__(self, door: str, log: VerdictLog, tally: Tally, *, log_verdicts: bool = True) -> None:
        self.log_verdicts = log_verdicts
        self._door = door
        self._log = log
        self._tally = tally
        self._events = get_logger(door)
        self._trouble = ""

    def record(
        self,
        verdict: Judged,
        client: str,
        sender: str,
        recipient: str,
        seconds: float,
        id_: str,
        lines: Lines | None = None,
    ) -> None:
        """A verdict that took so many seconds.

        `client`: who asked; `id_`: what all lines of one message share; `lines`: those of the connection, where they
        may be too many.
        """
        answer = verdict.answer
        self._tally.count(self._door, verdict.test, answer, seconds)
        if self.log_verdicts and (lines is None or self._has_line(lines, verdict, client)):
            self._log.verdict(
                self._door,
                client,
                sender,
                recipient,
                verdict.mailing_list,
                verdict.test,
                answer,
                verdict.code,
                verdict.status,
                seconds * 1000,
                id_,
            )
        if answer == "defer":
            self.tell_trouble(verdict.why)
        elif verdict.mailing_list:
            self.tell_recovery()

    def _has_line(self, lines: Lines, verdict: Judged, client: str) -> bool:
        if lines.is_over():
            self.sum_up(lines)
        if lines.take():
            return True
        lines.summed[_Kind(client, verdict.test, str(verdict.answer), verdict.code, verdict.status)] += 1
        return False

    def sum_up(self, lines: Lines) -> None:
        """Tell how many verdicts of each kind have had no line; also when the connection has ended."""
        for kind, count in lines.summed.items():
            self._events.info("verdicts without lines", door=self._door, **kind._asdict(), count=count)
        lines.summed.clear()

    def tell_fault(self, error: Exception) -> None:
        """A fault of ours: all that is known of it."""
        self._events.error("the judge failed", exc_info=error)

    def tell_trouble(self, why: str) -> None:
        """The lists cannot be read: a line, unless this is known already."""
        if why != self._trouble:
            self._trouble = why
            self._events.error("cannot tell", why=why)

    def tell_recovery(self) -> None:
        """A list was found: a line, if there was trouble."""
        if self._trouble:
            self._trouble = ""
            self._events.info("the lists can be read again")
