"""One run, group by group: start everyone, let them take turns, print what came out and whether it is as promised.

Rules: a group has a folder of its own, and nothing of it runs any more when the next one begins; its tables are printed
and kept before that. Exit codes: 0 all promises are met (or --quick), 1 one is missed, 2 nothing could be measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import deliveries, lmtps, machine, milters, policies, socketmaps
from bench.groups import Group, Participant, Site, Stores
from bench.programs import OUT, BenchError, say
from bench.tables import table

# What can be measured, in the order of the report.
GROUPS: Mapping[str, Callable[[Site], Group]] = {
    "policy": policies.start,
    "socketmap": socketmaps.start,
    "milter": milters.start,
    "lmtp": lmtps.start,
    "delivery": deliveries.start,
}
# A load average above this means that others are using the machine, too.
_BUSY = 0.5
# More than the numbers that a turn uses, and no multiple of any count of addresses.
_NUMBERS_A_TURN = 10_000_019


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    OUT.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that everyone is stopped then, too
    if (busy := os.getloadavg()[0]) > _BUSY:
        say(f"the load of this machine is {busy:.1f} before anything has started: the figures will say little")
    try:
        with tempfile.TemporaryDirectory(prefix="run-", dir=OUT) as folder:
            return _measure(options, Path(folder))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure gatepost beside others.")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (default 3)")
    parser.add_argument("--seconds", type=float, default=4, help="length of a turn (default 4)")
    parser.add_argument("--quick", action="store_true", help="small stores, one short round: does it all run?")
    parser.add_argument("--without-peers", action="store_true", help="leave out those who are not ours")
    parser.add_argument("--only", choices=GROUPS, action="append", help="measure this alone; may be given again")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="where the tables are kept (bench/out/results.md)"
    )
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 0.2
    options.markdown = options.markdown or OUT / ("quick.md" if options.quick else "results.md")
    return options


class Report:
    """What has come out so far: printed as it comes, and kept in a file. Raises BenchError where that cannot be."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        print(f"{part}\n", flush=True)
        self._parts.append(part)
        try:
            self._file.write_text("\n\n".join(self._parts) + "\n")
        except OSError as error:
            raise BenchError(f"the tables cannot be kept: {error}") from error


def _measure(options: argparse.Namespace, folder: Path) -> int:
    folder.chmod(0o711)  # Dovecot delivers as another user
    names = [name for name in GROUPS if name in (options.only or GROUPS)]
    stores = Stores(folder)
    report = Report(options.markdown)
    report.add(machine.describe())
    met = True
    for number, name in enumerate(names, 1):
        say(f"{name}, {number} of {len(names)}")
        own = folder / name
        own.mkdir(mode=0o711)
        with ExitStack() as stack:
            site = Site(own, stores, stack, quick=options.quick, with_peers=not options.without_peers)
            group = GROUPS[name](site)
            last = _take_turns(group, options.rounds, options.seconds)
            report.add(_tables(group, group.finish(options.seconds, last)))
            met &= all(check.is_met for check in group.promises())
    say(f"the tables are kept in {options.markdown}")
    return 0 if options.quick or met else 1


def _take_turns(group: Group, rounds: int, seconds: float) -> int:
    """Let everyone be asked in turn; gives the first number that nobody has used."""
    start = 1
    for participant in group.everyone():
        participant.warm_up(seconds, start)
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        start += _NUMBERS_A_TURN
        for participant in group.everyone():
            participant.take_turn(seconds, start)
    return start + _NUMBERS_A_TURN


def _tables(group: Group, more: Sequence[Participant]) -> str:
    """A group's tables, and its notes."""
    return "\n\n".join(
        (
            f"{group.title}:",
            table(("server", "a second", "p50 ms", "p99 ms"), [each.figures() for each in (*group.everyone(), *more)]),
            table(("promise", "measured", "limit", "outcome"), [check.row() for check in group.promises()]),
            *group.notes(),
        )
    )
