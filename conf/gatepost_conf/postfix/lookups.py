"""Where Postfix looks the lists up: tables in files, or the live ones that gatepost serves. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from gatepost_conf.postfix import maps
from gatepost_conf.postfix.machine import Machine
from gatepost_conf.postfix.restrictions import words
from gatepost_conf.site import dialled_host

if TYPE_CHECKING:
    from gatepost_service.sockets import ListenAddress

_FILES = frozenset({maps.LMTP, maps.DOMAINS, maps.RELAY_RECIPIENTS, maps.VMAP})
# What postconf(5) takes for one word, and for a word without parameters in it.
_is_word = re.compile(r"[^\s,;{}$\"'#\\]+").fullmatch
# The parameters in whose values our tables stand.
NAMING_TABLES = (
    "transport_maps",
    "relay_domains",
    "relay_recipient_maps",
    "local_recipient_maps",
    "virtual_mailbox_maps",
    "virtual_alias_maps",
)
_LIVE = ("transport", "relay_domains", "relay_recipients", "local_recipients", "virtual_alias")


class Lookups(NamedTuple):
    """The tables, each as TYPE:NAME. is_ours: whether a word of main.cf is one of these, of whatever type."""

    transport: str
    relay_domains: str
    relay_recipients: str
    local_recipients: str
    virtual_alias: str
    is_ours: Callable[[str], bool]


class FolderError(ValueError):
    """Postfix could not name a table in this folder. The message says why."""


def in_files(folder: Path, map_type: str) -> Lookups:
    """The tables in a folder. Raises FolderError."""
    if not _is_word(str(folder)):
        raise FolderError(f"{str(folder)!r}: in main.cf no table can be in a folder with such a name")
    # In postfix_lmtp there may be patterns for whole domains, which name no recipients.
    names = maps.LMTP, maps.DOMAINS, maps.RELAY_RECIPIENTS, maps.RELAY_RECIPIENTS, maps.VMAP
    return _lookups(f"{map_type}:{folder}/", names, folder)


def live(address: ListenAddress, folder: Path, machine: Machine) -> Lookups:
    """The tables of [socketmap], in place of those in the folder (socketmap_table(5))."""
    return _lookups(f"socketmap:{endpoint(address, machine)}:", _LIVE, folder)


def _lookups(where: str, names: tuple[str, str, str, str, str], folder: Path) -> Lookups:
    transport, relay_domains, relay_recipients, local_recipients, virtual_alias = (where + name for name in names)
    is_ours = partial(_is_ours, folder)
    return Lookups(transport, relay_domains, relay_recipients, local_recipients, virtual_alias, is_ours)


def _is_ours(folder: Path, word: str) -> bool:
    kind, _, place = word.removeprefix("proxy:").partition(":")
    if kind == "socketmap":
        return place.rpartition(":")[2] in _LIVE
    path = PurePath(place)
    return path.parent == folder and path.name in _FILES


def types_named(machine: Machine, folder: Path) -> frozenset[str]:
    """The types of our tables that main.cf names: those in the folder, and `socketmap` for live ones."""
    named = (word for parameter in NAMING_TABLES for word in words(machine.value(parameter)) if _is_ours(folder, word))
    return frozenset(word.removeprefix("proxy:").partition(":")[0] for word in named)


def dialled_first(addresses: Iterable[ListenAddress]) -> ListenAddress | None:
    """The first address that main.cf can hold; None where there is none."""
    return next((address for address in addresses if not address.is_unix or _is_word(address.path)), None)


def endpoint(address: ListenAddress, machine: Machine) -> str:
    """An address as Postfix dials it; a socket below its queue directory is named as a chroot sees it, too."""
    if not address.is_unix:
        host = dialled_host(address.host)
        return f"inet:[{host}]:{address.port}" if ":" in host else f"inet:{host}:{address.port}"
    path, queue = PurePath(address.path), PurePath(machine.meant("queue_directory"))
    return f"unix:{path.relative_to(queue) if path.is_relative_to(queue) else path}"
