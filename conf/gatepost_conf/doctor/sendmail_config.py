"""A Sendmail as its sendmail.cf and `sendmail -bt` tell of it: milters, mailers, socket maps.

Postfix and Exim bring a program of the same name: only one that calls itself Sendmail in address test mode counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gatepost_conf.doctor.addresses import Door, Wire, dialled, leads_to, sendmail_address
from gatepost_conf.doctor.findings import Absent
from gatepost_conf.doctor.machine import Machine
from gatepost_service.sockets import ListenAddress

Doors = Mapping[Door, tuple[ListenAddress, ...]]

USUAL_FILE = "/etc/mail/sendmail.cf"
_VERSION = re.compile(r"^Version (8\.[\d.]+)", re.MULTILINE)
_MAILER = re.compile(r"mailer \d+ \(([^)]+)\): P=(\S+) .*?F=(\S*) .*?A=(.*)$", re.MULTILINE)
_ROUTE = re.compile(r"^parse\s+returns: \$# (\S+)", re.MULTILINE)
_FIELD = re.compile(r"\s*([A-Z])=([^,]*)")
# What a milter's flag does to mail while it is away (the Operation Guide, on its X lines).
_AWAY = {"T": "gets 451", "4": "gets 421", "R": "is refused"}
_SOCKET_MAP = re.compile(r"^K(\S+)\s+socket\s+(.*)$", re.MULTILINE)


class Filter(NamedTuple):
    """A milter: its name, its socket as it is written, its flag ('', T, R or 4)."""

    name: str
    socket: str
    flag: str


class Mailer(NamedTuple):
    """A mailer: its name, its flags, and the words of A=."""

    name: str
    flags: str
    arguments: tuple[str, ...]


class SocketMap(NamedTuple):
    """A map of the type socket: its name, its options, its address."""

    name: str
    options: tuple[str, ...]
    address: str


@dataclass(frozen=True, eq=False)
class Sendmail:
    """A Sendmail that is there. `text` is its sendmail.cf, `answers` what address test mode said."""

    machine: Machine
    program: str
    file: str
    text: str
    answers: str
    version: str

    name = "Sendmail"

    @classmethod
    def read(cls, machine: Machine, file: str) -> Sendmail:
        """Ask Sendmail; file: its sendmail.cf, '' for the usual one. Raises Absent, OSError."""
        program = machine.program("sendmail")
        file = file or USUAL_FILE
        if not program:
            raise Absent("there is no Sendmail")
        ran = machine.run(program, "-C", file, "-d0.1", "-bt", stdin="=M\n")
        version = _VERSION.search(ran.output)
        if not version:
            raise Absent("there is no Sendmail")
        return cls(machine, program, file, machine.read(Path(file)), ran.output, version[1])

    @property
    def user(self) -> str:
        """As whom the daemon runs."""
        return self.option("RunAsUser").partition(":")[0] or "root"

    def option(self, name: str) -> str:
        """The value of an option, '' where it is not set."""
        match = re.search(rf"^O {name}=(.*)$", self.text, re.MULTILINE)
        return match[1].strip() if match else ""

    @cached_property
    def filters(self) -> list[Filter]:
        """The milters that are asked: those of InputMailFilters that have an X line."""
        defined = {}
        for line in re.findall(r"^X(.*)$", self.text, re.MULTILINE):
            name, _, fields = line.partition(",")
            values = dict(_FIELD.findall(fields))
            defined[name.strip()] = Filter(name.strip(), values.get("S", "").strip(), values.get("F", "").strip())
        asked = re.split(r"[,;\s]+", self.option("InputMailFilters"))
        return [defined[name] for name in asked if name in defined]

    @cached_property
    def mailers(self) -> list[Mailer]:
        """Every mailer, as it was understood."""
        found = _MAILER.findall(self.answers)
        return [Mailer(name, flags, tuple(arguments.split())) for name, _, flags, arguments in found]

    @cached_property
    def socket_maps(self) -> list[SocketMap]:
        """The socket maps of the configuration."""
        found = []
        for name, rest in _SOCKET_MAP.findall(self.text):
            *options, address = rest.split() or [""]
            found.append(SocketMap(name, tuple(options), address))
        return found

    def mailer_address(self, mailer: Mailer, doors: Doors) -> ListenAddress | None:
        """Where a mailer connects: `TCP HOST PORT` or `FILE PATH`; None for others.

        `$h` stands for the host in the mailertable: it is taken for ours where the port is, else it is not known.
        """
        match mailer.arguments:
            case ("TCP" | "IPC", str(host), port) if port.isdigit():
                ours = (dialled(listen).host for listen in doors["lmtp"] if listen.port == int(port))
                host = next(ours, "") if host == "$h" else host.strip("[]").lower()
                return ListenAddress(host=host, port=int(port)) if host else None
            case ("FILE", path):
                return ListenAddress(path=path)
        return None

    def lmtp_mailers(self, doors: Doors) -> list[Mailer]:
        """Those that lead to gatepost."""
        return [mailer for mailer in self.mailers if leads_to(self.mailer_address(mailer, doors), doors["lmtp"])]

    def routes(self, addresses: Sequence[str]) -> dict[str, str]:
        """The mailer that brings mail to each address (rule sets 3 and 0). Raises OSError where it cannot be told."""
        questions = "".join(f"3,0 {address}\n" for address in addresses)
        ran = self.machine.run(self.program, "-C", self.file, "-bt", stdin=questions)
        found = _ROUTE.findall(ran.output)
        if len(found) != len(addresses):
            raise OSError(f"sendmail -bt gives {len(found)} answers to {len(addresses)} questions")
        return dict(zip(addresses, found, strict=True))

    def wires(self, doors: Doors) -> Iterator[Wire]:
        """What it is told to dial."""
        for found in self.filters:
            meanwhile = f"all mail {_AWAY.get(found.flag, 'passes untested')}"
            yield from self._wire("milter", sendmail_address(found.socket), f"the milter {found.name}", meanwhile)
        for table in self.socket_maps:
            waits = table.name == "mailertable" or any(option.startswith("-T") for option in table.options)
            meanwhile = f"mail about which it is asked {'waits' if waits else 'is refused'}"
            yield from self._wire("socketmap", sendmail_address(table.address), f"the map {table.name}", meanwhile)
        for mailer in self.mailers:
            address = self.mailer_address(mailer, doors)
            yield from self._wire("lmtp", address, f"the mailer {mailer.name}", "mail that goes there waits")

    def _wire(self, door: Door, address: ListenAddress | None, place: str, meanwhile: str) -> Iterator[Wire]:
        if address:
            yield Wire(self.name, door, address, self.user, place, meanwhile)

    def verdict_maps(self, doors: Doors) -> list[SocketMap]:
        """The maps that ask gatepost for verdicts."""
        ours = (found for found in self.socket_maps if leads_to(sendmail_address(found.address), doors["socketmap"]))
        return [found for found in ours if re.search(rf"\$\({re.escape(found.name)}\s", self.text)]

    def tests_senders(self, doors: Doors, callouts: bool) -> bool:
        """Whether the milter is asked, or a socket map for verdicts."""
        milters = [found for found in self.filters if leads_to(sendmail_address(found.socket), doors["milter"])]
        return bool(milters or self.verdict_maps(doors))
