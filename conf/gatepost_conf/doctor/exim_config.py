"""An Exim as `exim -bP config` tells of it: its configuration with macros and included files put in.

Only what concerns gatepost is read: the transports that speak LMTP to it, the routers that lead there, and the access
control lists that are asked at RCPT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gatepost_conf.doctor.addresses import Door, Wire, leads_to
from gatepost_conf.doctor.findings import Absent
from gatepost_conf.doctor.machine import Machine
from gatepost_service.sockets import ListenAddress

Doors = Mapping[Door, tuple[ListenAddress, ...]]

_SECTION = re.compile(r"^begin\s+(\w+)\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^\s*([\w.-]+):\s*$", re.MULTILINE)
_OPTION = re.compile(r"\s*(?:(no_|not_)?(\w+))\s*(?:=\s*(.*))?$")
_READSOCKET = re.compile(r"\$\{readsocket\s*\{\s*(?:inet:(\[[^\]]+\]|[^:}\s]+):(\d+)|(/[^}\s]+))\s*\}")
_CALLOUT = re.compile(r"verify\s*=\s*recipient\s*/\s*callout(?:\s*=\s*([\w,\s=]+))?")
_NESTED_ACL = re.compile(r"\bacl\s*=\s*(\w+)")
_VERSION = re.compile(r"^Exim version (\d+)\.(\d+)", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Exim:
    """An Exim that is there. `text` is its whole configuration, `version` its number as (4, 96)."""

    text: str
    version: tuple[int, int]
    user: str

    name = "Exim"

    @classmethod
    def read(cls, machine: Machine, file: str) -> Exim:
        """Ask Exim; file: its configuration, '' for the usual one. Raises Absent, OSError."""
        program = machine.program("exim4", "exim")
        if not program:
            raise Absent("there is no Exim")
        options = ["-C", file] if file else []
        version = _VERSION.search(machine.run(program, *options, "-bV").output)
        ran = machine.run(program, *options, "-bP", "config")
        if ran.status or "begin" not in ran.output:
            raise PermissionError(f"exim -bP config: {ran.complaints.strip() or ran.output.strip()}")
        user = machine.run(program, *options, "-bP", "exim_user").output.rpartition("=")[2].strip()
        return cls(ran.output, (int(version[1]), int(version[2])) if version else (0, 0), user)

    @cached_property
    def _sections(self) -> dict[str, str]:
        names = ["main", *_SECTION.findall(self.text)]
        return dict(zip(names, _SECTION.split(self.text)[::2], strict=True))

    def _blocks(self, section: str) -> dict[str, str]:
        _, *parts = _BLOCK.split(self._sections.get(section, ""))
        return dict(zip(parts[::2], parts[1::2], strict=True))

    @cached_property
    def transports(self) -> dict[str, dict[str, str]]:
        """The options of each transport by its name; a switch that is on is 'true', one that is off 'false'."""
        return {name: _options(text) for name, text in self._blocks("transports").items()}

    @cached_property
    def routers(self) -> dict[str, dict[str, str]]:
        """The options of each router by its name."""
        return {name: _options(text) for name, text in self._blocks("routers").items()}

    @cached_property
    def rcpt_acl(self) -> str:
        """The text of the list that is gone through at RCPT, with those that it names."""
        return self._acl("acl_smtp_rcpt")

    @cached_property
    def data_acl(self) -> str:
        """The text of the lists that are gone through at DATA and after it, with those that they name."""
        return self._acl("acl_smtp_predata") + self._acl("acl_smtp_data")

    def _acl(self, option: str) -> str:
        blocks = self._blocks("acl")
        first = _options(self._sections["main"]).get(option, "")
        if first not in blocks:
            return "\n".join(blocks.values()) if first else ""
        wanted, found = [first], {}
        while wanted:
            name = wanted.pop()
            if name in blocks and name not in found:
                found[name] = blocks[name]
                wanted += _NESTED_ACL.findall(blocks[name])
        return "\n".join(found.values())

    @property
    def callouts(self) -> list[frozenset[str]]:
        """The options of each callout at RCPT, such as use_sender."""
        found = (match[1] or "" for match in _CALLOUT.finditer(self.rcpt_acl))
        return [frozenset(option.strip() for option in options.split(",")) for options in found]

    def asks(self, door: Door, doors: Doors) -> list[ListenAddress]:
        """Where the list at RCPT opens a socket, of what that door listens on."""
        return [found for found in _read_sockets(self.rcpt_acl) if leads_to(found, doors[door])]

    def asks_at_data(self, doors: Doors) -> bool:
        """Whether the policy service is asked once data comes."""
        return any(leads_to(found, doors["policy"]) for found in _read_sockets(self.data_acl))

    @cached_property
    def _lmtp_addresses(self) -> dict[str, ListenAddress]:
        """Where each transport that speaks LMTP brings mail."""
        found = {name: _lmtp_address(options, self.routers, name) for name, options in self.transports.items()}
        return {name: address for name, address in found.items() if address}

    def lmtp_transports(self, doors: Doors) -> dict[str, ListenAddress]:
        """The transports that bring mail to gatepost, and where."""
        return {name: found for name, found in self._lmtp_addresses.items() if leads_to(found, doors["lmtp"])}

    def wires(self, doors: Doors) -> Iterator[Wire]:
        """What it is told to dial; whether a socket is asked for a verdict or a look-up is told by what listens."""
        for address in dict.fromkeys(_read_sockets(self.text)):
            door: Door = "socketmap" if leads_to(address, doors["socketmap"]) else "policy"
            yield Wire(self.name, door, address, self.user, "${readsocket}", "what is asked there is not answered")
        for name, address in self._lmtp_addresses.items():
            user = self.transports[name].get("user") or self.user
            yield Wire(self.name, "lmtp", address, user, f"the transport {name}", "mail that goes there waits")

    def tests_senders(self, doors: Doors, callouts: bool) -> bool:
        """Whether the policy service is asked at RCPT, or a callout brings the sender to [lmtp]."""
        called = any("use_sender" in options for options in self.callouts)
        over_tcp = any(not address.is_unix for address in self.lmtp_transports(doors).values())
        return bool(self.asks("policy", doors)) or (callouts and called and over_tcp)


def _options(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _OPTION.match(line):
            found[match[2]] = match[3].strip() if match[3] is not None else ("false" if match[1] else "true")
    return found


def _read_sockets(text: str) -> Iterator[ListenAddress]:
    for host, port, path in _READSOCKET.findall(text):
        yield ListenAddress(path=path) if path else ListenAddress(host=host.strip("[]").lower(), port=int(port))


def _lmtp_address(
    options: Mapping[str, str], routers: Mapping[str, Mapping[str, str]], name: str
) -> ListenAddress | None:
    """Where a transport brings mail by LMTP. The host may be named by the router that leads there."""
    if options.get("driver") == "lmtp" and options.get("socket"):
        return ListenAddress(path=options["socket"])
    if options.get("protocol") != "lmtp" or not options.get("port", "").isdigit():
        return None
    routed = (each.get("route_list", "").split()[-1:] for each in routers.values() if each.get("transport") == name)
    named = options.get("hosts") or next((words[0] for words in routed if words), "127.0.0.1")
    # A list is parted by colons, of which two stand for one, unless it begins with another sign of its own.
    hosts = named.removeprefix("<;").split(";") if named.startswith("<;") else named.replace("::", "\0").split(":")
    return ListenAddress(host=hosts[0].replace("\0", ":").strip().lower(), port=int(options["port"]))
