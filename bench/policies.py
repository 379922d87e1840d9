"""The policy service's part of a run, and the store's: who takes part, and what is promised of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench import checks, peers
from bench.checks import Check
from bench.contestants import Contestant, Setting, ceiling, peer_servers, rate_ratio, resources
from bench.groups import Site
from bench.programs import say
from bench.stores import Import, Shape, time_import

# Lists and memberships of the main store.
_MAIN, _QUICK_MAIN = (1_000, 1_000_000), (100, 10_000)


@dataclass(frozen=True)
class Shapes:
    """The four stores. Between `few` and `crowd` only the members grow, between `crowd` and `many` only the lists.

    `many` has ten times as many lists as `main`.
    """

    few: Shape
    crowd: Shape
    main: Shape
    many: Shape


def shapes(*, quick: bool) -> Shapes:
    """The stores, as large as the run allows."""
    lists, memberships = _QUICK_MAIN if quick else _MAIN
    return Shapes(Shape(10, 100), Shape(10, memberships), Shape(lists, memberships), Shape(10 * lists, memberships))


@dataclass(frozen=True)
class Policies:
    """All that take part, each running. Those that are compared with one another stand together."""

    imported: Import
    ceiling_8: Contestant
    logging: Contestant
    silent: Contestant
    ceiling_32: Contestant
    two_logging: Contestant
    two_silent: Contestant
    few: Contestant
    crowd: Contestant
    many: Contestant
    peers: tuple[Contestant, ...]
    title = "The policy service and the store"

    def everyone(self) -> Sequence[Contestant]:
        one_process = (self.ceiling_8, self.logging, self.silent, *self.peers)
        return *one_process, self.ceiling_32, self.two_logging, self.two_silent, self.few, self.crowd, self.many

    def finish(self, seconds: float, numbers: int) -> Sequence[Contestant]:
        return ()

    def promises(self) -> list[Check]:
        return [*self._speed(), *self._beside_peers(), *self._size_of_store(), *self._resources()]

    def notes(self) -> Sequence[str]:
        return ()

    def _speed(self) -> list[Check]:
        return [
            checks.share("one process, of the ceiling", rate_ratio(self.logging, self.ceiling_8), 1 / 9),
            checks.share("the same without verdict lines", rate_ratio(self.silent, self.ceiling_8), 1 / 7),
            checks.amount("its p99", _p99_ms(self.logging), 5, "ms"),
            checks.amount("its p99 without verdict lines", _p99_ms(self.silent), 5, "ms"),
            checks.share(
                "two workers, 32 connections, of the ceiling", rate_ratio(self.two_logging, self.ceiling_32), 1 / 6
            ),
            checks.share("the same without verdict lines", rate_ratio(self.two_silent, self.ceiling_32), 1 / 5),
        ]

    def _beside_peers(self) -> list[Check]:
        """Like beside like: postgrey writes a log line for each question, postfwd2 here writes none.

        Each has the machine to itself. postgrey is one process and can be no more; gatepost is given a worker for each
        of two processors, and what one worker does beside it is shown too.
        """
        if not self.peers:
            return []
        postfwd2, postgrey, _ = self.peers
        return [
            checks.times("two workers beside postgrey, with log lines", rate_ratio(self.two_logging, postgrey), 10),
            checks.times("one process beside postgrey, with log lines", rate_ratio(self.logging, postgrey), None),
            checks.times("one process beside postfwd2, without", rate_ratio(self.silent, postfwd2), 3),
        ]

    def _size_of_store(self) -> list[Check]:
        lists = f"{self.many.lists} lists against {self.crowd.lists}"
        members = f"{self.crowd.workload.senders[0].count:,} members against {self.few.workload.senders[0].count:,}"
        return [
            checks.slowdown(lists, rate_ratio(self.crowd, self.many), 1.3),
            checks.slowdown(members, rate_ratio(self.few, self.crowd), 1.3),
        ]

    def _resources(self) -> list[Check]:
        imported = self.imported
        return [
            *resources((self.logging, self.silent, self.two_logging, self.two_silent, self.few, self.crowd, self.many)),
            checks.amount(f"member import, {imported.addresses:,} addresses", imported.seconds, 60, "s"),
            checks.amount("member import, peak resident memory", imported.megabytes, 300, "MB"),
        ]


def start(site: Site) -> Policies:
    """Measure an import, then make the stores and start everyone."""
    wanted = shapes(quick=site.quick)
    if site.with_peers:
        peers.fetch()
    say(f"importing {wanted.main.memberships:,} addresses")
    imported = time_import(site.folder / "import", wanted.main.memberships)
    say("making the policy service's stores")
    main, enter = wanted.main, site.stack.enter_context
    return Policies(
        imported=imported,
        ceiling_8=enter(ceiling(site.folder / "ceiling-8", main, 8)),
        logging=site.gatepost("logging", Setting(main)),
        silent=site.gatepost("silent", Setting(main, verdict_lines=False)),
        ceiling_32=enter(ceiling(site.folder / "ceiling-32", main, 32)),
        two_logging=site.gatepost("two-logging", Setting(main, workers=2, connections=32)),
        two_silent=site.gatepost("two-silent", Setting(main, workers=2, connections=32, verdict_lines=False)),
        few=site.gatepost("few", Setting(wanted.few, verdict_lines=False)),
        crowd=site.gatepost("crowd", Setting(wanted.crowd, verdict_lines=False)),
        many=site.gatepost("many", Setting(wanted.many, verdict_lines=False)),
        peers=enter(peer_servers(site.folder / "peers", main)) if site.with_peers else (),
    )


def _p99_ms(contestant: Contestant) -> float:
    return median(each.p99 for each in contestant.measured) / 1000
