"""What LMTP dialogues are made of: lists, commands, the replies to them, and how one dialogue is written down.

The receiver under test takes LIMIT octets a message and MAX_RECIPIENTS recipients.
"""

from typing import NamedTuple

DIRECTORY = """
[domains."lists.example"]
alias_domain = "l.example"
[domains."shared.example"]
shared = true
[lists."closed@lists.example"]
members = ["anne@example.org", "zoë@example.org"]
default_nonmember_action = "reject"
max_message_size = 10
[lists."open@lists.example"]
bans = ["mallory@example.net"]
default_nonmember_action = "accept"
[lists."grüße@lists.example"]
default_nonmember_action = "accept"
[lists."team@lists.example"]
default_nonmember_action = "accept"
[lists."team-owner@lists.example"]
default_nonmember_action = "accept"
"""
LIMIT = 100_000
MAX_RECIPIENTS = 120

OK, SENDER, RECIPIENT, GO_ON, BYE, HELP = "250 2.0.0", "250 2.1.0", "250 2.1.5", "354", "221 2.0.0", "214 2.0.0"
QUEUED, GREETED = "250 2.0.0", "250"
UNKNOWN_COMMAND, BAD_LINE, SYNTAX, ORDER = "500 5.5.1", "500 5.5.2", "501 5.5.4", "503 5.5.1"
UNKNOWN_PARAMETER, NO_SUCH_LIST, NOT_OURS = "555 5.5.4", "550 5.1.1", "550 5.1.2"
NOT_YOU, BANNED, BAD_RECIPIENT, BAD_SENDER = "550 5.7.2", "550 5.7.1", "553 5.1.3", "553 5.1.7"
NEEDS_UTF8, TOO_LARGE, TOO_BIG_FOR_LIST = "553 5.6.7", "552 5.3.4", "552 5.2.3"
TOO_MANY, NO_PARSE, LOOP = "452 4.5.3", "554 5.6.0", "554 5.4.6"
NOT_IMPLEMENTED, NOT_TRUSTED, TOO_MANY_ERRORS = "502 5.5.1", "550 5.7.0", "421 4.7.0"

LHLO = b"LHLO mx.example.org\r\n"
MAIL = b"MAIL FROM:<anne@example.org>\r\n"
NULL = b"MAIL FROM:<>\r\n"
STRANGER = b"MAIL FROM:<cris@example.org>\r\n"
RCPT = b"RCPT TO:<closed@lists.example>\r\n"
OPEN = b"RCPT TO:<open@lists.example>\r\n"
NOBODY = b"RCPT TO:<nobody@lists.example>\r\n"
DATA = b"DATA\r\n"
TEXT = b"From: anne@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"
DOT = b".\r\n"
MESSAGE = TEXT + DOT


class Dialogue(NamedTuple):
    """sent: all that the client sends. replied: what it gets. hangs_up: the receiver ends the connection.

    kept: what must stand in the message that is queued, b'' for whatever. trusted: said to a receiver that believes
    XFORWARD.
    """

    name: str
    sent: bytes
    replied: tuple[str, ...]
    hangs_up: bool = False
    kept: bytes = b""
    trusted: bool = False


def said(name: str, sent: bytes, *replied: str, hangs_up: bool = False) -> Dialogue:
    """A dialogue that begins with LHLO."""
    return Dialogue(name, LHLO + sent, (GREETED, *replied), hangs_up)


def forwarded(name: str, sent: bytes, *replied: str) -> Dialogue:
    """A dialogue with a receiver that believes XFORWARD."""
    return said(name, sent, *replied)._replace(trusted=True)


def mailed(name: str, command: bytes, reply: str) -> Dialogue:
    """One MAIL, and RSET."""
    return said(name, command + b"\r\nRSET\r\n", reply, OK)


def asked(name: str, recipient: bytes, reply: str, mail: bytes = MAIL) -> Dialogue:
    """One RCPT, and RSET."""
    return said(name, mail + b"RCPT TO:" + recipient + b"\r\nRSET\r\n", SENDER, reply, OK)


def sent(name: str, data: bytes, *replies: str, kept: bytes = b"") -> Dialogue:
    """One message to the closed list."""
    dialogue = said(name, MAIL + RCPT + DATA + data, SENDER, RECIPIENT, GO_ON, *replies)
    return dialogue._replace(kept=kept)


def verified(name: str, arg: bytes, reply: str) -> Dialogue:
    return said(name, b"VRFY " + arg + b"\r\n", reply)


BIG = b"Subject: big\r\n\r\n" + b"x" * 76 + b"\r\n"
