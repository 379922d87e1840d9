"""Where an address leads: the one reading of a recipient for who judges it and for who brings the mail on its way.

A local part may lead to a list through another domain (`user%host@domain`, `host!user@domain`, `"user@host"@domain`).
Which domains the mail server takes for its own is not known here, so it does wherever it can.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepost_lists.addresses import Address, parse_address, routed_addresses
from gatepost_lists.directory import Directory
from gatepost_lists.model import Place


class Located(NamedTuple):
    """The address that counts, and where it leads."""

    address: Address
    place: Place


def locate(recipient: str, directory: Directory, origin: str = "") -> Located:
    """Where a recipient leads; if its own domain has no such list, where a route in its local part does.

    Ask inside a snapshot. Raises AddressError for what cannot be read, DirectoryTrouble.
    """
    address = parse_address(recipient, origin)
    place = directory.find(address)
    if place.mailing_list is None:
        for inner in routed_addresses(address):
            if (found := directory.find(inner)).mailing_list is not None:
                return Located(inner, found)
    return Located(address, place)
