"""What goes into which queue for which address: GNU Mailman's queues and metadata, and what it throws away. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gatepost_queue import Entry

# The layout of the metadata, as Mailman counts it.
VERSION = 3

_QUEUES: Mapping[str, str] = {
    "": "in",
    "owner": "in",
    "request": "command",
    "confirm": "command",
    "join": "command",
    "leave": "command",
    "bounces": "bounces",
}


class Destination(NamedTuple):
    """Where the mail for an accepted recipient goes. The extension is what stood behind the '+', as it was written."""

    listid: str
    subaddress: str
    extension: str
    recipient: str


class Origin(NamedTuple):
    """What all entries of one message share: the sender, the size in octets, when it came, the site's owner."""

    sender: str
    size: int
    received: float
    owner: str


def entries_for(destinations: Iterable[Destination], origin: Origin) -> list[Entry]:
    """One entry for each list and sub-address, in the order in which they were named first.

    A -bounces or -confirm address with another extension is another address: it has an entry of its own. The list's own
    address is one with any extension, which says nothing there.
    """
    together: dict[tuple[str, str, str], list[str]] = {}
    for listid, subaddress, extension, recipient in destinations:
        place = (listid, subaddress, extension if subaddress else "")
        together.setdefault(place, []).append(_kept(recipient))
    return [_entry(*place, recipients, origin) for place, recipients in together.items()]


def _entry(listid: str, subaddress: str, extension: str, recipients: list[str], origin: Origin) -> Entry:
    return Entry(
        queue=_QUEUES[subaddress],
        listid=listid,
        subaddress=subaddress,
        recipients=tuple(dict.fromkeys(recipients)),
        metadata=_metadata(listid, subaddress, _kept(extension), origin),
    )


def _metadata(listid: str, subaddress: str, extension: str, origin: Origin) -> dict[str, Any]:
    """Names and values as Mailman's runners read them (its lmtp runner), and `extension`, which it does not keep."""
    metadata: dict[str, Any] = {
        "listid": listid,
        "original_size": origin.size,
        "received_time": origin.received,
        "version": VERSION,
        "_parsemsg": False,
    }
    if subaddress:
        metadata["subaddress"] = subaddress
    else:
        metadata["to_list"] = True
    if subaddress == "owner":
        metadata |= {"to_owner": True, "envsender": origin.owner}
    elif subaddress == "request":
        metadata["to_request"] = True
    if extension:
        metadata["extension"] = extension
    return metadata


def _kept(text: str) -> str:
    """Text as the queue can keep it: octets that are no UTF-8 become U+FFFD."""
    return text.encode("utf-8", "replace").decode()
