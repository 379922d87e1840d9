"""A small SMTP and LMTP client that sends what it is told, right or wrong, and shows every reply (RFC 5321, RFC 2033).

Text goes out as UTF-8, and bytes that are no UTF-8 (surrogateescape) as they are; replies come back the same way.
"""

import re
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

Text = str | bytes
TIMEOUT_SECONDS = 60.0
LINE = re.compile(rb"(\d{3})([ -]?)(.*)", re.DOTALL)
STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


class Reply(NamedTuple):
    """A reply: its code, its enhanced status ("" when it has none), and its lines without either."""

    code: int
    status: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as one string, with a newline between them."""
        return "\n".join(self.lines)


class Client:
    """One connection. ConnectionError: it was closed where a reply was due; TimeoutError: none came in a minute."""

    def __init__(self, address: tuple[str, int] | str, source: str | None = None) -> None:
        """Connect to (host, port) or to the path of a UNIX socket, from the address `source`, and read the greeting."""
        self._socket = _connect(address, source)
        self._replies = self._socket.makefile("rb")
        self.extensions: dict[str, str] = {}
        try:
            self.greeting = self.reply()
        except OSError:
            self.close()
            raise

    def send(self, data: Text) -> None:
        """Send bytes as they are."""
        self._socket.sendall(_encode(data))

    def reply(self) -> Reply:
        """Read one reply, however many lines it has."""
        codes, lines = [], []
        more = b"-"
        while more == b"-":
            code, more, text = self._line()
            codes.append(code)
            lines.append(text)
        found = STATUS.match(lines[0])
        status = found[1] if found else ""
        return Reply(codes[-1], status, tuple(line.removeprefix(status).lstrip(" ") for line in lines))

    def _line(self) -> tuple[int, bytes, str]:
        line = self._replies.readline()
        if not line:
            raise ConnectionError("the server closed the connection instead of a reply")
        found = LINE.fullmatch(line.rstrip(b"\r\n"))
        if not found:
            raise ConnectionError(f"this is no reply: {line!r}")
        return int(found[1]), found[2], found[3].decode("utf-8", "surrogateescape")

    def command(self, line: Text) -> Reply:
        """Send one command and read its reply."""
        return self.pipeline([line])[0]

    def pipeline(self, lines: Sequence[Text]) -> list[Reply]:
        """Send several commands in one write and read all their replies (RFC 2920)."""
        self.send(b"".join(_encode(line) + b"\r\n" for line in lines))
        return [self.reply() for _ in lines]

    def hello(self, name: str = "client.example", verb: str = "EHLO") -> Reply:
        """Say EHLO (or LHLO) and note the `extensions`, keyword to parameters."""
        reply = self.command(f"{verb} {name}")
        pairs = [line.partition(" ") for line in reply.lines[1:]]
        self.extensions = {keyword.upper(): parameters for keyword, _, parameters in pairs}
        return reply

    def xclient(self, **attributes: Text) -> Reply:
        """Be another client (Postfix, XCLIENT_README), e.g. addr="192.0.2.1", and greet again if it is allowed."""
        words = [name.upper().encode() + b"=" + _xtext(_encode(value)) for name, value in attributes.items()]
        reply = self.command(b" ".join([b"XCLIENT", *words]))
        if reply.code == 220:
            self.hello()
        return reply

    def mail(self, sender: Text, recipients: Iterable[Text], options: Text = "") -> list[Reply]:
        """Send MAIL (with options such as "SIZE=9 SMTPUTF8") and each RCPT; return one reply for each recipient.

        Addresses stand without the brackets. When MAIL is refused, nothing is asked and its reply counts for each.
        """
        words = [b"MAIL FROM:<" + _encode(sender) + b">", _encode(options)]
        refused = self.command(b" ".join(word for word in words if word))
        if refused.code != 250:
            return [refused for _ in recipients]
        return [self.command(b"RCPT TO:<" + _encode(recipient) + b">") for recipient in recipients]

    def data(self, message: bytes, replies: int = 1) -> list[Reply]:
        """Send a message with dots doubled; return one reply, or in LMTP as many as recipients were accepted.

        When DATA is refused, its reply is the only one.
        """
        begun = self.command("DATA")
        if begun.code != 354:
            return [begun]
        body = re.sub(rb"(?m)^\.", b"..", message)
        self.send(body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return [self.reply() for _ in range(replies)]

    def quit(self) -> Reply:
        """Say QUIT and close."""
        try:
            return self.command("QUIT")
        finally:
            self.close()

    def close(self) -> None:
        """Close without a word."""
        self._replies.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(address: tuple[str, int] | str, source: str | None) -> socket.socket:
    if not isinstance(address, str):
        connection = socket.create_connection(address, TIMEOUT_SECONDS, (source, 0) if source else None)
        # Of a connection that begins as its server is killed, the kernel may never tell the end: a probe finds it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        return connection
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(TIMEOUT_SECONDS)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _encode(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _xtext(value: bytes) -> bytes:
    """Encode a value as RFC 3461 says (section 4): +XX for what is no printable ASCII, for + and for =."""
    return b"".join(bytes([byte]) if 33 <= byte <= 126 and byte not in b"+=" else b"+%02X" % byte for byte in value)
