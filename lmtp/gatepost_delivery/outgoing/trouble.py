"""All policy about failures of outgoing mail: what a reply, or the lack of one, means for whom. No I/O here.

- A reply is classified by its first digit, never by a closed list: whatever is unknown or rubbish is temporary.
- A recipient is refused by a 5xx to its RCPT alone, and then only if the reply is about an address or a mailbox (RFC
  3463: subjects 1 and 2). A server that is not to relay for us says so at RCPT, too, and so do many that dislike our
  address, our HELO or our sender: that is about the client, and tried again. So are 530 and 538 (RFC 3207 section 4,
  RFC 4954 section 6: log in first, or use TLS), and a 5xx before any RCPT, or to DATA, unless it is about the message.
- What a reply to RCPT without a status, or with one of another subject, is about can only be told from what becomes of
  other recipients (refusals.py).
- A 5xx behind the dot says something about the message, and counts against nobody's address.
- A 552 to RCPT is temporary: the mailbox is full (RFC 5321 section 4.5.3.1.10 reads it as 452, too).
- A server that cannot be reached, that does not let one in, or whose certificate does not hold is temporary.
- 421 and rubbish end the session, as a closed connection or a time-out does: whoever has no reply yet is tried later.
  If the dot had been sent, that may make it twice; it is never lost.
- A session that ends before its first reply, on a connection that had been used before, says only that the connection
  had died meanwhile: once, a new one is tried.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from typing import NamedTuple

from gatepost_delivery.outgoing.values import Kind

# Characters of a reply that are kept: a reply's line has at most 512 octets (RFC 5321 section 4.5.3.1.5).
MAX_TEXT = 512

POSITIVE, INTERMEDIATE = 2, 3
_TRANSIENT, _PERMANENT = 4, 5
_CLOSING = 421
_TOO_MUCH = 552
_LOG_IN_FIRST = ("530", "538")

# RFC 3463 and the registry that it began: subject and detail of a permanent status. qmail writes it at the end.
_status = re.compile(r"(?:^(?:\d{3}[ -])?|\(#)5\.(\d{1,3})\.(\d{1,3})\b").search
_NOTHING, _ADDRESS, _MAILBOX, _PROTOCOL, _CONTENT, _POLICY = 0, 1, 2, 5, 6, 7
# Our address as a sender: its syntax, its domain. An address that needs SMTPUTF8 where there is none.
_ABOUT_CLIENT = frozenset(((_ADDRESS, 7), (_ADDRESS, 8), (_CONTENT, 7)))
# The length of the message: for a mailbox, for the server.
_ABOUT_LENGTH = frozenset(((_MAILBOX, 3), (3, 4)))
# Exim says `relay not permitted` without a status, and others have words of their own.
_is_about_relaying = re.compile(
    r"\brelay(?:ing)?(?: access)?(?: is)? (?:denied|not|prohibited|refused)\b|\b(?:not|cannot|unable to) relay\b",
    re.IGNORECASE,
).search


class Unusable(OSError):
    """The mail server does not offer what the settings ask for. The message says what."""


class Ended(OSError):
    """The mail server has ended the session with a reply, or its replies make no sense."""


class Reply(NamedTuple):
    """What a mail server has said, in one line without control characters."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def reply_of(code: int, octets: bytes) -> Reply:
    """A reply as smtplib gives it: its lines without their codes."""
    return Reply(code, _one_line(octets.decode("utf-8", "replace")))


def is_positive(reply: Reply) -> bool:
    """Whether it says yes to a command that nothing follows."""
    return reply.code // 100 == POSITIVE


def ends_session(reply: Reply, wanted: int = POSITIVE) -> bool:
    """Whether nothing more can be asked behind it. `wanted` is the first digit of a yes to this command."""
    return reply.code == _CLOSING or reply.code // 100 not in {wanted, _TRANSIENT, _PERMANENT}


