"""Where mail servers dial: their ways of writing an address, held against what gatepost listens on. No I/O here.

A host stands in an address as somebody wrote it; `localhost` and 'every address' count as 127.0.0.1, as in
gatepost_conf.site.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, NamedTuple

from gatepost_conf.site import dialled_host
from gatepost_service.sockets import AddressSyntaxError, ListenAddress

Door = Literal["policy", "milter", "lmtp", "socketmap"]
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - what is listened on
# An LMTP client's next hop without 'inet:' (lmtp(8)); the brackets are those of IPv6, or keep MX records out.
_NEXT_HOP = re.compile(r"\[?(?:ipv6:)?([^\[\]]+)\]?:(\d+)\Z", re.IGNORECASE)
_SENDMAIL_INET = re.compile(r"inet6?:(\d+)@\[?([^\]\s,]+)\]?\Z")
_SENDMAIL_UNIX = re.compile(r"(?:local|unix):([^\s,]+)\Z")


class Wire(NamedTuple):
    """Something that a mail server is told to dial, gatepost's or another's.

    door: as what it is dialled. user: as whom, a name or a number. place: what in its configuration says so.
    meanwhile: what becomes of mail while nobody answers there. removal: the command that takes it out of the
    configuration, and reload: the one that then makes it count; '' where an editor is needed. spawned: the mail server
    itself starts gatepost there. seen_at: where a socket's path leads for a program in a chroot, '' for others.
    """

    server: str
    door: Door
    address: ListenAddress
    user: str
    place: str
    meanwhile: str
    removal: str = ""
    reload: str = ""
    spawned: bool = False
    seen_at: str = ""


def removal_of(wires: Iterable[Wire]) -> str:
    """The line that takes them all out of the configuration, '' where none can be taken out by a command."""
    changing = [wire for wire in wires if wire.removal]
    return " && ".join(dict.fromkeys([*(wire.removal for wire in changing), *(wire.reload for wire in changing)]))


def places_of(wires: Iterable[Wire]) -> str:
    """Who dials, and where that is said, in words."""
    places: dict[str, dict[str, None]] = {}
    for wire in wires:
        places.setdefault(wire.server, {})[wire.place] = None
    return "; ".join(f"{server} dials it ({', '.join(found)})" for server, found in places.items())


def meanwhile_of(wires: Iterable[Wire]) -> str:
    """What becomes of mail while nobody answers, in words."""
    return ", ".join(dict.fromkeys(wire.meanwhile for wire in wires))


def postfix_address(text: str, queue_directory: str) -> ListenAddress | None:
    """`inet:HOST:PORT`, or `unix:PATH` with a path that may be relative to the queue directory; None for others."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest:
        return ListenAddress(path=posixpath.normpath(posixpath.join(queue_directory, rest)))
    if kind != "inet":
        return None
    try:
        return ListenAddress.parse(text)
    except AddressSyntaxError:
        return next_hop(rest)


def next_hop(text: str) -> ListenAddress | None:
    """`HOST:PORT`, `[HOST]:PORT`, `[ipv6:ADDRESS]:PORT`; None for what has no port."""
    match = _NEXT_HOP.match(text)
    return ListenAddress(host=match[1].lower(), port=int(match[2])) if match else None


def sendmail_address(text: str) -> ListenAddress | None:
    """`inet:PORT@HOST`, `inet6:PORT@HOST`, `local:PATH` or `unix:PATH` (libmilter's forms); None for others."""
    if match := _SENDMAIL_INET.match(text):
        return ListenAddress(host=match[2].lower(), port=int(match[1]))
    match = _SENDMAIL_UNIX.match(text)
    return ListenAddress(path=posixpath.normpath(match[1])) if match else None


def dialled(listen: ListenAddress) -> ListenAddress:
    """The address to dial for one that is listened on."""
    if listen.is_unix:
        return ListenAddress(path=listen.path)
    return replace(listen, host=dialled_host(listen.host))


def leads_to(address: ListenAddress | None, listens: Iterable[ListenAddress]) -> bool:
    """Whether somebody who dials `address` comes to one of those that are listened on."""
    return address is not None and any(_meets(address, listen) for listen in listens)


def _meets(address: ListenAddress, listen: ListenAddress) -> bool:
    if address.is_unix or listen.is_unix:
        return bool(listen.path) and address.path == posixpath.normpath(listen.path)
    here = listen.host in _EVERYWHERE or dialled_host(address.host) == dialled_host(listen.host)
    return here and address.port == listen.port


def for_sendmail(listen: ListenAddress) -> str:
    """As Sendmail and libmilter name it."""
    address = dialled(listen)
    if address.is_unix:
        return f"local:{address.path}"
    return f"{'inet6' if ':' in address.host else 'inet'}:{address.port}@{address.host}"
