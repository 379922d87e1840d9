"""One log line and one count for each verdict, at whatever door; and trouble told once, until it is over."""

from typing import Protocol

from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally


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

    def record(self, verdict: Judged, client: str, sender: str, recipient: str, seconds: float, id_: str) -> None:
        """A verdict that took so many seconds. `client`: who asked; `id_`: what all lines of one message share."""
        answer = verdict.answer
        self._tally.count(self._door, verdict.test, answer, seconds)
        if self.log_verdicts:
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
