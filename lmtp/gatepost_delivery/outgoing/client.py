"""smtplib's client, made patient within limits and quick.

- Each reply as a whole has a time limit; smtplib's own is for each piece of it. A reply has an end, too.
- Where PIPELINING is offered (RFC 2920), commands go out together, and their replies are read one after the other.
- A session that has ended leaves a client that is closed, whatever ended it.
"""

from __future__ import annotations

import io
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from typing import Any

from gatepost_delivery.outgoing import trouble
from gatepost_delivery.outgoing.trouble import Ended, Reply

# Commands that go out in one write. Their replies must fit in the buffers between: a server that waits until it can
# write no longer reads, and then neither side goes on (RFC 2920 section 3.1).
GROUP = 100
# Octets of one reply, all its lines together.
MAX_REPLY = 65536
# Octets of a message that are given one time limit.
BLOCK = 262144
# RFC 5321 section 4.5.3.2.6: a server may take twice as long after the dot as over any other reply.
AFTER_THE_DOT = 2
# Seconds for the answer to QUIT, which nobody needs.
QUIT_SECONDS = 5.0


class _Replies(io.RawIOBase):
    """What a socket receives, until the time or the room for one reply is used up."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until = 0.0
        self._room = 0

    def begin(self, seconds: float) -> None:
        """The next reply is waited for."""
        self._until = time.monotonic() + seconds
        self._room = MAX_REPLY

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # every buffer that comes is one
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if self._room <= 0:
            raise Ended("a reply without an end")
        self._connection.settimeout(left)
        received = self._connection.recv_into(buffer)
        self._room -= received
        return received


class Client(smtplib.SMTP):
    """One session with a mail server; it is open when it is made. Everything raises OSError or ValueError."""

    _replies: _Replies | None = None
    _factor = 1

    @property
    def is_open(self) -> bool:
        """Whether the session can be used."""
        return self.sock is not None

    @property
    def has_tls(self) -> bool:
        """Whether nobody can listen in."""
        return isinstance(self.sock, ssl.SSLSocket)

    def send(self, s: Any) -> None:
        """Send, within the time limit."""
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, within the time limit."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection has been closed")
        if self.file is None or self._replies is None:
            self._replies = _Replies(self.sock)
            self.file = io.BufferedReader(self._replies)
        self._replies.begin(self.timeout * self._factor)
        return super().getreply()

    def hear(self, wanted: int = trouble.POSITIVE) -> Reply:
        """The next reply; `wanted` is the first digit of a yes. Raises Ended for one that ends the session."""
        reply = trouble.reply_of(*self.getreply())
        if trouble.ends_session(reply, wanted):
            self.close()
            raise Ended(f"the mail server said {reply}")
        return reply

    def ask(self, commands: Sequence[str]) -> Iterator[Reply]:
        """The reply to each command. Without PIPELINING, a command is sent when its reply is asked for."""
        group = GROUP if self.has_extn("pipelining") else 1
        for start in range(0, len(commands), group):
            together = commands[start : start + group]
            self.send("".join([f"{command}\r\n" for command in together]).encode())
            for command in together:
                yield self.hear(trouble.INTERMEDIATE if command == "DATA" else trouble.POSITIVE)

    def send_content(self, wire: bytes) -> Reply:
        """Send a message with its dot; the reply to it."""
        with memoryview(wire) as octets:
            for start in range(0, len(octets), BLOCK):
                self.send(bytes(octets[start : start + BLOCK]))
        self._factor = AFTER_THE_DOT
        try:
            return self.hear()
        finally:
            self._factor = 1

    def leave(self) -> None:
        """QUIT, and close whatever the server says. Never raises OSError."""
        self.timeout = min(self.timeout, QUIT_SECONDS)
        try:
            self.quit()
        except OSError:
            self.close()


class TlsClient(Client, smtplib.SMTP_SSL):
    """The same over TLS from the beginning (RFC 8314)."""


def open_client(host: str, port: int, hostname: str, seconds: float, context: ssl.SSLContext | None) -> Client:
    """A session that has been greeted, with TLS from its beginning if there is a context."""
    client = (
        Client(host, port, hostname, seconds)
        if context is None
        else TlsClient(host, port, hostname, timeout=seconds, context=context)
    )
    assert client.sock is not None  # noqa: S101 - it has just been greeted
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client
