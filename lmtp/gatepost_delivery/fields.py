"""A message's header fields as octets: taken apart, chosen from, put together again. No I/O here.

- What is not meant stays octet for octet, in its order: fields, the body, line ends of whatever kind.
- The header section ends at the empty line, or before the first line that is no field; there an empty line is put in.
  It also ends after MAX_HEADER_OCTETS: what nobody here has read, nobody behind may take for a field.
- Nothing here fails on what a client sends, and the body is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.errors import MessageError
from email.header import decode_header, make_header
from typing import NamedTuple

# Of a longer header section, what begins behind this is body.
MAX_HEADER_OCTETS = 256 * 1024

_field = re.compile(rb"([!-9;-~]+)[ \t]*:(?:[^\n]*\n)(?:[ \t][^\n]*\n)*").match
_line_ends = re.compile(r"[\r\n]+")


class Field(NamedTuple):
    """A header field: its name in lower case, and all its octets, line ends included."""

    name: bytes
    octets: bytes

    @property
    def text(self) -> str:
        """The value on one line; octets that are no UTF-8 are surrogate escapes."""
        value = self.octets.partition(b":")[2].decode("utf-8", "surrogateescape")
        return _line_ends.sub(" ", value).strip()


class Section(NamedTuple):
    """A message taken apart: its header fields, and all that stands behind them, which `rebuilt` puts below them."""

    fields: Sequence[Field]
    rest: tuple[bytes | memoryview, ...]


def split(content: bytes) -> Section:
    """Take a message apart. The body is not copied."""
    fields: list[Field] = []
    at = 0
    while at < MAX_HEADER_OCTETS and (found := _field(content, at)):
        fields.append(Field(found[1].lower(), found[0]))
        at = found.end()
    rest = memoryview(content)[at:]
    is_whole = content.startswith((b"\r\n", b"\n"), at)
    return Section(fields, (rest,) if is_whole else (b"\r\n", rest))


def rebuilt(section: Section, above: Iterable[bytes] = ()) -> bytes:
    """The message, with these octets above its first field."""
    return b"".join((*above, *(field.octets for field in section.fields), *section.rest))


def field(name: str, value: str) -> Field:
    """A field of our own; the value may be folded already. Surrogate escapes become the octets that they were."""
    return Field(name.lower().encode(), f"{name}: {value}\r\n".encode("utf-8", "surrogateescape"))


def value_of(fields: Iterable[Field], name: bytes) -> str:
    """The text of the first field of this name; '' where there is none."""
    return next((field.text for field in fields if field.name == name), "")


def decoded(text: str) -> str:
    """A header's text with its encoded words read (RFC 2047); as it is where they cannot be."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):
        return text
