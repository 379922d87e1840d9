"""The headers of a message: what is read in them and what is put to them. Octets in, octets out; no I/O.

- What came is kept octet for octet, and in its order, but for: Message-ID-Hash and X-Message-ID-Hash (taken out: they
  are ours to set), a Message-ID that is empty or in square brackets (put right), a `From ` line of a mailbox (taken
  out).
- The header section ends at the empty line, or before the first line that is no header; there an empty line is put in.
- Nothing here fails on what a client sends.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha1
from typing import NamedTuple

from gatepost_lists import Headers

# A longer header section is kept, but its headers beyond this are neither read nor changed.
MAX_HEADER_OCTETS = 256 * 1024

_field = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)").match
_from_line = re.compile(rb">?From [^\n]*\n").match
# What some mailers make of a Message-ID: [id] and <[id]>.
_in_square_brackets = re.compile(rb"<?\[([^\[\]<>]+)\]>?").fullmatch

_HASHES = frozenset((b"message-id-hash", b"x-message-id-hash"))
_JUDGED = frozenset((b"list-id", b"x-beenthere", b"from", b"sender", b"reply-to"))


class Section(NamedTuple):
    """A header section, read.

    fields: every header with its line ends, in order, without the Message-ID-Hash ones. message_id: the value as it is
    to be, b'' where there is none. headers: what the judge wants to know. rest: all that stands behind the fields,
    which begins with an empty line.
    """

    fields: list[bytes]
    message_id: bytes
    headers: Headers
    rest: bytes


NO_SECTION = Section([], b"", Headers(), b"")


def read_section(octets: bytes, *, cut: bool = False) -> Section:
    """Read the beginning of a message, up to the empty line, or as far as it was kept apart.

    cut: more headers may follow what is given.
    """
    fields: list[bytes] = []
    message_id = b""
    headers = Headers()
    at = found.end() if (found := _from_line(octets)) else 0
    while field := _field(octets, at):
        name, at = field[1].lower(), field.end()
        if name in _HASHES:
            continue
        text = field[0]
        if name == b"message-id" and not message_id:
            message_id = field[2].strip()
            if found := _in_square_brackets(message_id):
                message_id = b"<%b>" % found[1]
                text = b"Message-ID: %b\r\n" % message_id
            elif not message_id:
                continue
        elif name in _JUDGED:
            headers.add(name.decode("ascii"), field[2].decode("utf-8", "surrogateescape"))
        fields.append(text)
    rest = octets[at:]
    return Section(fields, message_id, headers, rest if cut or rest.startswith(b"\r\n") else b"\r\n" + rest)


def rebuilt(section: Section, above: bytes, message_id: bytes, sender: str) -> bytes:
    """The header section as it is kept, with what stands behind it.

    above: header lines that come first. message_id: one that was made, b'' to keep the message's own. sender: the
    envelope's, for X-MailFrom.
    """
    below = [b"Message-ID: %b\r\n" % message_id] if message_id else []
    digest = b32encode(sha1(_bare(message_id or section.message_id), usedforsecurity=False).digest())
    below.append(b"Message-ID-Hash: %b\r\nX-Message-ID-Hash: %b\r\n" % (digest, digest))
    below.append(b"X-MailFrom: %b\r\n" % (sender.encode("utf-8", "surrogateescape") or b"<>"))
    return b"".join((above, *section.fields, *below, section.rest))


def _bare(message_id: bytes) -> bytes:
    """Without the angle brackets, which are no part of the hash (RFC 5064)."""
    return message_id[1:-1] if message_id.startswith(b"<") and message_id.endswith(b">") else message_id


def return_path(sender: str) -> bytes:
    """The header line with the envelope sender (RFC 5321 section 4.4)."""
    return b"Return-Path: <%b>\r\n" % sender.encode("utf-8", "surrogateescape")


def received(greeting: str, peer: str, hostname: str, protocol: str, trace: str, date: str) -> bytes:
    """The header line that tells the message's way (RFC 5321 section 4.4, RFC 3848, RFC 6531 section 4.3).

    greeting: the client's LHLO; peer: its IP address, '' over a UNIX socket; protocol: LMTP or UTF8LMTP.
    """
    if peer:
        peer = f"[IPv6:{peer.partition('%')[0]}]" if ":" in peer else f"[{peer}]"
    line = f"Received: from {greeting} ({peer or 'local'})\r\n\tby {hostname} (gatepost) with {protocol}"
    return f"{line}\r\n\tid {trace}; {date}\r\n".encode()
