"""What a mail to -join, -leave, -confirm or -request asks for: octets in, values out. No I/O here.

- A command stands alone on its line: `join` (`subscribe`), `leave` (`unsubscribe`), `confirm TOKEN`, `help`, `info`.
  It counts in the subject, behind any `Re:` of any language, and in the body.
- The body's first text/plain part is read, up to `end`, `stop` or the line `-- ` of a signature, and no further than
  the limits below. Quoted lines and empty ones are passed over. Lines that are no command are noticed only where the
  subject was none either: who replies to a confirmation may write whatever he likes.
- Nothing here fails, however broken the message is: what cannot be read asks for nothing.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Sequence
from email.message import Message
from enum import StrEnum
from typing import NamedTuple

from gatepost_delivery.fields import Field, Section, decoded, split, value_of
from gatepost_delivery.letters import Original, one_line
from gatepost_lists import parse_address_list
from gatepost_lists.checks import member_address
from gatepost_lists.errors import BadValueError

# So much of a message is read, so deep, so many lines of its text, until so many have been no command.
MAX_OCTETS = 64 * 1024
MAX_DEPTH = 8
MAX_LINES = 50
MAX_COMMANDS = 10
MAX_UNKNOWN = 3
MAX_NAME = 100
# No mailbox needs a longer field.
_MAX_FROM = 2000
_MAX_SUBJECT = 1000

# What mailers put before a subject: a word, perhaps with a number, and a colon (that of Chinese and Japanese too).
_PREFIXES = re.compile(r"(?:\s*[^\W\d_]{1,12}(?:\[\d{1,3}\]|\^\d{1,3})?\s{0,2}[:\uff1a])+").match
_CONFIRM = re.compile(r"confirm\s+([a-z0-9]{16,64})").fullmatch
# Character sets that do not have ASCII in its place; in all others a command is its ASCII.
_WIDE = re.compile(r"utf-?(?:16|32)(?:-?[lb]e)?").fullmatch


class Verb(StrEnum):
    """What can be asked for."""

    JOIN = "join"
    LEAVE = "leave"
    CONFIRM = "confirm"
    HELP = "help"
    INFO = "info"


_WORDS = {
    "join": Verb.JOIN,
    "subscribe": Verb.JOIN,
    "leave": Verb.LEAVE,
    "unsubscribe": Verb.LEAVE,
    "help": Verb.HELP,
    "info": Verb.INFO,
}
_ENDS = frozenset(("end", "stop", "--"))


class Command(NamedTuple):
    """One thing that is asked for; a token comes with confirm alone."""

    verb: Verb
    token: str = ""


class Commands(NamedTuple):
    """What is asked for, each thing once; unknown: whether there was something else, which was no command."""

    asked: tuple[Command, ...]
    unknown: bool


class Author(NamedTuple):
    """Who a message says it is from: an address that can be kept, as it was written, and a name, which may be ''."""

    email: str
    display_name: str


def commands_for(subaddress: str, extension: str, section: Section) -> Commands:
    """What a mail to this sub-address asks for."""
    if subaddress in (Verb.JOIN, Verb.LEAVE):
        return Commands((Command(Verb(subaddress)),), unknown=False)
    if subaddress == Verb.CONFIRM and extension:
        return Commands((Command(Verb.CONFIRM, extension.lower()),), unknown=False)
    found = _commands(section)
    if subaddress == Verb.CONFIRM:
        asked = tuple(one for one in found.asked if one.verb is Verb.CONFIRM)
        return Commands(asked, unknown=not asked)
    return found


def author_of(fields: Sequence[Field], sender: str) -> Author | None:
    """The first address in From, else the envelope's sender; None where neither can be kept."""
    first = next(iter(parse_address_list(value_of(fields, b"from"), _MAX_FROM)), None)
    if first and (email := deliverable(first.address)):
        return Author(email, one_line(decoded(first.name), MAX_NAME))
    return Author(email, "") if (email := deliverable(sender)) else None


def deliverable(text: str) -> str:
    """An address as it was written, if a store could keep it; '' otherwise."""
    try:
        address = member_address(text)
    except BadValueError:
        return ""
    return f"{address.spelt}@{address.domain}"


def original_of(fields: Sequence[Field]) -> Original:
    """What owners are told of a message."""
    return Original(
        subject=decoded(value_of(fields, b"subject")[:_MAX_SUBJECT]),
        message_id=value_of(fields, b"message-id"),
    )


def _commands(section: Section) -> Commands:
    subject = _command(_without_prefixes(decoded(value_of(section.fields, b"subject")[:_MAX_SUBJECT])))
    asked = [subject] if subject else []
    unknown = 0
    for line in _lines(text_of(section)):
        if line in _ENDS or unknown >= MAX_UNKNOWN or len(asked) >= MAX_COMMANDS:
            break
        if command := _command(line):
            asked.append(command)
        else:
            unknown += 1
    return Commands(tuple(dict.fromkeys(asked)), unknown=not asked or (unknown > 0 and subject is None))


def _without_prefixes(subject: str) -> str:
    return subject[found.end() :] if (found := _PREFIXES(subject)) else subject


def _command(line: str) -> Command | None:
    words = " ".join(line.lower().split())
    if verb := _WORDS.get(words):
        return Command(verb)
    if found := _CONFIRM(words):
        return Command(Verb.CONFIRM, found[1])
    return None


def _lines(text: str) -> Iterator[str]:
    """The text's first lines that say something."""
    for line in text.splitlines()[:MAX_LINES]:
        stripped = line.strip()
        if stripped and not stripped.startswith(">"):
            yield stripped.lower()


def text_of(section: Section, depth: int = 0) -> str:
    """The first text/plain part, decoded; '' where there is none."""
    about = _content_type(section)
    body = b"".join(piece[:MAX_OCTETS] for piece in section.rest)[:MAX_OCTETS]
    kind = about.get_content_maintype()
    if kind == "multipart" and depth < MAX_DEPTH:
        return next(filter(None, (text_of(split(part), depth + 1) for part in _parts(about, body))), "")
    if about.get_content_type() != "text/plain":
        return ""
    return _decoded(about, value_of(section.fields, b"content-transfer-encoding").lower(), body)


def _content_type(section: Section) -> Message:
    """Something that can read a Content-Type; where there is none, or a broken one, it is text/plain."""
    about = Message()
    value = value_of(section.fields, b"content-type")[:_MAX_SUBJECT]
    if value and value.isascii() and "*" not in value:  # RFC 2231 is for file names
        about["Content-Type"] = value
    return about


def _parts(about: Message, body: bytes) -> list[bytes]:
    boundary = about.get_boundary("")
    if not boundary:
        return []
    line = re.compile(rb"^--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*\r?\n?", re.MULTILINE)
    return line.split(body, maxsplit=MAX_LINES)[1:]


def _decoded(about: Message, encoding: str, body: bytes) -> str:
    if encoding == "quoted-printable":
        body = quopri.decodestring(body)
    elif encoding == "base64":
        body = _from_base64(body)
    charset = str(about.get_param("charset", "")).lower()
    return body.decode(charset if _WIDE(charset) else "utf-8", "replace")


def _from_base64(body: bytes) -> bytes:
    """As much as can be read of it: it may be cut off, or broken."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
