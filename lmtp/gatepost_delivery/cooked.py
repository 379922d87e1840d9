"""What a list puts above a post, and what it takes off. No I/O here.

- Its own fields (RFC 2369, RFC 2919) stand above all others, and those of other lists go, whoever signed them: there is
  one of each (RFC 2919 section 6), and a member who leaves by it leaves this list.
- All else, and the body, stay octet for octet. So a signature of these holds afterwards, but for one that allows no
  more fields of a name that is ours. Where such a one is an author's and holds, ours of that name is left out.
- X-BeenThere and Precedence never are: by them loops are known, and robots keep still. X-BeenThere of other lists
  stays, for a loop may be through several.
- What was not meant for members goes, too: passwords, and whatever has a member's program answer and so tell the writer
  who is a member.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import Protocol
from urllib.parse import quote

from gatepost_delivery.fields import Field, Section, field, rebuilt
from gatepost_delivery.letters import Named, address_of, one_line, phrase

_ALWAYS = frozenset((b"x-beenthere", b"precedence"))
# Those of ours that a signature may have left out.
_DISPENSABLE = frozenset(
    (b"list-id", b"list-help", b"list-subscribe", b"list-unsubscribe", b"list-post", b"list-owner")
)
# Archived-At (RFC 5064) is the list's to say, as its List- fields are.
_OTHERS = frozenset((b"precedence", b"archived-at"))
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


def cleansed(section: Section) -> Section:
    """The message without what is for no eyes but the list's own, nor for a reader's program to answer."""
    return section._replace(fields=[one for one in section.fields if one.name not in _FOR_NOBODY])


def without_lists(section: Section) -> Section:
    """The message without what other lists say of themselves, but for the way that it has come."""
    kept = [one for one in section.fields if not one.name.startswith(b"list-") and one.name not in _OTHERS]
    return section._replace(fields=kept)


def cooked(section: Section, mailing_list: Described, left_out: Collection[bytes] = ()) -> bytes:
    """The message with the list's fields above it, but for those that `may_be_left_out` has named."""
    return rebuilt(section, [one.octets for one in list_fields(mailing_list) if one.name not in left_out])


def may_be_left_out(unwanted: Set[bytes]) -> Set[bytes]:
    """Of the names that a signature allows no more fields of, those that need not be; none where others break it."""
    return frozenset() if unwanted & _ALWAYS else unwanted & _DISPENSABLE


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
