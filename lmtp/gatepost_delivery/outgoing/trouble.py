"""All policy about failures of outgoing mail: what a reply, or the lack of one, means for whom. No I/O here.

- A reply is classified by its first digit, never by a closed list: whatever is unknown or rubbish is temporary.
- A recipient is refused by a 5xx to its RCPT alone. A 5xx to MAIL, to DATA or behind the dot says something about the
  message, and counts against nobody's address.
- A 552 to RCPT is temporary: the mailbox is full (RFC 5321 section 4.5.3.1.10 reads it as 452, too).
- 530 and 538 (RFC 3207 section 4, RFC 4954 section 6: log in first, or use TLS) are about the settings, here or there:
  temporary, like every trouble that is neither the message's nor the recipient's.
- A server that cannot be reached, that does not let one in, or whose certificate does not hold is temporary.
- 421 and rubbish end the session, as a closed connection or a time-out does: whoever has no reply yet is tried later.
  If the dot had been sent, that may make it twice; it is never lost.
- A session that ends before its first reply, on a connection that had been used before, says only that the connection
  had died meanwhile: once, a new one is tried.
"""

from __future__ import annotations

import smtplib
import ssl
from typing import NamedTuple

from gatepost_delivery.outgoing.values import Kind

# Characters of a reply that are kept: a reply's line has at most 512 octets (RFC 5321 section 4.5.3.1.5).
MAX_TEXT = 512

POSITIVE, INTERMEDIATE = 2, 3
_TRANSIENT, _PERMANENT = 4, 5
_CLOSING = 421
_MAILBOX_FULL = 552
_LOG_IN_FIRST = frozenset((530, 538))


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
    return Kind.LATER if reply.code == _MAILBOX_FULL or not _is_permanent(reply) else Kind.REFUSED


def at_message(reply: Reply) -> Kind:
    """What a no to MAIL, to DATA or behind the dot means for all who have not been refused by themselves."""
    return Kind.MESSAGE_REFUSED if _is_permanent(reply) else Kind.LATER


def _is_permanent(reply: Reply) -> bool:
    return reply.code // 100 == _PERMANENT and reply.code not in _LOG_IN_FIRST


def may_be_stale(replies: int, *, used_before: bool) -> bool:
    """Whether a session that ended behind so many replies may have been dead already, so that a new one is tried."""
    return used_before and not replies


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
