"""HOST:PORT as settings and options have it, and name servers that are given so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.nameserver import Do53Nameserver

DNS_PORT = 53


def split_endpoint(text: str, default_port: int | None = None) -> tuple[str, int]:
    """The host, without brackets, and the port of HOST:PORT or [IPV6]:PORT.

    An IPv6 address without brackets has no port. Raises ValueError where there is none, or it is no number.
    """
    host, colon, port = text.rpartition(":")
    if default_port is not None and (not colon or "]" in port or (":" in host and not host.startswith("["))):
        return _without_brackets(text), default_port
    if not (port.isascii() and port.isdigit()):
        raise ValueError(f"{port!r} is no port")
    return _without_brackets(host), int(port)


def nameserver(text: str) -> Do53Nameserver:
    """A DNS server of ADDRESS, ADDRESS:PORT or [IPV6]:PORT; on port 53 where none is named. Raises ValueError."""
    from dns.nameserver import Do53Nameserver  # noqa: PLC0415 - dnspython is for those processes alone that ask

    return Do53Nameserver(*split_endpoint(text, DNS_PORT))


def _without_brackets(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")
