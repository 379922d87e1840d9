"""The machine as the checks see it: the protocol that the real one and the tests' one keep. No I/O here.

Rules: nothing is changed by asking; everything has a time limit; trouble is an OSError whose text can be shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from gatepost_service.sockets import ListenAddress


class Ran(NamedTuple):
    """A program that has ended: its exit status, and what it has written."""

    status: int
    output: str
    complaints: str


class Account(NamedTuple):
    """A user with all groups that he is in."""

    name: str
    uid: int
    groups: frozenset[int]


class Room(NamedTuple):
    """A file system: octets and files that ordinary users may still take (-1: without limit), or read-only."""

    octets: int
    files: int
    read_only: bool


class Step(NamedTuple):
    """A step of a dialogue: what is sent, and whether what has come since is all."""

    sent: bytes
    is_all: Callable[[bytes], bool]


class NoSuchName(Exception):
    """The DNS says that there is no such name, or nothing of that kind at it."""


class Machine(Protocol):
    """What a check may do. Everything may raise OSError."""

    def program(self, *names: str) -> str:
        """The path of the first of these programs that is installed, '' for none."""

    def run(self, *command: str, stdin: str = "") -> Ran:
        """Run a program, without a shell, in the C locale. Raises TimeoutError."""

    def read(self, path: Path) -> str:
        """A file's text; what is no UTF-8 is replaced."""

    def stat(self, path: Path) -> os.stat_result:
        """Of what a link leads to."""

    def room(self, path: Path) -> Room:
        """Of the file system that a path is on."""

    def talk(self, address: ListenAddress, dialogue: Sequence[Step]) -> list[bytes]:
        """Connect, go through the dialogue, and end it; what came in each step, as far as it came."""

    def resolve(self, name: str, kind: str) -> list[str]:
        """The DNS's records of a name: addresses for A and AAAA, 'PREFERENCE HOST.' for MX. Raises NoSuchName."""

    def has_address(self, address: str) -> bool:
        """Whether an IP address is one of this machine's."""

    def account(self, name: str) -> Account:
        """A user by name or number. Raises LookupError."""

    def user(self) -> Account:
        """Who is running this."""

    def has_pymilter(self) -> bool:
        """Whether the Python that runs this could run the milter."""

    def query(self, path: Path, statement: str) -> list[tuple[object, ...]]:
        """The rows of a SQLite file, which is opened so that nothing in its folder changes."""

    def now(self) -> float:
        """Seconds since the epoch."""
