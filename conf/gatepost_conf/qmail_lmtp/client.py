"""One LMTP transaction with one recipient (RFC 2033), one command at a time.

Rules: only a reply that speaks of this message or these addresses bounces it: 550 to 554, to MAIL, RCPT, DATA or the
message. Every other refusal is a server that is down, the wrong one, or set up badly, and the message stays in qmail's
queue. Waits are those of RFC 5321 section 4.5.3.2.
"""

import contextlib
import os
import re
import socket
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from gatepost_conf.qmail_lmtp.content import as_data
from gatepost_conf.qmail_lmtp.envelope import Envelope
from gatepost_conf.qmail_lmtp.outcomes import Bounced, TryAgain

Endpoint = tuple[str, int] | str

CONNECT_SECONDS = 30.0
REPLY_SECONDS = 300.0
LAST_REPLY_SECONDS = 600.0
_GOODBYE_SECONDS = 3.0
_LONGEST_LINE = 4096
_MOST_LINES = 100
_line = re.compile(rb"([2-5][0-9]{2})([ -]?)([^\r\n]*)\r?\n").fullmatch


class Reply(NamedTuple):
    """A reply: its code, and its lines with the code before each."""

    code: int
    lines: tuple[str, ...]

    @property
    def keywords(self) -> set[str]:
        """The extensions that a reply to LHLO announces."""
        return {line[4:].partition(" ")[0].upper() for line in self.lines[1:]}

    def __str__(self) -> str:
        return "\n".join(self.lines)


def deliver(endpoint: Endpoint, envelope: Envelope, message: Iterable[bytes], size: int | None) -> None:
    """Hand a message over to the server at (host, port) or at the path of its socket.

    message: chunks with LF line ends, read once. size: octets, where they are known. Raises Bounced or TryAgain, and
    whatever reading the message raises; the server has not taken it then.
    """
    try:
        connection = _connect(endpoint)
    except OSError as error:
        raise TryAgain(f"cannot reach {_shown(endpoint)}: {error.strerror or error}") from error
    try:
        with connection, connection.makefile("rb") as replies:
            _Session(connection, replies).deliver(envelope, message, size)
    except OSError as error:
        raise TryAgain(f"{_shown(endpoint)}: {error.strerror or error}") from error


def _connect(endpoint: Endpoint) -> socket.socket:
    if not isinstance(endpoint, str):
        return socket.create_connection(endpoint, CONNECT_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(endpoint)
    except OSError:
        connection.close()
        raise
    return connection


def _shown(endpoint: Endpoint) -> str:
    return endpoint if isinstance(endpoint, str) else f"{endpoint[0]} port {endpoint[1]}"


class _Session:
    def __init__(self, connection: socket.socket, replies: BinaryIO) -> None:
        self._connection = connection
        self._replies = replies

    def deliver(self, envelope: Envelope, message: Iterable[bytes], size: int | None) -> None:
        self._connection.settimeout(REPLY_SECONDS)
        self._expect_service(self._reply())
        announced = self._expect_service(self._command(f"LHLO {_own_name()}".encode())).keywords
        options = _options(announced, envelope, size)
        _expect(2, self._command(b"MAIL FROM:<%b>%b" % (envelope.sender, options)))
        _expect(2, self._command(b"RCPT TO:<%b>" % envelope.recipient))
        _expect(3, self._command(b"DATA"))
        for octets in as_data(message):
            self._connection.sendall(octets)
        self._connection.settimeout(LAST_REPLY_SECONDS)
        _expect(2, self._reply())
        self._say_goodbye()

    @staticmethod
    def _expect_service(reply: Reply) -> Reply:
        if reply.code // 100 != 2:
            raise TryAgain(str(reply))
        return reply

    def _command(self, line: bytes) -> Reply:
        self._connection.sendall(line + b"\r\n")
        return self._reply()

    def _reply(self) -> Reply:
        lines = []
        for _ in range(_MOST_LINES):
            octets = self._replies.readline(_LONGEST_LINE)
            if not octets:
                raise TryAgain("the server has closed the connection")
            line = _line(octets)
            if not line:
                raise TryAgain(f"this is no reply: {octets!r}")
            lines.append(_printable(line[1] + b" " + line[3]))
            if line[2] != b"-":
                return Reply(int(line[1]), tuple(lines))
        raise TryAgain("a reply has no end")

    def _say_goodbye(self) -> None:
        """End it so that the server sees its reply received: nothing may be left unread when the connection closes."""
        with contextlib.suppress(OSError, TryAgain):
            self._connection.settimeout(_GOODBYE_SECONDS)
            self._command(b"QUIT")


def _expect(kind: int, reply: Reply) -> None:
    if 550 <= reply.code <= 554:
        raise Bounced(str(reply))
    if reply.code // 100 != kind:
        raise TryAgain(str(reply))


def _options(announced: set[str], envelope: Envelope, size: int | None) -> bytes:
    options = [f" SIZE={size}"] if "SIZE" in announced and size is not None else []
    if "8BITMIME" in announced:
        options.append(" BODY=8BITMIME")  # whether the message needs it, nobody has looked
    if "SMTPUTF8" in announced and not envelope.is_ascii:
        options.append(" SMTPUTF8")
    return "".join(options).encode()


def _own_name() -> str:
    name = os.uname().nodename
    return name if re.fullmatch(r"[A-Za-z0-9.-]+", name) else "localhost"


def _printable(octets: bytes) -> str:
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
