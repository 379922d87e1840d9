"""The milter's part of a run: who takes part beside a libmilter program in C, and what is promised of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import checks
from bench.checks import Check, ratio
from bench.contestants import Contestant, Setting, milter_ceiling
from bench.processes import family, resident_megabytes
from bench.stores import Shape

# Before memory is weighed, caches are filled and every thread has run.
_SETTLING_SECONDS = 5.0
_CROWD = 200


@dataclass(frozen=True)
class Growth:
    """Resident memory of the milter, before and after so many messages, in MB."""

    messages: int
    before: float
    after: float

    @property
    def bytes_a_message(self) -> float:
        return (self.after - self.before) * 1e6 / self.messages


@dataclass(frozen=True)
class Milters:
    """The milter as one process and as two, and the ceiling."""

    ceiling: Contestant
    one: Contestant
    two: Contestant

    def everyone(self) -> tuple[Contestant, ...]:
        """In the order of their turns."""
        return self.ceiling, self.one, self.two


def start(stack: ExitStack, folder: Path, shape: Shape, gatepost: Callable[[str, Setting], Contestant]) -> Milters:
    """Start everyone; gatepost starts a contestant of a name and a setting."""
    return Milters(
        ceiling=stack.enter_context(milter_ceiling(folder / "milter-ceiling", shape, 8)),
        one=gatepost("milter-one", Setting(shape, door="milter")),
        two=gatepost("milter-two", Setting(shape, workers=2, door="milter")),
    )


def hold_many_connections(milters: Milters, seconds: float, numbers: int) -> Contestant:
    """Ask one process over many connections at once."""
    crowd = replace(milters.one, name=f"{milters.one.name}, {_CROWD} connections", connections=_CROWD, measured=[])
    crowd.take_turn(seconds, numbers)
    return crowd


def grow(milters: Milters, messages: int, seconds: float, numbers: int) -> Growth:
    """Send at least so many whole messages through one process, in turns of so many seconds."""
    sending = replace(milters.one, mode="milter-message", measured=[])
    sending.ask(min(_SETTLING_SECONDS, seconds), numbers)
    before, sent, length = _weigh(sending), 0, max(seconds, 1.0)
    while sent < messages:
        sent += int(sending.ask(length, numbers + sent).rate * length)
    return Growth(sent, before, _weigh(sending))


def _weigh(contestant: Contestant) -> float:
    assert contestant.server is not None
    return sum(resident_megabytes(pid) for pid in family(contestant.server.process.pid))


def promises(milters: Milters, growth: Growth) -> list[Check]:
    """Every promise about the milter, with what was measured."""
    p99 = median(each.p99 for each in milters.one.measured) / 1000
    return [
        checks.share("milter: one process, of the ceiling", _of_ceiling(milters, milters.one), 1 / 5),
        checks.share("milter: two workers, of the ceiling", _of_ceiling(milters, milters.two), 1 / 3),
        checks.amount("milter: its p99", p99, 10, "ms"),
        checks.amount(
            f"milter: growth over {growth.messages:,} messages", growth.bytes_a_message, 8, "bytes a message"
        ),
    ]


def _of_ceiling(milters: Milters, contestant: Contestant) -> float:
    return ratio(contestant.measured, milters.ceiling.measured)
