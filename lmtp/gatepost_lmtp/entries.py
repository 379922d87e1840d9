"""What goes into which queue for which address: GNU Mailman's queues and metadata, and what it throws away. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gatepost_queue import Entry
from gatepost_queue.metadata import VERSION, ReceivedMetadata

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
        metadata=_metadata(listid, subaddress, _kept(extension), origin).to_json(),
    )


def _metadata(listid: str, subaddress: str, extension: str, origin: Origin) -> ReceivedMetadata:
    return ReceivedMetadata(
        listid=listid,
        original_size=origin.size,
        received_time=origin.received,
        version=VERSION,
        parsemsg=False,
        subaddress=subaddress,
        to_list=not subaddress,
        to_owner=subaddress == "owner",
        to_request=subaddress == "request",
        envsender=origin.owner if subaddress == "owner" else "",
        extension=extension,
    )


def _kept(text: str) -> str:
    """Text as the queue can keep it: octets that are no UTF-8 become U+FFFD."""
    return text.encode("utf-8", "replace").decode()
