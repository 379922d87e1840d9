"""Verdicts of a connection that asks as fast as it likes: lines for some, a count for the others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from gatepost_service import log
from gatepost_service.metrics import Tally
from gatepost_service.record import LINES, SECONDS, Lines, Recorder


class Judged(NamedTuple):
    answer: str = "reject"
    code: int = 550
    status: str = "5.1.1"
    test: str = "list-known"
    mailing_list: str = ""
    why: str = ""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Asker:
    """A connection whose verdicts are recorded."""

    def __init__(self, file: Path, *, log_verdicts: bool = True) -> None:
        self.clock = Clock()
        self.tally = Tally()
        self._file = file
        self._lines = Lines(self.clock)
        self._recorder = Recorder("lmtp", log.VerdictLog(), self.tally, log_verdicts=log_verdicts)

    def ask(self, times: int, judged: Judged | None = None, client: str = "192.0.2.1") -> None:
        for _ in range(times):
            self._recorder.record(judged or Judged(), client, "a@b", "c@d", 0.001, "1", self._lines)

    def end(self) -> None:
        self._recorder.sum_up(self._lines)

    def told(self) -> tuple[int, list[tuple[str, int]]]:
        """How many verdicts have a line, and what is said of the others: what they have in common, and their number."""
        log.flush()
        text = self._file.read_text() if self._file.exists() else ""
        summed = re.findall(
            r'event="verdicts without lines" part=lmtp door=lmtp client=(.*) count=(\d+)$', text, re.MULTILINE
        )
        return text.count("event=verdict "), [(kind, int(count)) for kind, count in summed]


REFUSED = "192.0.2.1 test=list-known verdict=reject code=550 status=5.1.1"


def test_what_has_no_line_is_told_at_the_end(log_file: Path) -> None:
    asker = Asker(log_file)
    asker.ask(LINES)
    asker.end()
    assert asker.told() == (LINES, [])
    asker.ask(7)
    asker.ask(2, Judged("accept", 250, "2.1.5", "member"))
    assert asker.told() == (LINES, [])
    asker.end()
    asker.end()
    accepted = "192.0.2.1 test=member verdict=accept code=250 status=2.1.5"
    assert asker.told() == (LINES, [(REFUSED, 7), (accepted, 2)])


def test_after_a_while_there_are_lines_again(log_file: Path) -> None:
    asker = Asker(log_file)
    asker.ask(LINES + 5)
    asker.clock.now += SECONDS - 1
    asker.ask(1)
    asker.clock.now += 1
    asker.ask(1)
    assert asker.told() == (LINES + 1, [(REFUSED, 6)])
    asker.clock.now += SECONDS
    asker.ask(LINES)
    assert asker.told() == (2 * LINES + 1, [(REFUSED, 6)])


def test_clients_are_told_apart(log_file: Path) -> None:
    asker = Asker(log_file)
    asker.ask(LINES)
    asker.ask(1)
    asker.ask(3, client="192.0.2.2")
    asker.end()
    assert asker.told() == (LINES, [(REFUSED, 1), (REFUSED.replace("2.1 ", "2.2 "), 3)])


def test_all_are_counted(log_file: Path) -> None:
    asker = Asker(log_file)
    asker.ask(LINES + 5)
    assert sum(sum(cell.buckets) for cell in asker.tally.cells()) == LINES + 5


def test_without_lines_none_is_said_to_be_missing(log_file: Path) -> None:
    asker = Asker(log_file, log_verdicts=False)
    asker.ask(LINES + 5)
    asker.end()
    assert asker.told() == (0, [])
