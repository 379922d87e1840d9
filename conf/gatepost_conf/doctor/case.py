"""What an examination is about: the settings, the lists, the machine, and the mail servers that are there.

Everything is looked at when a check first needs it, and once. What is not there raises Absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

from gatepost_conf.asking import Asked, door_to_ask
from gatepost_conf.doctor.addresses import Door, Wire, leads_to, next_hop
from gatepost_conf.doctor.exim_config import Exim
from gatepost_conf.doctor.findings import Absent
from gatepost_conf.doctor.machine import Account, Machine
from gatepost_conf.doctor.postfix_config import Postfix
from gatepost_conf.doctor.sendmail_config import Sendmail
from gatepost_conf.settings import Settings
from gatepost_conf.site import Site, site_of
from gatepost_lists import Action, Address, Directory, DirectoryTrouble, DomainNames, open_directory
from gatepost_lists.errors import StoreError
from gatepost_service.sockets import ListenAddress

SERVICE_USER = "gatepost"


class StoredQueue(Protocol):
    """The queue as its engine keeps it (gatepost_queue.Engine), which examines it by itself.

    schema: the version that is known here. files: those of this machine that it is in.
    """

    @property
    def schema(self) -> str: ...
    @property
    def files(self) -> tuple[Path, ...]: ...

    def examine(self, machine: Machine) -> tuple[str, str, str]:
        """A state, what was found, and what mends it. Raises OSError."""

    def newest(self, machine: Machine) -> float:
        """When the newest message came, in seconds since the epoch; 0.0 where there is none. Raises OSError."""


QueueFinder = Callable[[str], StoredQueue]


class Lists(NamedTuple):
    """What the directory holds: every domain with its lists, and the posting addresses of the closed lists."""

    domains: tuple[DomainNames, ...]
    closed: tuple[str, ...]


@dataclass(frozen=True)
class Options:
    """What the command line says: '' where it says nothing.

    host: to whom the domains are to lead, a name or an address; postfix_config: a folder; exim_config,
    sendmail_config: a file; user: as whom gatepost runs.
    """

    host: str = ""
    postfix_config: str = ""
    exim_config: str = ""
    sendmail_config: str = ""
    user: str = ""


class Case:
    """One examination."""

    def __init__(
        self,
        machine: Machine,
        settings: Settings,
        settings_file: Path,
        program: Path,
        find_queue: QueueFinder,
        options: Options,
    ) -> None:
        self.machine = machine
        self.settings = settings
        self.settings_file = settings_file
        self.program = program
        self._find_queue = find_queue
        self.options = options

    @cached_property
    def listens(self) -> dict[Door, tuple[ListenAddress, ...]]:
        """What each door listens on, or would if it were enabled."""
        settings = self.settings
        public = next_hop(settings.lmtp.public_address)
        return {
            "policy": settings.policy.listen,
            "socketmap": settings.socketmap.listen,
            "milter": (settings.milter.listen,),
            "lmtp": (*settings.lmtp.listen, *([public] if public else [])),
        }

    @cached_property
    def doors(self) -> dict[Door, tuple[ListenAddress, ...]]:
        """What each door listens on; a door that is not enabled has no address."""
        settings = self.settings
        enabled: dict[Door, bool] = {
            "policy": settings.policy.enabled,
            "socketmap": settings.policy.enabled and settings.socketmap.enabled,
            "milter": settings.milter.enabled,
            "lmtp": settings.lmtp.enabled,
        }
        return {door: listens if enabled[door] else () for door, listens in self.listens.items()}

    @property
    def queue(self) -> StoredQueue:
        """Raises Absent where none is needed, and as `known_queue` does."""
        if not self.settings.lmtp.enabled and not self.settings.delivery.enabled:
            raise Absent("[lmtp] and [delivery] are not enabled")
        return self.known_queue

    @property
    def known_queue(self) -> StoredQueue:
        """The same, needed or not. Raises Absent where no engine serves its URL, which is told when it is opened."""
        url = self.settings.queue.engine
        try:
            return self._find_queue(url)
        except ValueError:
            raise Absent(f"it is in {url.partition(':')[0]}:…") from None

    def can_run(self, door: Door) -> bool:
        """Whether a door is enabled, and what it needs is there."""
        return bool(self.doors[door]) and (door != "milter" or self.machine.has_pymilter())

    @property
    def asked(self) -> Asked:
        """The door that a mail server should ask which could ask either."""
        return door_to_ask(self.can_run("policy"), self.can_run("milter"), self.settings.milter.stage)

    def read_lists(self) -> Lists:
        """The lists as the directory has them now. Raises DirectoryTrouble and StoreError."""
        with closing(open_directory(self.settings.lists.directory)) as directory, directory.snapshot():
            domains = tuple(directory.names())
            return Lists(domains, tuple(_closed(directory, domains)))

    @cached_property
    def _lists(self) -> Lists | None:
        try:
            return self.read_lists()
        except (DirectoryTrouble, StoreError):
            return None

    @property
    def lists(self) -> Lists:
        """The lists, as they were read first. Raises Absent where they cannot be read, which has an item of its own."""
        if self._lists is None:
            raise Absent("the lists cannot be read")
        return self._lists

    @cached_property
    def site(self) -> Site:
        """The site as the generators get it. Raises Absent where the lists cannot be read."""
        has_pymilter = self.machine.has_pymilter()
        return site_of(self.settings, self.settings_file, self.program, self.lists.domains, has_pymilter)

    @cached_property
    def user(self) -> Account:
        """As whom gatepost runs: the one who was named, else for root the user gatepost if there is one, else oneself.

        Raises LookupError for a name that is nobody's.
        """
        here = self.machine.user()
        if self.options.user:
            return self.machine.account(self.options.user)
        with suppress(LookupError):
            return self.machine.account(SERVICE_USER) if here.uid == 0 else here
        return here

    @cached_property
    def _found(self) -> dict[str, Postfix | Exim | Sendmail | Exception]:
        """Each mail server as it was read, or what came instead."""
        readers: dict[str, Callable[[], Postfix | Exim | Sendmail]] = {
            "postfix": lambda: Postfix.read(self.machine, self.options.postfix_config),
            "exim": lambda: Exim.read(self.machine, self.options.exim_config),
            "sendmail": lambda: Sendmail.read(self.machine, self.options.sendmail_config),
        }
        return {name: _read(reader) for name, reader in readers.items()}

    @property
    def servers(self) -> list[Postfix | Exim | Sendmail]:
        """The mail servers that are there and could be looked at, of which those that dial gatepost, if any does."""
        found = [server for server in self._found.values() if not isinstance(server, Exception)]
        return [server for server in found if self.wires(server)] or found

    @cached_property
    def _wires(self) -> dict[str, list[Wire]]:
        """What each mail server is told to dial, by its name."""
        found = (server for server in self._found.values() if not isinstance(server, Exception))
        return {server.name: list(server.wires(self.listens)) for server in found}

    def wires(self, server: Postfix | Exim | Sendmail) -> list[Wire]:
        """Which doors of gatepost's a mail server is told to dial, enabled or not."""
        found = self._wires[server.name]
        return [wire for wire in found if wire.spawned or leads_to(wire.address, self.listens[wire.door])]

    @property
    def dialled(self) -> list[Wire]:
        """All that the mail servers are told to dial, gatepost's or not."""
        return [wire for server in self.servers for wire in self._wires[server.name]]

    def _server(self, name: str) -> Postfix | Exim | Sendmail:
        found = self._found[name]
        dialling = [server.name for server in self.servers if self.wires(server)]
        if isinstance(found, Absent) or (isinstance(found, Exception) and not dialling):
            raise found
        if isinstance(found, Exception):
            raise Absent(f"it cannot be looked at ({found}), and {dialling[0]} dials gatepost")
        if found not in self.servers:
            raise Absent(f"it does not dial gatepost, and {dialling[0]} does")
        return found

    @property
    def postfix(self) -> Postfix:
        """Raises Absent where there is no Postfix, or where only another mail server dials gatepost."""
        found = self._server("postfix")
        assert isinstance(found, Postfix)  # noqa: S101 - _found has them so
        return found

    @property
    def exim(self) -> Exim:
        """Raises Absent like postfix."""
        found = self._server("exim")
        assert isinstance(found, Exim)  # noqa: S101 - as above
        return found

    @property
    def sendmail(self) -> Sendmail:
        """Raises Absent like postfix."""
        found = self._server("sendmail")
        assert isinstance(found, Sendmail)  # noqa: S101 - as above
        return found


def _read(reader: Callable[[], Postfix | Exim | Sendmail]) -> Postfix | Exim | Sendmail | Exception:
    try:
        return reader()
    except Exception as error:
        return error


def _closed(directory: Directory, domains: Iterable[DomainNames]) -> Iterator[str]:
    for domain, names in domains:
        for name in names:
            found = directory.find(Address(name, domain.mail_host, name)).mailing_list
            if found and found.list_name == name and found.default_nonmember_action is Action.REJECT:
                yield found.fqdn_listname
