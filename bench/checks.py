"""What is promised about speed, as values: a figure, its limit, and whether it holds.

Figures are ratios of two servers measured in one run, one after the other: a ratio is taken in each round, and the
median of the rounds counts, so that a machine that is slow for a while is slow for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.programs import Measurement


@dataclass(frozen=True)
class Check:
    """One promise. `limit` is the least allowed value where `at_least`, else the greatest; `show` words a value.

    Where limit is None nothing is promised: the figure stands there to be seen.
    """

    what: str
    value: float
    limit: float | None
    at_least: bool
    show: Callable[[float], str]

    @property
    def is_met(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> tuple[str, str, str, str]:
        """What is promised, the figure, the limit, and the outcome, in words."""
        if self.limit is None:
            return self.what, self.show(self.value), "", ""
        bound = "at least" if self.at_least else "at most"
        return self.what, self.show(self.value), f"{bound} {self.show(self.limit)}", "met" if self.is_met else "MISSED"


def share(what: str, value: float, limit: float) -> Check:
    """A part of the ceiling, 0 to 1, shown as one over something."""
    return Check(what, value, limit, at_least=True, show=lambda part: f"1/{1 / part:.3g}")


def times(what: str, value: float, limit: float | None) -> Check:
    """So many times as fast as another server."""
    return Check(what, value, limit, at_least=True, show=lambda factor: f"{factor:.1f} times")


def part(what: str, value: float, limit: float) -> Check:
    """So large a part of what another server does."""
    return Check(what, value, limit, at_least=True, show=lambda factor: f"{factor:.2f} of it")


def slowdown(what: str, value: float, limit: float) -> Check:
    """How many times as long a question takes where there is more to look through."""
    return Check(what, value, limit, at_least=False, show=lambda factor: f"{factor:.2f} times as long")


def amount(what: str, value: float, limit: float, unit: str) -> Check:
    """A quantity with its unit that has an upper limit."""
    return Check(what, value, limit, at_least=False, show=lambda number: f"{number:.3g} {unit}")


def ratio(over: Sequence[Measurement], under: Sequence[Measurement]) -> float:
    """The median over the rounds of one server's rate over the other's."""
    return median(a.rate / b.rate for a, b in zip(over, under, strict=True))
