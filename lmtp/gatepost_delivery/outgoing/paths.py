"""Addresses as MAIL and RCPT name them (RFC 5321 section 4.1.2, RFC 6531 section 3.3). No I/O here.

- A domain beyond ASCII behind an ASCII local part becomes its A-labels, which every mail server understands.
- Whatever else is beyond ASCII needs a server with SMTPUTF8.
- What would end the path, or the command, is never written.
"""

from __future__ import annotations

import re

from gatepost_delivery.outgoing.trouble import Reply
from gatepost_lists.addresses import normal_domain

NULL = "<>"

_is_plain = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+@[A-Za-z0-9.\-]+").fullmatch
_is_writable = re.compile(
    r'(?:[^\x00-\x20"<>@\x7f-\x9f\ud800-\udfff]+|"(?:[^"\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\[ -~])*")'
    r"(?:@[^\x00-\x20<>@\x7f-\x9f\ud800-\udfff]+)?"
).fullmatch

_UNREADABLE = Reply(553, "5.1.3 the address cannot be written in a command")
_NEEDS_UTF8 = Reply(553, "5.6.7 the address is not ASCII, and the mail server does not offer SMTPUTF8")


class Unwritable(Exception):
    """An address that cannot be told to this server; `reply` is what it would have said."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


def path(address: str, *, smtputf8: bool) -> str:
    """The address in its brackets; smtputf8: the server takes more than ASCII. Raises Unwritable."""
    if _is_plain(address):
        return f"<{address}>"
    if not address.isascii():
        address = _with_a_labels(address)
    if not _is_writable(address):
        raise Unwritable(_UNREADABLE)
    if not (smtputf8 or address.isascii()):
        raise Unwritable(_NEEDS_UTF8)
    return f"<{address}>"


def _with_a_labels(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local}@{normal_domain(domain)}" if at and local.isascii() else address
