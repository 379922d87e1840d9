"""The milter's part of a run: who takes part beside a libmilter program in C, and what is promised of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from bench import checks
from bench.checks import Check
from bench.contestants import Contestant, Setting, milter_ceiling, rate_ratio, resources
from bench.groups import Site
from bench.policies import shapes
from bench.processes import family, resident_megabytes
from bench.programs import say

# Before memory is weighed, caches are filled and every thread has run.
_SETTLING_SECONDS = 5.0
_CROWD = 200
# Whole messages through the milter, to see whether its memory grows.
_MESSAGES = 1_000_000
_QUICK_MESSAGES = 2_000


@dataclass(frozen=True)
class Growth:
    """Resident memory of the milter, before and after so many messages, in MB."""

    messages: int
    before: float
    after: float

    @property
    def bytes_a_message(self) -> float:
        return (self.after - self.before) * 1e6 / self.messages


@dataclass
class Milters:
    """The milter as one process and as two, and the ceiling."""

    ceiling: Contestant
    one: Contestant
    two: Contestant
    messages: int
    growth: Growth = field(init=False)
    title = "The milter"

    def everyone(self) -> Sequence[Contestant]:
        return self.ceiling, self.one, self.two

    def finish(self, seconds: float, numbers: int) -> Sequence[Contestant]:
        crowd = self._hold_many_connections(seconds, numbers)
        say(f"weighing the milter over {self.messages:,} messages")
        self.growth = self._grow(seconds, numbers)
        return (crowd,)

    def promises(self) -> list[Check]:
        p99 = median(each.p99 for each in self.one.measured) / 1000
        growth = self.growth
        return [
            checks.share("milter: one process, of the ceiling", rate_ratio(self.one, self.ceiling), 1 / 5),
            checks.share("milter: two workers, of the ceiling", rate_ratio(self.two, self.ceiling), 1 / 3),
            checks.amount("milter: its p99", p99, 10, "ms"),
            checks.amount(
                f"milter: growth over {growth.messages:,} messages", growth.bytes_a_message, 8, "bytes a message"
            ),
            *resources((self.one, self.two), "milter: "),
        ]

    def notes(self) -> Sequence[str]:
        return ()

    def _hold_many_connections(self, seconds: float, numbers: int) -> Contestant:
        """Ask one process over many connections at once."""
        crowd = replace(self.one, name=f"{self.one.name}, {_CROWD} connections", connections=_CROWD, measured=[])
        crowd.take_turn(seconds, numbers)
        return crowd

    def _grow(self, seconds: float, numbers: int) -> Growth:
        """Send whole messages through one process, in turns of so many seconds."""
        sending = replace(self.one, mode="milter-message", measured=[])
        sending.ask(min(_SETTLING_SECONDS, seconds), numbers)
        before, sent, length = _weigh(sending), 0, max(seconds, 1.0)
        while sent < self.messages:
            sent += int(sending.ask(length, numbers + sent).rate * length)
        return Growth(sent, before, _weigh(sending))


def _weigh(contestant: Contestant) -> float:
    assert contestant.server is not None
    return sum(resident_megabytes(pid) for pid in family(contestant.server.process.pid))


def start(site: Site) -> Milters:
    """Start everyone."""
    shape = shapes(quick=site.quick).main
    return Milters(
        ceiling=site.stack.enter_context(milter_ceiling(site.folder / "milter-ceiling", shape, 8)),
        one=site.gatepost("milter-one", Setting(shape, door="milter")),
        two=site.gatepost("milter-two", Setting(shape, workers=2, door="milter")),
        messages=_QUICK_MESSAGES if site.quick else _MESSAGES,
    )
