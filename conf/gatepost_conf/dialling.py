"""Where a mail server on this machine reaches a part of gatepost, of all the addresses that the part listens on.

Mail servers write an address into files where some characters mean something else; a socket's path is used only where
it has none of them. No I/O here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from gatepost_conf.site import dialled_host

if TYPE_CHECKING:
    from gatepost_service.sockets import ListenAddress

_is_plain = re.compile(r"/[A-Za-z0-9_./@+=-]+").fullmatch


class Tcp(NamedTuple):
    """A TCP address: a host without brackets, and a port."""

    host: str
    port: int

    @property
    def bracketed(self) -> str:
        """The host, in brackets if it is an IPv6 address."""
        return f"[{self.host}]" if ":" in self.host else self.host


class Dialled(NamedTuple):
    """The first TCP address and the first socket's path that can be dialled, None where there is none."""

    tcp: Tcp | None
    path: str | None


def dialled(addresses: Iterable[ListenAddress]) -> Dialled:
    """The addresses to dial of those that are listened on."""
    addresses = list(addresses)
    tcp = (Tcp(dialled_host(each.host), each.port) for each in addresses if not each.is_unix)
    paths = (each.path for each in addresses if each.is_unix and _is_plain(each.path))
    return Dialled(next(tcp, None), next(paths, None))
