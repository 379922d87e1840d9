"""What a list puts above a post, and what it takes off. No I/O here.

- Its own fields (RFC 2369, RFC 2919) stand above all others; the body and whatever a signature covers stay as they are,
  so that a signature that held before holds afterwards.
- So a field of ours that a signature says the message does not have is left out. X-BeenThere never is: by it a loop is
  known, through this list or through several, and so those of other lists stay too.
- Other lists' fields go (RFC 2919 section 6: one List-Id).
- What was not meant for members goes, signed or not: passwords, and whatever has a member's program answer and so tell
  the writer who is a member.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from gatepost_delivery.fields import Field, Section, field, rebuilt, without
from gatepost_delivery.letters import Named, address_of, one_line, phrase

_NOT_WANTED = frozenset((b"precedence",))
# What Mailman takes off, and what else does the same; Return-Path, which the last mail server sets anew; blind copies.
_FOR_NOBODY = frozenset(
    (
        b"approve",
        b"approved",
        b"x-approve",
        b"x-approved",
        b"urgent",
        b"disposition-notification-to",
        b"disposition-notification-options",
        b"return-receipt-to",
        b"return-receipt-requested",
        b"read-receipt-to",
        b"delivery-receipt-to",
        b"generate-delivery-report",
        b"x-confirm-reading-to",
        b"x-confirm-delivery",
        b"x-pmrqc",
        b"errors-to",
        b"return-path",
        b"bcc",
        b"resent-bcc",
    )
)


class Described(Named, Protocol):
    """What a list is called, and what it is about."""

    @property
    def list_id(self) -> str: ...
    @property
    def description(self) -> str: ...


def cooked(section: Section, mailing_list: Described, signed: Mapping[bytes, int]) -> bytes:
    """The message as the list sends it on; `signed` as fields.signed gives it, empty where no signature holds."""
    kept = without(section.fields, _unwanted, signed)
    above = [
        one.octets
        for one in list_fields(mailing_list)
        if one.name == b"x-beenthere" or signed.get(one.name, 0) <= sum(one.name == other.name for other in kept)
    ]
    return rebuilt(section._replace(fields=kept), above)


def cleansed(section: Section) -> Section:
    """The message without what is for no eyes but the list's own, nor for a reader's program to answer."""
    return section._replace(fields=[one for one in section.fields if one.name not in _FOR_NOBODY])


def _unwanted(name: bytes) -> bool:
    return name.startswith(b"list-") or name in _NOT_WANTED


def list_fields(mailing_list: Described) -> list[Field]:
    """The fields that tell of the list, in their order."""
    return [
        field("X-BeenThere", mailing_list.fqdn_listname),
        field("Precedence", "list"),
        field("List-Id", _list_id(mailing_list)),
        field("List-Help", f"<{_mailto(mailing_list, 'request')}?subject=help>"),
        field("List-Subscribe", f"<{_mailto(mailing_list, 'join')}>"),
        field("List-Unsubscribe", f"<{_mailto(mailing_list, 'leave')}>"),
        field("List-Post", f"<{_mailto(mailing_list)}>"),
        field("List-Owner", f"<{_mailto(mailing_list, 'owner')}>"),
    ]


def _list_id(mailing_list: Described) -> str:
    """RFC 2919 section 3: what the list is for people, and its identifier."""
    title = one_line(mailing_list.description) or one_line(mailing_list.display_name)
    return f"{phrase(title)}\r\n <{mailing_list.list_id}>" if title else f"<{mailing_list.list_id}>"


def _mailto(mailing_list: Named, subaddress: str = "") -> str:
    """RFC 6068 section 2."""
    local, _, domain = address_of(mailing_list, subaddress).rpartition("@")
    return f"mailto:{quote(local, safe='')}@{quote(domain, safe='[]:')}"
