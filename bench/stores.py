"""The stores that gatepost is measured with: made by gatepost itself, in a folder that the caller throws away.

All lists are closed: default_nonmember_action is reject, and two patterns let some strangers in. Member m is on the one
list m mod LISTS, so that the load client, whose counters walk alike, meets every list's own members.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.programs import BenchError, Sender, Workload
from gatepost_lists.store.admin import Store

GATEPOST = Path(sys.executable).with_name("gatepost")
DOMAIN = "lists.example"
_SETTINGS = (
    "max_message_size=0",
    "default_nonmember_action=reject",
    r"accept_these_nonmembers+=^.*@partner\.example$",
    "accept_these_nonmembers+=press@agency.example",
)
# So many strangers that none comes twice in a run.
_STRANGERS = 10**12


@dataclass(frozen=True)
class Shape:
    """How many lists a store has, how many memberships in all (`lists` divides that), and of how many domains.

    The load client knows members of one domain alone.
    """

    lists: int
    memberships: int
    domains: int = 1

    @property
    def title(self) -> str:
        return f"{self.lists:,} lists, {self.memberships:,} memberships"

    def member(self, number: int) -> str:
        """The address of a member, counted from 0."""
        domain = f"domain{number % self.domains}." if self.domains > 1 else ""
        return f"member{number}@{domain}members.example"

    def workload(self) -> Workload:
        """Half of the questions are members posting to their list, half are strangers who are refused."""
        members = Sender("member%d@members.example", self.memberships, "DUNNO")
        strangers = Sender("stranger%d@strangers.example", _STRANGERS, "550 5.7.2 ")
        return Workload((members, strangers), f"list%d@{DOMAIN}", self.lists)


@dataclass(frozen=True)
class Import:
    """What `gatepost member import` of so many addresses took; megabytes (1,000,000 bytes) are the most resident."""

    addresses: int
    seconds: float
    megabytes: float


def gatepost(folder: Path, *arguments: str) -> None:
    """Run a gatepost command with the configuration in `folder`. Raises BenchError, with what it said, if it fails."""
    command = (str(GATEPOST), "--config", str(folder / "gatepost.toml"), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")


def store_file(folder: Path) -> Path:
    """Where the store of a folder that `make_empty` has made is."""
    return folder / "var" / "gatepost.db"


def make_empty(folder: Path) -> None:
    """A folder with a configuration and a store that has the domain and no lists."""
    gatepost(folder, "init", str(folder))
    gatepost(folder, "domain", "add", DOMAIN)


def make(folder: Path, shape: Shape) -> None:
    """A folder with a store of this shape.

    The lists are made through the store's own functions, in one transaction: a process each would take an hour.
    """
    make_empty(folder)
    with Store(store_file(folder)) as store, store.transaction():
        for number in range(shape.lists):
            name = f"list{number}@{DOMAIN}"
            store.create_list(name, *_SETTINGS)
            store.import_members(name, _addresses(shape, range(number, shape.memberships, shape.lists)))


def _addresses(shape: Shape, numbers: range) -> Iterator[str]:
    return (f"{shape.member(number)}\n" for number in numbers)


def time_import(folder: Path, addresses: int) -> Import:
    """Make a store with one list, and measure `gatepost member import` of so many addresses into it."""
    make_empty(folder)
    gatepost(folder, "list", "create", f"list0@{DOMAIN}")
    source = folder / "addresses"
    with source.open("w") as lines:
        lines.writelines(_addresses(Shape(1, addresses), range(addresses)))
    seconds, megabytes = _weigh(folder, "member", "import", f"list0@{DOMAIN}", str(source))
    return Import(addresses, seconds, megabytes)


def _weigh(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run a gatepost command; its seconds, and its peak memory in MB (ru_maxrss of getrusage(2), which is in KiB)."""
    command = (str(GATEPOST), "--config", str(folder / "gatepost.toml"), *arguments)
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchError(f"{' '.join(command)} ended with {process.returncode}: {said.strip()}")
    return time.monotonic() - started, usage.ru_maxrss * 1024 / 1e6