def at_recipient(reply: Reply) -> Kind:
    """What a no to RCPT means for that recipient."""
    if reply.code == _TOO_MUCH or not _is_permanent(reply):
        return Kind.LATER
    if is_about_client(str(reply)):
        return Kind.CLIENT_REFUSED
    return Kind.REFUSED if _subject(reply) in {_ADDRESS, _MAILBOX} else Kind.UNCLEAR


def before_content(reply: Reply) -> Kind:
    """What a no to MAIL or to DATA means for all who have not been refused by themselves.

    Of the message the server knows no more by then than how long it is, and which extensions it needs.
    """
    if not _is_permanent(reply):
        return Kind.LATER
    is_about_message = reply.code == _TOO_MUCH or _parts(str(reply)) in _ABOUT_LENGTH or _subject(reply) == _CONTENT
    return Kind.MESSAGE_REFUSED if is_about_message and not is_about_client(str(reply)) else Kind.CLIENT_REFUSED


def behind_content(reply: Reply) -> Kind:
    """What a no behind the dot means for all who have not been refused by themselves."""
    if not _is_permanent(reply):
        return Kind.LATER
    return Kind.CLIENT_REFUSED if str(reply).startswith(_LOG_IN_FIRST) else Kind.MESSAGE_REFUSED


def is_about_client(line: str) -> bool:
    """Whether a permanent reply, or what a report repeats of one, is about who sends, and not about a recipient."""
    subject, detail = _parts(line)
    if subject == _NOTHING and _is_about_relaying(line):
        return True
    is_client = subject in {_PROTOCOL, _POLICY} or (subject, detail) in _ABOUT_CLIENT
    return is_client or line.startswith(_LOG_IN_FIRST)


def code_and_status(line: str) -> str:
    """'554 5.7.1' of a permanent reply, or '554' where it has no status: what is said to many in the same words."""
    found = _status(line)
    return f"{line[:3]} 5.{found[1]}.{found[2]}" if found else line[:3]


def _parts(line: str) -> tuple[int, int]:
    """Subject and detail of a reply's permanent status; (0, 0) where it has none."""
    found = _status(line)
    return (int(found[1]), int(found[2])) if found else (_NOTHING, 0)


def _subject(reply: Reply) -> int:
    return _parts(str(reply))[0]


def _is_permanent(reply: Reply) -> bool:
    return reply.code // 100 == _PERMANENT


def may_be_stale(replies: int, *, used_before: bool) -> bool:
    """Whether a session that ended behind so many replies may have been dead already, so that a new one is tried."""
    return used_before and not replies


def at_opening(error: Exception) -> Kind:
    """What it means for all that no session could be opened."""
    is_refusal = isinstance(error, smtplib.SMTPResponseException) and error.smtp_code // 100 == _PERMANENT
    return Kind.CLIENT_REFUSED if is_refusal else Kind.LATER


def unreachable(server: str, error: Exception) -> str:
    """The reply for all, where no session could be opened (RFC 3463: 4.4.1 no answer, 4.7.0 and 4.7.5 security)."""
    return _told("4.7.5" if isinstance(error, ssl.SSLError) else _opening_status(error), server, error)


def _opening_status(error: Exception) -> str:
    return "4.7.0" if isinstance(error, Unusable | smtplib.SMTPAuthenticationError) else "4.4.1"


def broken_off(server: str, error: Exception) -> str:
    """The reply for whoever had none yet when the session ended (RFC 3463: 4.4.2, bad connection)."""
    return _told("4.4.2", server, error)


def _told(status: str, server: str, error: Exception) -> str:
    return f"451 {status} {_one_line(f'{server}: {_reason(error)}')}"


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the mail server does not take smtp_user and smtp_pass: {_said(error)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server said {_said(error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return str(reply_of(error.smtp_code, text if isinstance(text, bytes) else text.encode()))


def _one_line(text: str) -> str:
    text = text[: 2 * MAX_TEXT]
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:MAX_TEXT]
