"""Lines that name a person: from a file of addresses, or from what Mailman exports.

One address a line, `Name <address>`, `"Quoted, Name" <address>`, `address (Name)`; and CSV whose first line names its
columns. Blank lines and what stands behind a `#` at the start of a line, or after white space, are no addresses.
No I/O here beyond reading what is handed in.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import BinaryIO, NamedTuple

from gatepost_lists import checks
from gatepost_lists.errors import BadValueError

# Longer lines are no addresses; so much of one is looked at.
MAX_LINE_OCTETS = 4096

# Addresses that need no more than lower-casing: every one of these is a strict_address. The length is looked at apart.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_PLAIN = re.compile(rf"[A-Za-z0-9_.=+\-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*").fullmatch
_COMMENT = re.compile(r"(?:^|\s)#[^<>]*$")
_NAMED = re.compile(r"(.*?)\s*<([^<>]*)>", re.DOTALL).fullmatch
_NAME_BEHIND = re.compile(r"(\S+)\s+\((.*)\)").fullmatch
_QUOTED_PAIR = re.compile(r"\\(.)")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ADDRESS_COLUMNS = frozenset(("email", "e-mail", "address", "email address", "e-mail address", "mail"))
_NAME_COLUMNS = frozenset(("name", "display name", "display_name", "full name", "fullname", "real name", "realname"))


class LineError(ValueError):
    """A line that names nobody. The message says why."""


class Person(NamedTuple):
    """email is the form in which it is compared, original how it was written; display_name may be ''."""

    email: str
    original: str
    display_name: str


def parse_line(text: str) -> Person:
    """Read one line that is neither blank nor a comment. Raises LineError."""
    if _PLAIN(text) and len(text) <= 254:
        return Person(text.lower(), text, "")
    text = text.strip().rstrip(",; \t")
    if named := _NAMED(text):
        return _person(named[2], _unquoted(named[1]))
    if named := _NAME_BEHIND(text):
        return _person(named[1], named[2])
    return _person(text, "")


def _person(text: str, display_name: str) -> Person:
    text = text.strip()
    try:
        address = checks.member_address(text)
    except BadValueError as error:
        raise LineError(str(error)) from error
    return Person(str(address), text, _readable(display_name))


def _unquoted(name: str) -> str:
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        return _QUOTED_PAIR.sub(r"\1", name[1:-1]).strip()
    return name


def _readable(name: str) -> str:
    """The name with encoded words (RFC 2047) decoded, on one line."""
    if "=?" in name:
        from email.errors import HeaderParseError  # noqa: PLC0415 - rarely needed
        from email.header import decode_header, make_header  # noqa: PLC0415

        # An unknown character set, or text that is not in it: the name stays as it was written.
        with suppress(HeaderParseError, LookupError, ValueError):
            name = str(make_header(decode_header(name)))
    return _NOT_IN_NAMES.sub(" ", name).strip()


class Line(NamedTuple):
    """What one line of a file came to: a person, or why there is none. number counts from 1."""

    number: int
    person: Person | None
    text: str = ""
    why: str = ""


def read_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """Read a file's lines; blank lines, comments and a CSV header yield nothing. Never raises over a line."""
    parse: Callable[[str], Person] | None = None
    for number, octets in enumerate(lines, 1):
        raw = octets.removeprefix(b"\xef\xbb\xbf") if number == 1 else octets
        try:
            text = raw.decode().strip()
            if not text or text[0] == "#":
                continue
            if parse is None:
                parse, header = _format(text)
                if header:
                    continue
            yield Line(number, parse(text))
        except UnicodeDecodeError:
            yield Line(number, None, _shortened(octets), "it is no UTF-8")
        except ValueError as error:
            yield Line(number, None, _shortened(octets), str(error))


def _shortened(octets: bytes) -> str:
    text = octets.decode("utf-8", "backslashreplace").strip()
    return text if len(text) <= 60 else text[:59] + "…"


def _format(first: str) -> tuple[Callable[[str], Person], bool]:
    """How to read the lines of a file with this first line, and whether that line is a CSV header."""
    columns = [column.strip().lower() for column in _fields(first)]
    where = [at for at, column in enumerate(columns) if column in _ADDRESS_COLUMNS]
    if where:
        names = [at for at, column in enumerate(columns) if column in _NAME_COLUMNS]
        return partial(_parse_csv, where[0], names[0] if names else None), True
    return _parse_text, False


def _fields(text: str) -> list[str]:
    try:
        return next(csv.reader([text]))
    except csv.Error as error:
        raise LineError(str(error)) from error


def _parse_csv(address_at: int, name_at: int | None, text: str) -> Person:
    fields = _fields(text)
    if len(fields) <= address_at:
        raise LineError("it has no column with an address")
    person = parse_line(fields[address_at])
    if name_at is None or len(fields) <= name_at:
        return person
    return person._replace(display_name=person.display_name or _readable(fields[name_at]))


def _parse_text(text: str) -> Person:
    return parse_line(_COMMENT.sub("", text) if "#" in text else text)


def octet_lines(file: BinaryIO) -> Iterator[bytes]:
    """The file's lines without ever holding more than MAX_LINE_OCTETS of one: the rest of a longer one is cut off."""
    for piece in iter(partial(file.readline, MAX_LINE_OCTETS), b""):
        yield piece
        while len(piece) == MAX_LINE_OCTETS and not piece.endswith(b"\n"):
            piece = file.readline(MAX_LINE_OCTETS)  # noqa: PLW2901 - the rest of a line that is too long
