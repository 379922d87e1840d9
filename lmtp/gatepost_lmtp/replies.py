"""What the receiver says (RFC 5321 section 4.2, RFC 3463). No I/O. Every text is printable ASCII."""

from __future__ import annotations

from gatepost_lists import Answer, Verdict

OK = b"250 2.0.0 ok\r\n"
SENDER_OK = b"250 2.1.0 sender ok\r\n"
GO_ON = b"354 end data with <CR><LF>.<CR><LF>\r\n"
BYE = b"221 2.0.0 bye\r\n"
HELP = b"214 2.0.0 this is gatepost: LHLO MAIL RCPT DATA RSET VRFY NOOP HELP QUIT (RFC 2033)\r\n"
NOT_LMTP = b"500 5.5.1 this is LMTP: say LHLO\r\n"
UNKNOWN_COMMAND = b"500 5.5.1 no such command\r\n"
NOT_IMPLEMENTED = b"502 5.5.1 not implemented here\r\n"
LINE_TOO_LONG = b"500 5.5.2 the command line is too long\r\n"
BARE_LINE_FEED = b"500 5.5.2 a command line ends with CR LF\r\n"
BAD_SYNTAX = b"500 5.5.2 this is no command\r\n"
NO_ARGUMENT = b"501 5.5.4 this command has no argument\r\n"
LHLO_FIRST = b"503 5.5.1 say LHLO first\r\n"
MAIL_FIRST = b"503 5.5.1 say MAIL first\r\n"
MAIL_ALREADY = b"503 5.5.1 MAIL has been said already\r\n"
NO_RECIPIENT = b"503 5.5.1 no recipient has been accepted\r\n"
NOT_NOW = b"503 5.5.1 not within a transaction\r\n"
NOT_TRUSTED = b"550 5.7.0 XFORWARD is not believed from here\r\n"
TOO_LARGE = b"552 5.3.4 the message is over this server's limit\r\n"
LONG_TEXT_LINE = b"554 5.6.0 a line of the message is over 998 octets\r\n"
NOTHING_THERE = b"554 5.6.0 the message is empty\r\n"
TOO_MANY_RECIPIENTS = b"452 4.5.3 too many recipients\r\n"
NO_ROOM = b"452 4.3.1 no room for the message now, try again later\r\n"
TROUBLE = b"451 4.3.0 cannot tell now, try again later\r\n"
TIMED_OUT = b"421 4.4.2 nothing came for too long\r\n"
SHUTTING_DOWN = b"421 4.3.2 the service is going down\r\n"
TOO_MANY_ERRORS = b"421 4.7.0 too many bad commands\r\n"
TOO_MANY_CONNECTIONS = b"421 4.3.2 too many connections, and this one is idle\r\n"
FAULT = b"421 4.3.0 a fault of ours, try again later\r\n"

_NOT_OURS_BUT_OUR_DOMAIN = b"550 5.1.1 no such mailing list\r\n"


def reply_to(verdict: Verdict) -> bytes:
    """The reply to a recipient. A shared domain's unknown is not ours, but has the domain: no such address there."""
    if verdict.answer is Answer.NOT_OURS and verdict.domain:
        return _NOT_OURS_BUT_OUR_DOMAIN
    return b"%d %b %b\r\n" % (verdict.code, verdict.status.encode(), verdict.text.encode("ascii", "replace"))


def taken(trace: str) -> bytes:
    """The reply for a recipient whose mail is on stable storage."""
    return b"250 2.0.0 queued as %b\r\n" % trace.encode()
