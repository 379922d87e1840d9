"""One run: make the stores, start everyone, let them take turns, print what came out and whether it is as promised.

Exit codes: 0 all promises are met (or --quick), 1 one is missed, 2 nothing could be measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import machine, milters, peers
from bench.contestants import Contestant
from bench.field import Field, assembled, promises
from bench.programs import OUT, BenchError
from bench.stores import time_import
from bench.tables import table

MEMBERSHIPS = 1_000_000
QUICK_MEMBERSHIPS = 20_000
# Whole messages through the milter, to see whether its memory grows.
MESSAGES = 1_000_000
QUICK_MESSAGES = 5_000
# A load average above this means that others are using the machine, too.
_BUSY = 0.5
# Everyone is asked for so long before the first round: the first questions fill caches and open files.
_WARM_UP_SECONDS = 0.5
# More than the numbers that a turn uses, and no multiple of any count of addresses.
_NUMBERS_A_TURN = 10_000_019


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    OUT.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that everyone is stopped then, too
    if (busy := os.getloadavg()[0]) > _BUSY:
        _say(f"the load of this machine is {busy:.1f} before anything has started: the figures will say little")
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
    parser.add_argument("--without-peers", action="store_true", help="leave out postgrey and postfwd2 (not on Debian)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to FILE, too")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    return options


def _measure(options: argparse.Namespace, folder: Path) -> int:
    memberships = QUICK_MEMBERSHIPS if options.quick else MEMBERSHIPS
    if not options.without_peers:
        peers.fetch()
    _say(f"importing {memberships:,} addresses")
    imported = time_import(folder / "import", memberships)
    _say("making the stores")
    with assembled(folder, memberships, with_peers=not options.without_peers) as field:
        _take_turns(field, options.rounds, options.seconds)
        crowd = milters.hold_many_connections(field.milters, options.seconds, 1)
        messages = QUICK_MESSAGES if options.quick else MESSAGES
        _say(f"weighing the milter over {messages:,} messages")
        growth = milters.grow(field.milters, messages, options.seconds, 1)
        checks = promises(field, imported, growth)
    figures = [_figures(each) for each in (*field.everyone(), crowd)]
    report = "\n\n".join(
        (
            machine.describe(),
            table(("server", "questions/s", "p50 ms", "p99 ms"), figures),
            table(("promise", "measured", "limit", "outcome"), [check.row() for check in checks]),
        )
    )
    print(report)
    if options.markdown:
        options.markdown.write_text(report + "\n")
    return 0 if options.quick or all(check.is_met for check in checks) else 1


def _take_turns(field: Field, rounds: int, seconds: float) -> None:
    start = 1
    for contestant in field.everyone():
        contestant.ask(_WARM_UP_SECONDS, start)
    for number in range(1, rounds + 1):
        _say(f"round {number} of {rounds}")
        start += _NUMBERS_A_TURN
        for contestant in field.everyone():
            contestant.take_turn(seconds, start)


def _figures(contestant: Contestant) -> tuple[str, str, str, str]:
    """The medians over the rounds."""
    rate = median(each.rate for each in contestant.measured)
    p50 = median(each.p50 for each in contestant.measured) / 1000
    p99 = median(each.p99 for each in contestant.measured) / 1000
    return contestant.name, f"{rate:,.0f}", f"{p50:.2f}", f"{p99:.2f}"


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)
