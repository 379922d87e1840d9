"""A running Postfix as postconf(1) tells of it: main.cf, master.cf, the types of its tables.

Values are those that count: defaults filled in, `$name` replaced, and for an smtpd what its line in master.cf changes.
A line that changes a value begins with what is written, `$name` and all. Nothing is asked of the daemons, and `postfix
check` is not run: it makes folders.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gatepost_conf.doctor.addresses import Door, Wire, leads_to, postfix_address
from gatepost_conf.doctor.findings import Absent
from gatepost_conf.doctor.machine import Machine, Ran
from gatepost_conf.doctor.postfix_wires import wires
from gatepost_conf.doctor.restrictions import POLICY, Step, service_address, steps, with_attributes
from gatepost_conf.postfix.lookups import endpoint
from gatepost_conf.postfix.machine import Machine as ConfiguredPostfix
from gatepost_conf.postfix.machine import is_public, to_keep
from gatepost_conf.postfix.restrictions import words
from gatepost_service.sockets import ListenAddress

Doors = Mapping[Door, tuple[ListenAddress, ...]]

# In the order in which smtpd(8) goes through them at RCPT, with smtpd_delay_reject; the last two may change places.
RCPT_LISTS = (
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
)
DATA_LISTS = ("smtpd_data_restrictions", "smtpd_end_of_data_restrictions")
VERIFYING = "reject_unverified_recipient"
# The types of tables whose entries postmap -s lists, and those whose file says what they hold.
_LISTED = frozenset({"btree", "dbm", "hash", "inline", "lmdb", "sdbm", "texthash"})
_READ = frozenset({"cdb", "pcre", "regexp"})
_COMMAND_COLUMN = 7
_CHROOT_COLUMN = 4


@dataclass(frozen=True)
class Smtpd:
    """An SMTP server in master.cf: its service, such as 'smtp/inet', whether it is in a chroot, and its settings."""

    service: str
    chroot: bool
    settings: Mapping[str, str]
    own: frozenset[str]

    def steps(self, parameter: str) -> list[Step]:
        """The steps of one of its lists of restrictions."""
        classes = {name: self.settings.get(name, "") for name in words(self.settings["smtpd_restriction_classes"])}
        return steps(self.settings[parameter], classes)

    @property
    def rcpt_lists(self) -> tuple[str, ...]:
        """The lists that count at RCPT, in their order."""
        if self.settings.get("smtpd_relay_before_recipient_restrictions") == "no":
            *others, relay, recipient = RCPT_LISTS
            return (*others, recipient, relay)
        return RCPT_LISTS

    @property
    def verifies(self) -> bool:
        """Whether it asks whoever the mail would go to, for each recipient or for those in an inline table."""
        found = (step for parameter in RCPT_LISTS for step in self.steps(parameter))
        return any(step.name == VERIFYING or VERIFYING in step.argument for step in found)


@dataclass(frozen=True, eq=False)
class Postfix:
    """A Postfix that is there.

    settings: what each value comes to. raw: the values as they are written, as far as a change keeps them. given: the
    parameters of Postfix's own that main.cf gives another value than their default. master: the lines of master.cf.
    overrides, raw_overrides: the same as settings and raw, by the service that has a value of its own in master.cf.
    """

    machine: Machine
    folder: str
    settings: Mapping[str, str]
    raw: Mapping[str, str]
    given: frozenset[str]
    master: tuple[tuple[str, ...], ...]
    overrides: Mapping[str, Mapping[str, str]]
    raw_overrides: Mapping[str, Mapping[str, str]]
    complaints: str

    name = "Postfix"

    @classmethod
    def read(cls, machine: Machine, folder: str) -> Postfix:
        """Ask postconf; folder: the configuration's, '' for the usual one. Raises Absent, OSError."""
        if not machine.program("postconf"):
            raise Absent("there is no Postfix")
        settings = _values(_postconf(machine, folder, "-x").output)
        defaults = _values(_postconf(machine, folder, "-d").output)
        plain = _postconf(machine, folder)
        written = _values(plain.output)
        master = [
            tuple(line.split(None, _COMMAND_COLUMN)) for line in _postconf(machine, folder, "-M").output.splitlines()
        ]
        return cls(
            machine=machine,
            folder=folder,
            settings=settings,
            raw={
                name: to_keep(value, defaults.get(name, ""), settings.get(name, value))
                for name, value in written.items()
            },
            given=frozenset(name for name, default in defaults.items() if written.get(name) != default),
            master=tuple(row for row in master if len(row) > _COMMAND_COLUMN),
            overrides=_overrides(_postconf(machine, folder, "-P", "-x").output),
            raw_overrides=_overrides(_postconf(machine, folder, "-P").output),
            complaints=plain.complaints.strip(),
        )

    @property
    def queue_directory(self) -> str:
        return self.settings["queue_directory"]

    @property
    def owner(self) -> str:
        """As whom its daemons dial."""
        return self.settings["mail_owner"]

    @property
    def version(self) -> str:
        return self.settings["mail_version"]

    @cached_property
    def types(self) -> frozenset[str]:
        """The types of tables that it can read."""
        return frozenset(_postconf(self.machine, self.folder, "-m").output.split())

    @cached_property
    def origin(self) -> str:
        """What it appends to an address without a domain: Debian's reads a file's first line where myorigin names one.

        Raises OSError where there is no such file.
        """
        named = self.settings["myorigin"]
        return self.machine.read(Path(named)).partition("\n")[0].strip() if named.startswith("/") else named

    @cached_property
    def servers(self) -> tuple[Smtpd, ...]:
        """Every SMTP server."""
        rows = (row for row in self.master if row[1] in {"inet", "pass"} and row[_COMMAND_COLUMN].split()[0] == "smtpd")
        return tuple(map(self._smtpd, rows)) or (Smtpd("smtpd", False, self.settings, frozenset()),)

    @cached_property
    def smtpds(self) -> tuple[Smtpd, ...]:
        """The servers that strangers reach: those on port 25; where none is, all."""
        return tuple(smtpd for smtpd in self.servers if is_public(smtpd.service)) or self.servers

    def _smtpd(self, row: tuple[str, ...]) -> Smtpd:
        service = f"{row[0]}/{row[1]}"
        own = self.overrides.get(service, {})
        return Smtpd(service, self.is_chrooted(row), {**self.settings, **own}, frozenset(own))

    def is_chrooted(self, row: tuple[str, ...]) -> bool:
        """Whether a line of master.cf has its program in a chroot; before compatibility level 1, '-' says so too."""
        level = self.settings.get("compatibility_level", "0")
        return row[_CHROOT_COLUMN] == "y" or (row[_CHROOT_COLUMN] == "-" and level == "0")

    def command_of(self, service: str) -> str:
        """The command of a service with a UNIX socket, such as 'lmtp'; '' where there is none."""
        return next((row[_COMMAND_COLUMN] for row in self.master if row[:2] == (service, "unix")), "")

    def is_policy(self, step: Step, doors: Doors) -> bool:
        """Whether a step asks gatepost: at an address of its own, or one that spawn(8) starts."""
        return step.name == POLICY and self.policy_address(service_address(step.argument), doors) is not None

    def policy_address(self, text: str, doors: Doors) -> ListenAddress | None:
        """Where that leads, if it leads to gatepost's policy service."""
        address = postfix_address(text, self.queue_directory)
        return address if leads_to(address, doors["policy"]) or self.starts_policy(text) else None

    def starts_policy(self, address: str) -> bool:
        """Whether spawn(8) starts gatepost for whoever dials there."""
        return re.match(r"spawn\b.*\brun policy --stdio\b", self.behind(address)) is not None

    def behind(self, address: str) -> str:
        """The command of master.cf that serves an address, '' where it is another's."""
        name = address.removeprefix("unix:")
        return self.command_of(name.partition("/")[2]) if name.startswith(("private/", "public/")) else ""

    def milters(self, smtpd: Smtpd) -> list[tuple[str, dict[str, str]]]:
        """The milters of a server, each with the settings that are its own alone."""
        return [with_attributes(word) for word in words(smtpd.settings["smtpd_milters"])]

    def wires(self, doors: Doors) -> Iterator[Wire]:
        """What it is told to dial."""
        return wires(self)

    def tests_senders(self, doors: Doors, callouts: bool) -> bool:
        """Whether the policy service or the milter is asked at every server; its own verification has no sender."""
        return all(self._tests_senders(smtpd, doors) for smtpd in self.smtpds)

    def _tests_senders(self, smtpd: Smtpd, doors: Doors) -> bool:
        checks = (step for parameter in RCPT_LISTS for step in smtpd.steps(parameter) if not step.warns)
        milters = (postfix_address(text, self.queue_directory) for text, _ in self.milters(smtpd))
        return any(self.is_policy(step, doors) for step in checks) or any(
            leads_to(address, doors["milter"]) for address in milters
        )

    def lookup(self, tables: str, *keys: str) -> dict[str, str]:
        """What the tables of a value such as transport_maps say of the keys that they have; the first table wins."""
        found: dict[str, str] = {}
        for table in words(tables):
            if ":" in table:
                asked = [key for key in keys if key not in found]
                ran = self.machine.run(*self._postmap("-q", "-", table), stdin="".join(f"{key}\n" for key in asked))
                if ran.status and (fatal := _fatal(ran.complaints)):
                    raise OSError(f"postmap -q: {fatal}")
                found = {**dict(line.split("\t", 1) for line in ran.output.splitlines() if "\t" in line), **found}
        return found

    def entries(self, tables: str) -> set[str]:
        """All values in the tables of a value such as transport_maps, as far as they can be listed."""
        found: set[str] = set()
        for table in words(tables):
            with suppress(OSError):  # which is told of where an address is looked up
                found |= self._entries(table.removeprefix("proxy:"))
        return found

    def _entries(self, table: str) -> set[str]:
        kind, _, place = table.partition(":")
        if kind in _LISTED:
            lines = self.machine.run(*self._postmap("-s", table)).output.splitlines()
            return {line.partition("\t")[2] for line in lines}
        rows = self.machine.read(Path(place)).splitlines() if kind in _READ else []
        return {row[1].strip() for row in (line.split(None, 1) for line in rows) if len(row) > 1}

    def _postmap(self, *arguments: str) -> list[str]:
        return [*_command(self.machine, self.folder, "postmap"), *arguments]

    def listed(self, parameter: str, service: str = "") -> list[str]:
        """The words of a value, and for one that names a file what stands in it."""
        found = []
        for word in words(self.names(service)[parameter]):
            lines = self.machine.read(Path(word)).splitlines() if word.startswith("/") else [word]
            found += [name for line in lines if not line.startswith("#") for name in words(line)]
        return found

    def holds(self, parameter: str, domain: str) -> bool:
        """Whether a list of domains such as relay_domains has one: by its name, a file, a table, or a parent."""
        parents = parameter in words(self.settings.get("parent_domain_matches_subdomains", ""))
        for word in self.listed(parameter):
            name = word.lower() if ":" not in word else domain if self.lookup(word, domain) else ""
            if name == domain or (name and parents and domain.endswith(f".{name}")):
                return True
        return False

    def set(self, parameter: str, value: str, service: str = "") -> str:
        """The line that gives a parameter a value and makes it count."""
        return f"{self.change(parameter, value, service)} && {self.reload}"

    def change(self, parameter: str, value: str, service: str = "") -> str:
        """The command that gives a parameter a value: in main.cf, or for a service that has its own in master.cf."""
        folder = f" -c {shlex.quote(self.folder)}" if self.folder else ""
        if parameter in self.overrides.get(service, {}):
            # There postconf takes no blanks; commas part words as well.
            joined = ",".join(re.split(r"[\s,]+", value))
            return f"postconf{folder} -P {shlex.quote(f'{service}/{parameter}={joined}')}"
        return f"postconf{folder} -e {shlex.quote(f'{parameter} = {value}')}"

    @property
    def reload(self) -> str:
        folder = f" -c {shlex.quote(self.folder)}" if self.folder else ""
        return f"postfix{folder} reload"

    def written(self, parameter: str, service: str = "") -> str:
        """A parameter's value as a change begins, for a service that has its own in master.cf that."""
        return {**self.raw, **self.raw_overrides.get(service, {})}.get(parameter, "")

    def names(self, service: str = "") -> Mapping[str, str]:
        """What each `$name` in such a value comes to."""
        return {**self.settings, **self.overrides.get(service, {})}

    def named(self, listen: ListenAddress) -> str:
        """An address that gatepost listens on, as main.cf names it."""
        return endpoint(listen, ConfiguredPostfix(True, self.settings))

    def path(self, *parts: str) -> Path:
        """A path below the queue directory."""
        return Path(posixpath.join(self.queue_directory, *parts))


def _fatal(complaints: str) -> str:
    """What a program of Postfix's gave up for; it warns of much else, such as a parameter that is given twice."""
    return " ".join(line for line in complaints.splitlines() if ": warning: " not in line)


def _command(machine: Machine, folder: str, program: str) -> list[str]:
    return [machine.program(program), *(["-c", folder] if folder else [])]


def _postconf(machine: Machine, folder: str, *options: str) -> Ran:
    ran = machine.run(*_command(machine, folder, "postconf"), *options)
    if ran.status:
        raise OSError(f"postconf {' '.join(options)}: {_fatal(ran.complaints)}")
    return ran


def _values(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _overrides(text: str) -> dict[str, dict[str, str]]:
    """`smtp/inet/NAME = VALUE` lines, by service."""
    found: dict[str, dict[str, str]] = {}
    for name, value in _values(text).items():
        service, _, parameter = name.rpartition("/")
        found.setdefault(service, {})[parameter] = value
    return found
