"""python -m tools.fresh [--quick] [--python COMMAND]... [SYSTEM...]: see tools.fresh.

Without SYSTEM or Python, all of Debian's. Exit status 1 where anything is wrong; 64 for the command line.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.tables import table
from tools.fresh import newcomer
from tools.fresh.container import CHECKOUT, Container, Log
from tools.fresh.install import Installing
from tools.fresh.lowest import lowest
from tools.fresh.machine import Machine
from tools.fresh.newcomer import Outcome
from tools.fresh.roots import CACHE, unpacked
from tools.fresh.systems import System, chosen

_HEAD = ("system", "by", "Python", "seconds to the first refusal", "megabytes", "passed", "failed", "result")


def main() -> int:
    options = _options()
    try:
        systems = chosen(options.systems, options.python)
    except LookupError as error:
        print(f"fresh: {error}", file=sys.stderr)
        return os.EX_USAGE
    outcomes: list[Outcome] = []
    for system in systems:
        for outcome in _tried(system, quick=options.quick):
            outcomes.append(outcome)
            for fault in outcome.faults:
                print(f"fresh: {outcome.system}, {outcome.who}: {fault}", flush=True)
    print(table(_HEAD, [_row(outcome) for outcome in outcomes]))
    return 0 if all(outcome.is_right for outcome in outcomes) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fresh", description=__doc__)
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help="debian-12 and so on")
    parser.add_argument("--python", action="append", default=[], help="another Python of this machine")
    parser.add_argument("--quick", action="store_true", help="as another user than root alone: no mail servers")
    return parser.parse_args()


def _tried(system: System, *, quick: bool) -> Iterator[Outcome]:
    if system.python:
        yield _with_python(system)
        return
    if not quick:
        yield _by(system, "root")
    if not system.lowest:
        yield _by(system, newcomer.USER)
    if not quick:
        for mail_server in system.mail_servers:
            yield _installed(system, mail_server)


def _by(system: System, who: str) -> Outcome:
    """README's commands in a new root, by root or by another user."""
    outcome = Outcome(system.name, who)
    with unpacked(system.suite) as root:
        container = Container(root, _log(system, who), _lowest(root) if system.lowest else {})
        follow = newcomer.as_root if who == "root" else newcomer.as_user
        follow(container, outcome, lambda: _megabytes(root))
    return outcome


def _installed(system: System, mail_server: str) -> Outcome:
    """docs/install.md in a new root."""
    outcome = Outcome(system.name, f"docs/install.md, {mail_server}")
    with unpacked(system.suite) as root:
        container = Container(root, _log(system, f"install-{mail_server}"))
        outcome.faults += Installing(container, mail_server).follow()
    return outcome


def _with_python(system: System) -> Outcome:
    outcome = Outcome(system.name, "root")
    with tempfile.TemporaryDirectory(prefix="gatepost-fresh-") as folder:
        Path(folder).chmod(0o755)  # the mail servers' users have to come in
        machine = Machine(Path(folder), _log(system, Path(system.python).name), system.python)
        newcomer.as_root(machine, outcome, lambda: _megabytes(Path(folder)))
    return outcome


def _log(system: System, who: str) -> Log:
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{re.sub(r'[^a-z0-9.]+', '-', system.name).strip('-')}-{who}.log"
    path.unlink(missing_ok=True)
    print(f"fresh: {system.name}, {who}: {path.relative_to(CHECKOUT)} has all of it", flush=True)
    return Log(path)


def _lowest(root: Path) -> dict[str, str]:
    """pip's setting that takes the lowest version of everything that pyproject.toml names."""
    (root / "lowest.txt").write_text(lowest())
    return {"PIP_CONSTRAINT": "/lowest.txt"}


def _megabytes(folder: Path) -> int:
    done = subprocess.run(["du", "-sxm", folder], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0])


def _row(outcome: Outcome) -> tuple[str, ...]:
    seconds = f"{outcome.seconds:.0f}" if outcome.seconds else ""
    counts = (str(outcome.passed), str(outcome.failed)) if outcome.passed else ("", "")
    result = "right" if outcome.is_right else "wrong"
    size = str(outcome.megabytes) if outcome.megabytes else ""
    return (outcome.system, outcome.who, outcome.python, seconds, size, *counts, result)


if __name__ == "__main__":
    sys.exit(main())
