"""A message as it goes over the wire (RFC 5321 sections 2.3.8 and 4.5.2). No I/O here.

Every line ends with CR LF: a CR or LF that stands alone becomes one, because mail servers do not agree on what it
means, and two that do not can be made to see different messages. A dot at a line's beginning is doubled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_line_ends = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Content:
    """A message made ready once for all who get it.

    wire: its octets with the dot behind them. size: as SIZE announces it (RFC 1870 section 4), in octets, without what
    the dots add. eight_bit: it has octets over 127.
    """

    wire: bytes
    size: int
    eight_bit: bool


def prepared(message: bytes) -> Content:
    """The message, made ready."""
    crlf = message.count(b"\r\n")
    if message.count(b"\r") != crlf or message.count(b"\n") != crlf:
        message = _line_ends.sub(b"\r\n", message)
    end = b".\r\n" if message.endswith(b"\r\n") or not message else b"\r\n.\r\n"
    first = b"." if message.startswith(b".") else b""
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    return Content(b"".join((first, stuffed, end)), len(message) + len(end) - 3, not message.isascii())
