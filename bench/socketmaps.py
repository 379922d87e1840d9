"""The live tables' part of a run: look-ups and verdicts over socketmap, and what is promised of them.

A look-up asks for an address of a list in three tables, one after the other, as Postfix does for a recipient: two of
them have it. `verdict` is asked by members and by strangers, as the policy service is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench import checks
from bench.checks import Check
from bench.contestants import REFUSED, Contestant, Setting, ceiling, rate_ratio, resources, with_replies
from bench.groups import Site
from bench.policies import shapes
from bench.programs import Sender, Workload
from bench.stores import Shape

_TABLES = {"relay_recipients": "OK list", "transport": "OK lmtp:[", "virtual_alias": "NOTFOUND "}


@dataclass(frozen=True)
class Socketmaps:
    """Look-ups by one process and by two, verdicts by one, and the ceiling. All are asked over 8 connections."""

    ceiling: Contestant
    one: Contestant
    two: Contestant
    many: Contestant
    verdicts: Contestant
    title = "The live tables"

    def everyone(self) -> Sequence[Contestant]:
        return self.ceiling, self.one, self.two, self.many, self.verdicts

    def finish(self, seconds: float, numbers: int) -> Sequence[Contestant]:
        return ()

    def promises(self) -> list[Check]:
        p99 = median(each.p99 for each in self.one.measured) / 1000
        return [
            checks.share("socketmap: look-ups, one process, of the ceiling", rate_ratio(self.one, self.ceiling), 1 / 7),
            checks.share("socketmap: verdicts, one process, log lines", rate_ratio(self.verdicts, self.ceiling), 1 / 9),
            checks.slowdown(
                f"socketmap: {self.many.lists} lists against {self.one.lists}", rate_ratio(self.one, self.many), 1.3
            ),
            checks.amount("socketmap: the p99 of look-ups", p99, 5, "ms"),
            *resources((self.one, self.two, self.many, self.verdicts), "socketmap: "),
        ]

    def notes(self) -> Sequence[str]:
        return ()


def _look_ups(shape: Shape) -> Workload:
    """Every list's address, asked for in each table."""
    senders = tuple(Sender(table, 1, expected) for table, expected in _TABLES.items())
    return replace(shape.workload(), senders=senders)


def _verdicts(shape: Shape) -> Workload:
    """The questions of the policy service, as keys of `verdict`."""
    workload = shape.workload()
    keys = tuple(replace(sender, template=f"verdict {sender.template} |") for sender in workload.senders)
    return with_replies(replace(workload, senders=keys), "NOTFOUND ", f"OK {REFUSED}")


def start(site: Site) -> Socketmaps:
    """Start everyone."""
    wanted = shapes(quick=site.quick)
    main = wanted.main

    def asked(name: str, workload: Workload, shape: Shape, workers: int, what: str) -> Contestant:
        server = site.gatepost(f"tables-{name}", Setting(shape, workers=workers, door="socketmap"))
        return replace(server, name=f"{server.name}: {what}", workload=workload)

    sink = site.stack.enter_context(ceiling(site.folder / "tables-ceiling", main, 8, "socketmap"))
    look_ups = _look_ups(main)
    return Socketmaps(
        ceiling=replace(sink, workload=with_replies(look_ups, *("OK" for _ in _TABLES))),
        one=asked("one", look_ups, main, 1, "look-ups"),
        two=asked("two", look_ups, main, 2, "look-ups"),
        many=asked("many", _look_ups(wanted.many), wanted.many, 1, "look-ups"),
        verdicts=asked("verdicts", _verdicts(main), main, 1, "verdicts"),
    )
