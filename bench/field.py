"""The field of one run: which stores are made, who takes part, and what is promised of the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import checks, milters
from bench.checks import Check, ratio
from bench.contestants import Contestant, Setting, ceiling, gatepost, peer_servers
from bench.stores import Import, Shape, make


@dataclass(frozen=True)
class Shapes:
    """The four stores. Between `few` and `crowd` only the members grow, between `crowd` and `many` only the lists."""

    few: Shape
    crowd: Shape
    main: Shape
    many: Shape


def shapes(memberships: int) -> Shapes:
    """The stores with so many memberships where there are many; a multiple of 10,000."""
    return Shapes(Shape(10, 100), Shape(10, memberships), Shape(1_000, memberships), Shape(10_000, memberships))


@dataclass(frozen=True)
class Field:
    """All that take part, each running. Those that are compared with one another stand together."""

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
    milters: milters.Milters

    def gateposts(self) -> tuple[Contestant, ...]:
        policy = (self.logging, self.silent, self.two_logging, self.two_silent, self.few, self.crowd, self.many)
        return *policy, self.milters.one, self.milters.two

    def everyone(self) -> tuple[Contestant, ...]:
        """In the order of their turns."""
        one_process = (self.ceiling_8, self.logging, self.silent, *self.peers)
        sizes = (self.few, self.crowd, self.many)
        return *one_process, self.ceiling_32, self.two_logging, self.two_silent, *sizes, *self.milters.everyone()


@contextmanager
def assembled(folder: Path, memberships: int, *, with_peers: bool) -> Iterator[Field]:
    """Make the stores and start everyone; stop everyone at the end."""
    wanted = shapes(memberships)
    stores = {shape: folder / f"store-{shape.lists}-{shape.memberships}" for shape in vars(wanted).values()}
    for shape, store in stores.items():
        make(store, shape)
    with ExitStack() as stack:

        def start(name: str, setting: Setting) -> Contestant:
            return stack.enter_context(gatepost(folder / name, stores[setting.shape], setting))

        main = wanted.main
        yield Field(
            ceiling_8=stack.enter_context(ceiling(folder / "ceiling-8", main, 8)),
            logging=start("logging", Setting(main)),
            silent=start("silent", Setting(main, verdict_lines=False)),
            ceiling_32=stack.enter_context(ceiling(folder / "ceiling-32", main, 32)),
            two_logging=start("two-logging", Setting(main, workers=2, connections=32)),
            two_silent=start("two-silent", Setting(main, workers=2, connections=32, verdict_lines=False)),
            few=start("few", Setting(wanted.few, verdict_lines=False)),
            crowd=start("crowd", Setting(wanted.crowd, verdict_lines=False)),
            many=start("many", Setting(wanted.many, verdict_lines=False)),
            peers=stack.enter_context(peer_servers(folder / "peers", main)) if with_peers else (),
            milters=milters.start(stack, folder, main, start),
        )


def promises(field: Field, imported: Import, growth: milters.Growth) -> list[Check]:
    """Every promise, with what was measured."""
    policy = [*_speed(field), *_beside_peers(field), *_size_of_store(field), *_resources(field, imported)]
    return [*policy, *milters.promises(field.milters, growth)]


def _speed(field: Field) -> list[Check]:
    return [
        checks.share("one process, of the ceiling", _ratio(field.logging, field.ceiling_8), 1 / 9),
        checks.share("the same without verdict lines", _ratio(field.silent, field.ceiling_8), 1 / 7),
        checks.amount("its p99", _p99_ms(field.logging), 5, "ms"),
        checks.amount("its p99 without verdict lines", _p99_ms(field.silent), 5, "ms"),
        checks.share("two workers, 32 connections, of the ceiling", _ratio(field.two_logging, field.ceiling_32), 1 / 6),
        checks.share("the same without verdict lines", _ratio(field.two_silent, field.ceiling_32), 1 / 5),
    ]


def _beside_peers(field: Field) -> list[Check]:
    """Like beside like: postgrey writes a log line for each question, postfwd2 here writes none.

    Each has the machine to itself. postgrey is one process and can be no more; gatepost is given a worker for each of
    two processors, and what one worker does beside it is shown too.
    """
    if not field.peers:
        return []
    postfwd2, postgrey, _ = field.peers
    return [
        checks.times("two workers beside postgrey, with log lines", _ratio(field.two_logging, postgrey), 10),
        checks.times("one process beside postgrey, with log lines", _ratio(field.logging, postgrey), None),
        checks.times("one process beside postfwd2, without", _ratio(field.silent, postfwd2), 3),
    ]


def _size_of_store(field: Field) -> list[Check]:
    lists = f"{field.many.workload.recipients:,} lists against {field.crowd.workload.recipients:,}"
    members = f"{field.crowd.workload.senders[0].count:,} members against {field.few.workload.senders[0].count:,}"
    return [
        checks.slowdown(lists, _ratio(field.crowd, field.many), 1.3),
        checks.slowdown(members, _ratio(field.few, field.crowd), 1.3),
    ]


def _resources(field: Field, imported: Import) -> list[Check]:
    slowest_start = max(each.server.ready_seconds for each in field.gateposts() if each.server is not None)
    return [
        checks.amount(
            "peak resident memory, the largest process", max(each.memory() for each in field.gateposts()), 100, "MB"
        ),
        checks.amount("ready, the slowest start", slowest_start, 1, "s"),
        checks.amount(f"member import, {imported.addresses:,} addresses", imported.seconds, 60, "s"),
        checks.amount("member import, peak resident memory", imported.megabytes, 300, "MB"),
    ]


def _ratio(over: Contestant, under: Contestant) -> float:
    return ratio(over.measured, under.measured)


def _p99_ms(contestant: Contestant) -> float:
    return median(each.p99 for each in contestant.measured) / 1000
