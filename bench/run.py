"""One run: make the stores, start everyone, let them take turns, print what came out and whether it is as promised.

Exit codes: 0 all promises are met (or --quick), 1 one is missed, 2 nothing could be measured.
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
from bench.groups import Group, Participant, Site
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
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to FILE, too")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    return options


def _measure(options: argparse.Namespace, folder: Path) -> int:
    folder.chmod(0o711)  # Dovecot delivers as another user
    with ExitStack() as stack:
        site = Site(folder, stack, quick=options.quick, with_peers=not options.without_peers)
        groups = [begin(site) for name, begin in GROUPS.items() if name in (options.only or GROUPS)]
        last = _take_turns(groups, options.rounds, options.seconds)
        parts = [_report(group, group.finish(options.seconds, last)) for group in groups]
        checks = [check for group in groups for check in group.promises()]
    report = "\n\n".join((machine.describe(), *parts))
    print(report)
    if options.markdown:
        options.markdown.write_text(report + "\n")
    return 0 if options.quick or all(check.is_met for check in checks) else 1


def _take_turns(groups: Sequence[Group], rounds: int, seconds: float) -> int:
    """Let everyone be asked in turn; gives the first number that nobody has used."""
    start = 1
    everyone = [participant for group in groups for participant in group.everyone()]
    for participant in everyone:
        participant.warm_up(start)
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        start += _NUMBERS_A_TURN
        for participant in everyone:
            participant.take_turn(seconds, start)
    return start + _NUMBERS_A_TURN


def _report(group: Group, more: Sequence[Participant]) -> str:
    """A group's tables, and its notes."""
    return "\n\n".join(
        (
            f"{group.title}:",
            table(("server", "a second", "p50 ms", "p99 ms"), [each.figures() for each in (*group.everyone(), *more)]),
            table(("promise", "measured", "limit", "outcome"), [check.row() for check in group.promises()]),
            *group.notes(),
        )
    )
