"""XFORWARD (Postfix's XFORWARD_README): what a trusted mail server tells of the client that it serves. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from gatepost_lmtp.syntax import LmtpError

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")
ANNOUNCEMENT = f"XFORWARD {' '.join(ATTRIBUTES)}"
# What stands for a value that the other server has not.
_UNKNOWN = frozenset(("[UNAVAILABLE]", "[TEMPUNAVAIL]"))
_MAX_VALUE_CHARACTERS = 255
_hex = re.compile(r"\+([0-9A-Fa-f]{2})")
_is_xtext = re.compile(r"(?:[^+]|\+[0-9A-Fa-f]{2})*").fullmatch
# A client over a UNIX socket is on this machine, as one from this address is.
_LOCAL = "127.0.0.1"

Network = IPv4Network | IPv6Network


def is_trusted(peer: str, networks: Sequence[Network]) -> bool:
    """Whether XFORWARD of this client is believed. peer: its IP address, '' over a UNIX socket."""
    if not networks:
        return False
    address = ip_address((peer or _LOCAL).partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in networks)


def attributes_of(arg: str | None) -> dict[str, str]:
    """The attributes of one XFORWARD, '' for those that are not known there. Raises LmtpError."""
    if not arg:
        raise LmtpError(501, "5.5.4", "syntax: XFORWARD attribute=value ...")
    return dict(_attribute(word) for word in arg.split())


def _attribute(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    name = name.upper()
    if not equals or name not in ATTRIBUTES:
        raise LmtpError(501, "5.5.4", "an attribute of XFORWARD is not known here")
    if value.upper() in _UNKNOWN:
        return name, ""
    if not _is_xtext(value):
        raise LmtpError(501, "5.5.4", f"the value of {name} is no xtext")
    value = _decoded(value)[:_MAX_VALUE_CHARACTERS]
    return name, _ip_address(value) if name == "ADDR" else value


def _decoded(xtext: str) -> str:
    """The value behind xtext (RFC 3461 section 4), without what could break a log line."""
    value = _hex.sub(lambda found: chr(int(found[1], 16)), xtext)
    return "".join(char if char.isprintable() else "?" for char in value)


def _ip_address(value: str) -> str:
    """An IPv4 address, or an IPv6 one with the prefix of an address literal."""
    address = value[5:] if value[:5].upper() == "IPV6:" else value
    try:
        return str(ip_address(address))
    except ValueError:
        raise LmtpError(501, "5.5.4", "the value of ADDR is no IP address") from None
