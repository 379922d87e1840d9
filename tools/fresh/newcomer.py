"""README's two commands in a fresh system, as root and as somebody else: what came of them.

Rules: what the machine lacks is installed by `make`, for root, or by the line that it prints, for others; by nothing
else. Steps go on after a fault where they can, so that one run tells of all.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tools.fresh.container import Ended

# The line of tools/need for whoever may not install packages.
_ADVICE = re.compile(r"^need: .*as root: (apt-get .*?)(?:; then: .*)?$", re.MULTILINE)
_CLOSING = re.compile(r"^=+ (.*) in [\d.]+s\b.*=+$", re.MULTILINE)
USER = "newcomer"
# The checkout is another user's.
CLONE = "git config --global --add safe.directory '*' && git clone --quiet /src gatepost"


class Place(Protocol):
    """Where a newcomer types: see container.Container."""

    def run(self, script: str, *, user: str = "root", own_network: bool = False) -> Ended: ...


@dataclass
class Outcome:
    """What came of one system. seconds: to the first refusal. megabytes: what the first command has added."""

    system: str
    who: str
    python: str = ""
    seconds: float = 0.0
    megabytes: int = 0
    passed: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        return not self.faults and not self.failed


Measure = Callable[[], int]


def as_root(place: Place, outcome: Outcome, used: Measure) -> None:
    """Both commands, by root, in root's home. used: the megabytes that the system takes."""
    _clone(place, outcome, "root")
    _all_of_it(place, outcome, used, "root")


def as_user(place: Place, outcome: Outcome, used: Measure) -> None:
    """Both commands by somebody who may install nothing, and does what the first one advises to do."""
    place.run(f"useradd --create-home --shell /bin/sh {USER}")
    _clone(place, outcome, USER)
    refused = _in_clone(place, "make venv", USER)
    said = [line for line in refused.output.splitlines() if line.startswith("need: ")]
    advice = _ADVICE.findall(refused.output)
    if len(said) != 1 or len(advice) != 1:
        outcome.faults.append(f"make venv, by a user, said: {refused.output[-500:]}")
    for line in advice:
        place.run(
            f"DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; {line.replace('install ', 'install --yes ')}"
        )
    _all_of_it(place, outcome, used, USER)


def _all_of_it(place: Place, outcome: Outcome, used: Measure, user: str) -> None:
    """Both commands in the clone that is there."""
    before = used()
    since = time.monotonic()
    if _wrong(outcome, "make venv", _in_clone(place, "make venv", user)):
        return
    fetched = time.monotonic() - since
    outcome.megabytes = used() - before
    _serve(place, outcome, user, fetched)
    _test(outcome, _in_clone(place, "make test", user))
    _clean(place, outcome, user)


def _clone(place: Place, outcome: Outcome, user: str) -> None:
    _wrong(outcome, "git clone", place.run(CLONE, user=user))


def _in_clone(place: Place, script: str, user: str, *, own_network: bool = False) -> Ended:
    return place.run(f"cd gatepost && {script}", user=user, own_network=own_network)


def _serve(place: Place, outcome: Outcome, user: str, fetched: float) -> None:
    """`make run`, README's commands, a post."""
    ended = _in_clone(place, "python3 tools/fresh/guest.py", user, own_network=True)
    if _wrong(outcome, "make run", ended):
        return
    told = json.loads(next(line for line in reversed(ended.output.splitlines()) if line.startswith("{")))
    outcome.python, outcome.seconds = told["python"], fetched + told["seconds"]
    outcome.faults += told["faults"]


def _test(outcome: Outcome, ended: Ended) -> None:
    counts = dict.fromkeys(("passed", "failed", "error"), 0)
    for closing in _CLOSING.findall(ended.output):
        for number, word in re.findall(r"(\d+) (passed|failed|error)", closing):
            counts[word] += int(number)
    outcome.passed, outcome.failed = counts["passed"], counts["failed"] + counts["error"]
    if ended.status or not outcome.passed:
        outcome.faults.append(f"make test ended with {ended.status}: {ended.output[-300:]}")


def _clean(place: Place, outcome: Outcome, user: str) -> None:
    """README's way to take everything away leaves the clone as it was."""
    ended = _in_clone(place, "make --silent clean && rm -r gatepost.toml var && git status --short --ignored", user)
    if ended.status or ended.output:
        outcome.faults.append(f"make clean ended with {ended.status}, and left: {ended.output[-300:]}")


def _wrong(outcome: Outcome, what: str, ended: Ended) -> bool:
    if ended.status:
        outcome.faults.append(f"{what} ended with {ended.status}: {ended.output[-500:]}")
    return bool(ended.status)
