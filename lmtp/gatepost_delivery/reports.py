"""Bounces: what a message says about the addresses that mail did not reach. Octets in, values out; no I/O here.

- flufl.bounce reads the standard's reports (RFC 3464) and the many formats of mail servers that do not keep to it. It
  is given so much of a message, in lines so short, that none can hold it up for long: its patterns are tried on each.
- A report of a delay, of success, or that a message was read (RFC 8098) is no bounce, and an automatic reply of a
  person who is away (RFC 3834) is none either. Reports bear the same Auto-Submitted as those, so the content decides.
- Nothing here fails, however broken the message is: what cannot be read says nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from email import message_from_bytes
from email.message import Message
from typing import NamedTuple

from flufl.bounce import all_failures

from gatepost_delivery.answers import first_word
from gatepost_delivery.fields import Field, decoded, split, value_of
from gatepost_delivery.letters import one_line
from gatepost_lists import parse_address_list

# So much of a report is read, its lines so long, its parts so many, and so many addresses that have failed.
MAX_OCTETS = 64 * 1024
MAX_LINE = 500
MAX_BOUNDARIES = 20
MAX_FAILED = 100
MAX_WHY = 200

_long_line = re.compile(rb"([^\n]{%d})[^\n]+" % MAX_LINE)
_boundary = re.compile(rb"boundary[ \t]*=", re.IGNORECASE)
_diagnosis = re.compile(
    r"^Diagnostic-Code:[ \t]*(?:[A-Za-z0-9.\-]+;)?[ \t]*([^\n]*\n(?:[ \t][^\n]*\n){0,5})", re.IGNORECASE | re.MULTILINE
).search
# Those who report, beside the null sender, which they ought to use (RFC 5321 section 4.5.5).
_reporter = re.compile(r"(?:mailer-daemon|postmaster)@").match

# What it logs about a message that it cannot read is nothing that anybody could mend.
logging.getLogger("flufl.bounce").disabled = True


class Report(NamedTuple):
    """failed: addresses that mail will not reach, as they were written; why: what was said about it, on one line.

    may_be_bounce: nothing in it tells against its being a bounce in a format that nobody knows.
    """

    failed: tuple[str, ...]
    may_be_bounce: bool
    why: str


def is_reporter(sender: str) -> bool:
    """Whether this envelope sender is one that reports have."""
    return not sender or bool(_reporter(sender.lower()))


def read_report(content: bytes) -> Report:
    """What a message says that came to an address to which bounces come."""
    octets = _long_line.sub(rb"\1", content[:MAX_OCTETS])
    temporary, failed = _failures(octets)
    fields = split(octets).fields
    return Report(
        failed=tuple(sorted(failed))[:MAX_FAILED],
        may_be_bounce=not temporary and not failed and _may_be_bounce(fields),
        why=_why(octets, fields),
    )


def _failures(octets: bytes) -> tuple[set[str], set[str]]:
    """Addresses with a temporary failure, and those with a permanent one."""
    if len(_boundary.findall(octets)) > MAX_BOUNDARIES:
        return set(), set()
    try:
        message = message_from_bytes(octets)
        _make_plain(message)
        temporary, permanent = all_failures(message)
    except Exception:  # whatever a stranger's message makes of a library: it is no bounce that can be read
        return set(), set()
    return _texts(temporary), _texts(permanent)


def _make_plain(message: Message) -> None:
    """Let the library find addresses only as they are read here: its own reading is another with each Python."""
    author = _addresses(message, "From")[:1] or ["MAILER-DAEMON"]  # it takes it for granted that there is one
    failed = _addresses(message, "X-Failed-Recipients")
    _replace(message, "From", author)
    _replace(message, "X-Failed-Recipients", failed)
    for part in message.walk():
        for name in ("Original-Recipient", "Final-Recipient"):
            if value := str(part.get(name, "")):
                _replace(part, name, [_plain_recipient(value)])


def _plain_recipient(value: str) -> str:
    """`TYPE; ADDRESS` (RFC 3464 section 2.3.2), or an address in angle brackets, which some have there."""
    kind, semicolon, text = value.partition(";")
    if not semicolon and not value.startswith("<"):
        return value
    address = next((one.address for one in parse_address_list(text or value, MAX_OCTETS)), "")
    return f"{kind};{address}" if semicolon else f"<{address}>"


def _addresses(message: Message, name: str) -> list[str]:
    values = map(str, message.get_all(name, []))
    return [one.address for value in values for one in parse_address_list(value, MAX_OCTETS)]


def _replace(message: Message, name: str, values: Iterable[str]) -> None:
    del message[name]
    for value in values:
        message[name] = value


def _texts(addresses: frozenset[bytes]) -> set[str]:
    return {one.decode("ascii", "replace") for one in addresses if b"@" in one}


def _may_be_bounce(fields: Sequence[Field]) -> bool:
    """Reports in a known form have been read by now; so this one, if it has such a form, tells of something else."""
    return (
        first_word(fields, b"content-type") != "multipart/report"
        and first_word(fields, b"auto-submitted") in ("", "auto-generated")
        and not value_of(fields, b"precedence")
        and not value_of(fields, b"in-reply-to")
    )


def _why(octets: bytes, fields: Sequence[Field]) -> str:
    text = octets.decode("utf-8", "replace").replace("\r\n", "\n")
    said = _diagnosis(text)
    return one_line(said[1] if said else decoded(value_of(fields, b"subject")), MAX_WHY) or "a report without a reason"


def verp_address(extension: str) -> str:
    """The address in the extension of `LIST-bounces+local=domain@host`, the last '=' being the '@'; '' for none."""
    local, _, domain = extension.rpartition("=")
    return f"{local}@{domain}" if local and domain else ""
