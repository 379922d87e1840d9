"""A running Postfix as postconf(1) tells of it: main.cf, master.cf, the types of its tables.

Values are those that count: defaults filled in, `$name` replaced, and for an smtpd what its line in master.cf changes.
Nothing is asked of the daemons, and `postfix check` is not run: it makes folders.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gatepost_conf.doctor.addresses import Door, Wire, leads_to, postfix_address, postfix_addresses
from gatepost_conf.doctor.findings import Absent
from gatepost_conf.doctor.machine import Machine, Ran
from gatepost_conf.doctor.restrictions import POLICY, Step, service_address, steps
from gatepost_conf.postfix.lookups import endpoint
from gatepost_conf.postfix.machine import Machine as ConfiguredPostfix
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
_LMTP_VALUES = ("transport_maps", "relay_transport", "virtual_transport", "local_transport", "mailbox_transport")
_TABLE_VALUES = (*_LMTP_VALUES, "relay_domains", "relay_recipient_maps", "local_recipient_maps", "virtual_alias_maps")
_PUBLIC_PORTS = {"smtp", "25"}
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
    """A Postfix that is there. `raw` has the values as they are written, `settings` what they come to."""

    machine: Machine
    folder: str
    settings: Mapping[str, str]
    raw: Mapping[str, str]
    master: tuple[tuple[str, ...], ...]
    overrides: Mapping[str, Mapping[str, str]]
    complaints: str

    name = "Postfix"

    @classmethod
    def read(cls, machine: Machine, folder: str) -> Postfix:
        """Ask postconf; folder: the configuration's, '' for the usual one. Raises Absent, OSError."""
        if not machine.program("postconf"):
            raise Absent("there is no Postfix")
        expanded = _postconf(machine, folder, "-x")
        plain = _postconf(machine, folder)
        master = [
            tuple(line.split(None, _COMMAND_COLUMN)) for line in _postconf(machine, folder, "-M").output.splitlines()
        ]
        return cls(
            machine=machine,
            folder=folder,
            settings=_values(expanded.output),
            raw=_values(plain.output),
            master=tuple(row for row in master if len(row) > _COMMAND_COLUMN),
            overrides=_overrides(_postconf(machine, folder, "-P", "-x").output),
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
    def smtpds(self) -> tuple[Smtpd, ...]:
        """The servers that strangers reach: those on port 25; where none is, all."""
        rows = [row for row in self.master if row[1] in {"inet", "pass"} and row[_COMMAND_COLUMN].split()[0] == "smtpd"]
        public = [row for row in rows if row[1] == "pass" or row[0].rpartition(":")[2] in _PUBLIC_PORTS]
        return tuple(map(self._smtpd, public or rows)) or (Smtpd("smtpd", False, self.settings, frozenset()),)

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
        spawned = self.command_of(text.removeprefix("unix:private/")) if text.startswith("unix:private/") else ""
        is_ours = leads_to(address, doors["policy"]) or re.match(r"spawn\b.*\brun policy --stdio\b", spawned)
        return address if is_ours else None

    def milters(self, smtpd: Smtpd) -> list[tuple[str, dict[str, str]]]:
        """The milters of a server, each with the settings that are its own alone."""
        found = []
        for word in words(smtpd.settings["smtpd_milters"]):
            address, *attributes = words(word.strip("{} ")) if word.startswith("{") else [word]
            pairs = (attribute.strip("{} ").partition("=") for attribute in attributes)
            found.append((address, {name.strip(): value.strip() for name, _, value in pairs}))
        return found

    def wires(self, doors: Doors) -> Iterator[Wire]:
        """Which doors it is told to dial, by main.cf and master.cf."""
        for smtpd in self.smtpds:
            for parameter in (*RCPT_LISTS, *DATA_LISTS):
                for step in smtpd.steps(parameter):
                    if step.name == POLICY and (found := self.policy_address(service_address(step.argument), doors)):
                        yield Wire(self.name, "policy", found, self.owner)
            yield from self._wires_in(smtpd.settings["smtpd_milters"], "milter", doors)
        for parameter in _TABLE_VALUES:
            yield from self._wires_in(self.settings[parameter], "socketmap", doors)
        for parameter in _LMTP_VALUES:
            yield from self._wires_in(self.settings[parameter], "lmtp", doors)

    def _wires_in(self, value: str, door: Door, doors: Doors) -> Iterator[Wire]:
        # The table's own name stands behind the address of a socketmap.
        text = re.sub(r"socketmap:(\S+):[^:\s,]+", r"\1", value) if door == "socketmap" else value
        for address in postfix_addresses(text, self.queue_directory):
            if leads_to(address, doors[door]):
                yield Wire(self.name, door, address, self.owner)

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
                ran = self.machine.run(*self._postmap(table), stdin="".join(f"{key}\n" for key in asked))
                if ran.complaints:
                    raise OSError(f"postmap -q: {ran.complaints.strip()}")
                found = {**dict(line.split("\t", 1) for line in ran.output.splitlines() if "\t" in line), **found}
        return found

    def _postmap(self, table: str) -> list[str]:
        return [*_command(self.machine, self.folder, "postmap"), "-q", "-", table]

    def holds(self, parameter: str, domain: str) -> bool:
        """Whether a list of domains such as relay_domains has one: by its name, a file, a table, or a parent."""
        parents = parameter in words(self.settings.get("parent_domain_matches_subdomains", ""))
        for word in words(self.settings[parameter]):
            if word.startswith("/"):
                names = self.machine.read(Path(word)).split()
            elif ":" in word:
                names = [domain] if self.lookup(word, domain) else []
            else:
                names = [word]
            for name in map(str.lower, names):
                if name == domain or (parents and domain.endswith(f".{name}")):
                    return True
        return False

    def set(self, parameter: str, value: str, smtpd: Smtpd | None = None) -> str:
        """The line that gives a parameter a value: in main.cf, or for a server that has its own in master.cf there."""
        folder = f" -c {shlex.quote(self.folder)}" if self.folder else ""
        if smtpd and parameter in smtpd.own:
            # There postconf takes no blanks; commas part words as well.
            joined = ",".join(re.split(r"[\s,]+", value))
            change = f"postconf{folder} -P {shlex.quote(f'{smtpd.service}/{parameter}={joined}')}"
        else:
            change = f"postconf{folder} -e {shlex.quote(f'{parameter} = {value}')}"
        return f"{change} && {self.reload}"

    @property
    def reload(self) -> str:
        folder = f" -c {shlex.quote(self.folder)}" if self.folder else ""
        return f"postfix{folder} reload"

    def written(self, parameter: str, smtpd: Smtpd | None = None) -> str:
        """A parameter's value as it is written, where a server has its own there."""
        return (smtpd.settings if smtpd and parameter in smtpd.own else self.raw).get(parameter, "")

    def named(self, listen: ListenAddress) -> str:
        """An address that gatepost listens on, as main.cf names it."""
        return endpoint(listen, ConfiguredPostfix(True, self.settings))

    def path(self, *parts: str) -> Path:
        """A path below the queue directory."""
        return Path(posixpath.join(self.queue_directory, *parts))


def _command(machine: Machine, folder: str, program: str) -> list[str]:
    return [machine.program(program), *(["-c", folder] if folder else [])]


def _postconf(machine: Machine, folder: str, *options: str) -> Ran:
    ran = machine.run(*_command(machine, folder, "postconf"), *options)
    if ran.status:
        raise OSError(f"postconf {' '.join(options)}: {ran.complaints.strip()}")
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
