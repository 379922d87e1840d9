"""A group is one door's part of a run; a site is what it is given: folders, stores, starting gatepost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.checks import Check
from bench.contestants import Contestant, Setting, gatepost
from bench.stores import Shape, make


class Stores:
    """The stores of a run, which its groups share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Shape, Path] = {}

    def store(self, shape: Shape) -> Path:
        """The folder with the store of this shape, which is made when it is asked for first."""
        if shape not in self._made:
            self._made[shape] = self._folder / f"store-{shape.lists}-{shape.memberships}-{shape.domains}"
            make(self._made[shape], shape)
        return self._made[shape]


@dataclass(frozen=True)
class Site:
    """What a group is given: a folder of its own, the run's stores and options, and the stack that stops everyone.

    quick: everything is small. with_peers: those that Debian and PyPI have are there too.
    """

    folder: Path
    stores: Stores
    stack: ExitStack
    quick: bool
    with_peers: bool

    def gatepost(self, name: str, setting: Setting) -> Contestant:
        """gatepost, started; name is that of its folder."""
        store = self.stores.store(setting.shape)
        return self.stack.enter_context(gatepost(self.folder / name, store, setting))


class Participant(Protocol):
    """Who takes a turn in each round: for so many seconds, or one piece of work; `start` is the first number to use."""

    def warm_up(self, seconds: float, start: int) -> None:
        """Be asked for a moment before the first round, that long at most: it fills caches and opens files."""

    def take_turn(self, seconds: float, start: int) -> None:
        """Be measured once more."""

    def figures(self) -> tuple[str, str, str, str]:
        """A row of the report: who it is, and the medians of the rates, of p50 and of p99, '' for what it has not."""


class Group(Protocol):
    """One door's part of a run: those who take part, all of them started, and what is promised of the outcome."""

    title: str

    def everyone(self) -> Sequence[Participant]:
        """In the order of their turns."""

    def finish(self, seconds: float, numbers: int) -> Sequence[Participant]:
        """What is measured once, after the rounds: seconds is the length of a turn, numbers the first number to use.

        Gives what is a row of its own.
        """

    def promises(self) -> list[Check]:
        """Every promise, with what was measured. Only after `finish`."""

    def notes(self) -> Sequence[str]:
        """Who could not take part, and why, in whole sentences."""
