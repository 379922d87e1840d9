"""Messages that gatepost writes itself: their headers, and texts wrapped for them. No I/O here.

- Every one says that no person wrote it (RFC 3834 section 5): `auto-replied` where a message is answered,
  `auto-generated` otherwise. Exchange, which looks elsewhere, is asked for no answer too. An answer does not name the
  message (section 3.1.5): a Message-ID is text of whoever wrote it, as its subject is.
- Lines end with CRLF, bodies are wrapped at 72 characters, and all is 7-bit but for an address that is not.
- Nothing that a stranger wrote can end a header or begin one: texts become one line of printable characters first.
- The Message-ID follows from the content: written again, the same message has the same.
"""

from __future__ import annotations

import quopri
import re
import textwrap
from collections.abc import Sequence
from email.header import Header
from email.utils import formatdate
from hashlib import sha256
from typing import NamedTuple, Protocol

WIDTH = 72
# So much of a text that somebody else wrote (a subject, a server's reply) is repeated.
MAX_REPEATED = 300

_NOT_IN_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_is_dot_atom = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+(?:\.[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+)*").fullmatch
_is_phrase = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]*").fullmatch


class Named(Protocol):
    """What a list is called."""

    @property
    def list_name(self) -> str: ...
    @property
    def mail_host(self) -> str: ...
    @property
    def fqdn_listname(self) -> str: ...
    @property
    def display_name(self) -> str: ...


class Original(NamedTuple):
    """The message that owners are told of: its headers' values as text, '' where it has none."""

    subject: str = ""
    message_id: str = ""


class Letter(NamedTuple):
    """What differs from one message to the next.

    sender and to are addresses (`to` may be a list's own); subject and paragraphs are text of any length and kind. A
    paragraph that begins with a space stays as it is, line by line. is_answer: whether it answers a message.
    """

    sender: str
    to: str
    subject: str
    paragraphs: Sequence[str]
    is_answer: bool = False


def address_of(mailing_list: Named, subaddress: str = "", extension: str = "") -> str:
    """A list's address, its sub-address, or that with an extension."""
    local = f"{mailing_list.list_name}-{subaddress}" if subaddress else mailing_list.list_name
    return f"{local}+{extension}@{mailing_list.mail_host}" if extension else f"{local}@{mailing_list.mail_host}"


def title(mailing_list: Named) -> str:
    """What people call the list."""
    return one_line(mailing_list.display_name) or mailing_list.list_name


def one_line(text: str, limit: int = MAX_REPEATED) -> str:
    """Printable characters on one line, at most so many."""
    line = " ".join(_NOT_IN_TEXT.sub(" ", text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def written(mailing_list: Named, letter: Letter, now: float) -> bytes:
    """The message (RFC 5322), from the list to somebody, as of `now` in seconds since the epoch."""
    body = _body(letter.paragraphs)
    charset, encoding = ("us-ascii", "7bit") if body.isascii() else ("utf-8", "quoted-printable")
    octets = body.encode() if body.isascii() else quopri.encodestring(body.encode())
    fields = [
        ("From", _mailbox(letter.sender, title(mailing_list))),
        ("To", _mailbox(letter.to)),
        ("Subject", _text(one_line(letter.subject))),
        ("Date", formatdate(now)),
        ("Auto-Submitted", "auto-replied" if letter.is_answer else "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'text/plain; charset="{charset}"'),
        ("Content-Transfer-Encoding", encoding),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    whole = head.encode() + b"\r\n" + octets.replace(b"\n", b"\r\n")
    message_id = f"Message-ID: <{sha256(whole).hexdigest()[:40]}@{mailing_list.mail_host}>\r\n"
    return message_id.encode() + whole


def _mailbox(address: str, name: str = "") -> str:
    local, _, domain = one_line(address, 400).rpartition("@")
    if not _is_dot_atom(local):
        local = '"{}"'.format(re.sub(r'(["\\])', r"\\\1", local))
    if not name:
        return f"{local}@{domain}"
    return f"{phrase(name)} <{local}@{domain}>"


def phrase(name: str) -> str:
    """A display name, quoted or as encoded words where it has to be (RFC 5322 section 3.2.5, RFC 2047)."""
    if not name.isascii():
        return _text(name)
    return name if _is_phrase(name) else '"{}"'.format(re.sub(r'(["\\])', r"\\\1", name))


def _text(text: str) -> str:
    """Text of a header, as encoded words where it has to be (RFC 2047)."""
    if text.isascii() and "=?" not in text:
        return text
    return Header(text, "utf-8", maxlinelen=64).encode(linesep="\r\n")


def _body(paragraphs: Sequence[str]) -> str:
    """The paragraphs with an empty line between them, wrapped, with LF at the end of each line."""
    return "\n\n".join(_wrapped(paragraph) for paragraph in paragraphs if paragraph) + "\n"


def _wrapped(paragraph: str) -> str:
    if paragraph.startswith(" "):
        return paragraph
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
