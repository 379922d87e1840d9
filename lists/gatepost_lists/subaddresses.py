"""Sub-addresses: which list, and which part of it, a local part may mean.

A list `ann` answers at `ann`, at `ann+anything`, and at `ann-SUBADDRESS` for the names below; `ann-bounces+user=host`
(VERP) and `ann-confirm+TOKEN` carry an extension. What stands behind the first `+` is cut off, then the word after
the last `-` is tried. A list whose own name reads like a sub-address wins over it, and so does one with a `+`.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepost_lists.addresses import Address

# What may stand behind the last '-', and the name under which it is known from there on.
SUBADDRESSES = {
    "bounces": "bounces",
    "confirm": "confirm",
    "join": "join",
    "subscribe": "join",
    "leave": "leave",
    "unsubscribe": "leave",
    "owner": "owner",
    "request": "request",
}


def local_parts(list_name: str) -> tuple[str, ...]:
    """Every local part at which a list is found without an extension: its name, then its sub-addresses by name.

    A list with a `+` in its name is found at its name alone.
    """
    if "+" in list_name:
        return (list_name,)
    return (list_name, *(f"{list_name}-{subaddress}" for subaddress in sorted(SUBADDRESSES)))


class Reading(NamedTuple):
    """One way to read a local part: the list's name, its sub-address ('' is the posting address), the extension."""

    list_name: str
    subaddress: str
    extension: str


def readings(address: Address) -> list[Reading]:
    """Every way to read the address's local part, the one that wins first."""
    local = address.local
    found = [Reading(local, "", "")]
    base, extension = local, ""
    if "+" in local:
        base = local.partition("+")[0]
        extension = address.spelt.partition("+")[2]
        found.append(Reading(base, "", extension))
    name, dash, suffix = base.rpartition("-")
    if dash and suffix in SUBADDRESSES:
        found.append(Reading(name, SUBADDRESSES[suffix], extension))
    return [reading for reading in found if reading.list_name]
