"""The site as every generator gets it: the lists' names and the settings that mail servers must know. No I/O here.

Addresses to dial are numeric where they can be: a mail server may look `localhost` up in the DNS, or in a chroot's own
etc/hosts, and find 127.0.1.1, ::1 alone, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatepost_lists.addresses import AddressError, strict_domain
from gatepost_lists.directory import DirectoryTrouble
from gatepost_lists.model import DomainNames
from gatepost_service.endpoints import split_endpoint

if TYPE_CHECKING:
    from gatepost_conf.settings import Settings
    from gatepost_service.sockets import ListenAddress

_LOOPBACK = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on


@dataclass(frozen=True, slots=True)
class Site:
    """What the generators know of a site.

    hostname, origin, owner: as in [site]. domains: every domain with its lists; a domain is marked shared also where
    [lists] shared_domains says so. policy, socketmap, milter, lmtp: what these parts listen on; empty or None where a
    part is not enabled, and socketmap where policy, which serves it, is not. policy_places, milter_place: the same,
    enabled or not: what a mail server may have been told to ask before. milter_stage: as in [milter]. public_address:
    HOST:PORT or [IPV6]:PORT, which mail servers dial for LMTP. lmtp_stage and sender_tests: as in [lmtp]. maps_dir,
    map_type ("": the default), lmtp_service: as in [postfix]. settings_file and program: the absolute paths of
    gatepost.toml and of the command `gatepost`. written: the folders in which the services write the store, the queue
    and the log. has_pymilter: whether the milter could run here.
    """

    hostname: str
    origin: str
    owner: str
    domains: tuple[DomainNames, ...]
    probe_senders: tuple[str, ...]
    policy: tuple[ListenAddress, ...]
    socketmap: tuple[ListenAddress, ...]
    milter: ListenAddress | None
    policy_places: tuple[ListenAddress, ...]
    milter_place: ListenAddress
    milter_stage: str
    lmtp: tuple[ListenAddress, ...]
    public_address: str
    lmtp_stage: str
    sender_tests: bool
    maps_dir: Path
    map_type: str
    lmtp_service: str
    settings_file: Path
    program: Path
    written: tuple[Path, ...] = ()
    has_pymilter: bool = True

    @property
    def lmtp_endpoint(self) -> tuple[str, int]:
        """The host, without brackets, and the port that mail servers dial for LMTP."""
        host, port = split_endpoint(self.public_address)
        return dialled_host(host), port


def dialled_host(host: str) -> str:
    """The host to dial for one that is listened on or named: numeric for `localhost` and 0.0.0.0."""
    return _LOOPBACK.get(host, host)


def site_of(
    settings: Settings,
    settings_file: Path,
    program: Path,
    domains: Iterable[DomainNames],
    has_pymilter: bool = True,
    queue_folders: Iterable[Path] = (),
) -> Site:
    """The site that the settings and the directory's domains make, on a machine that has pymilter or has not.

    queue_folders: those in which the services write the queue, where that is to be known.

    Raises DirectoryTrouble for a domain whose name is none: no configuration may hold it.
    """
    shared = set(settings.lists.shared_domains)
    policy, socketmap, milter, lmtp = settings.policy, settings.socketmap, settings.milter, settings.lmtp
    return Site(
        hostname=settings.site.hostname,
        origin=settings.site.origin,
        owner=settings.site.owner,
        domains=tuple(_marked_shared(names, shared) for names in domains),
        probe_senders=settings.lists.probe_senders,
        policy=policy.listen if policy.enabled else (),
        socketmap=socketmap.listen if policy.enabled and socketmap.enabled else (),  # the same processes serve both
        milter=milter.listen if milter.enabled else None,
        policy_places=policy.listen,
        milter_place=milter.listen,
        milter_stage=milter.stage,
        lmtp=lmtp.listen if lmtp.enabled else (),
        public_address=lmtp.public_address,
        lmtp_stage=lmtp.stage,
        sender_tests=lmtp.sender_tests,
        maps_dir=settings.postfix.maps_dir,
        map_type=settings.postfix.map_type,
        lmtp_service=settings.postfix.lmtp_service,
        settings_file=settings_file,
        program=program,
        written=tuple(_written(settings, queue_folders)),
        has_pymilter=has_pymilter,
    )


def _written(settings: Settings, queue_folders: Iterable[Path]) -> Iterator[Path]:
    scheme, _, store = settings.lists.directory.partition(":///")
    if scheme == "sqlite":
        yield Path(store).parent
    yield from queue_folders
    if settings.log.file:
        yield settings.log.file.parent


def _marked_shared(names: DomainNames, shared: set[str]) -> DomainNames:
    domain = names.domain
    for name in filter(None, (domain.mail_host, domain.alias_domain)):
        _require_domain_name(name)
    return names._replace(domain=domain._replace(shared=domain.shared or domain.mail_host in shared))


def _require_domain_name(name: str) -> None:
    try:
        sound = strict_domain(name) == name
    except AddressError:
        sound = False
    if not sound:
        raise DirectoryTrouble(f"the directory has a domain {name!r}, which is no domain name")
