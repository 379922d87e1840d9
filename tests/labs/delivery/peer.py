"""A mail server that says what it is told to say, and remembers what it has heard.

    with Peer(RCPT=itertools.cycle(["250 ok", "550 5.1.1 no such user"])) as peer:
        SMTPConnection("127.0.0.1", peer.port).sendmail(...)
    assert peer.sessions[0].lines == ["EHLO x", "MAIL FROM:<...>", ...]

An answer is one reply or several lines of it. One that ends with CLOSE is the last of its connection; HANG is none at
all: the peer waits until the client closes.
"""

from __future__ import annotations

import itertools
import socketserver
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

CLOSE = "\0close"
HANG = "\0hang"

# What is said to each verb unless a test says otherwise; CONNECT and DOT stand for what has none.
USUAL = {
    "CONNECT": "220 peer.example ESMTP",
    "HELO": "250 peer.example",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "DOT": "250 2.0.0 taken",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class Session:
    """One connection: the commands that came, and the messages that came whole, dots and all."""

    lines: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def verbs(self) -> list[str]:
        """The commands without what follows their first word."""
        return [_verb(line) for line in self.lines]


class Peer:
    """Listens at 127.0.0.1:port. Use it as a context manager."""

    def __init__(
        self, *, extensions: Iterable[str] = ("PIPELINING", "8BITMIME"), **answers: str | Iterable[str]
    ) -> None:
        """`answers`: by verb, the same to each, or one after the other, and the usual one when they are used up."""
        usual = USUAL | {"EHLO": "\r\n".join(["250-peer.example", *[f"250-{name}" for name in extensions], "250 HELP"])}
        self._answers = {verb: _answers(answers.get(verb, ()), usual[verb]) for verb in usual}
        self._lock = threading.Lock()
        self.sessions: list[Session] = []
        peer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                peer._serve(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def messages(self) -> list[bytes]:
        """All messages that came."""
        return [message for session in self.sessions for message in session.messages]

    def _answer(self, verb: str) -> str:
        with self._lock:
            return next(self._answers.get(verb, itertools.repeat("500 5.5.1 what?")))

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        session = Session()
        self.sessions.append(session)
        with suppress(ConnectionError):  # the client has gone
            self._converse(handler, session)

    def _converse(self, handler: socketserver.StreamRequestHandler, session: Session) -> None:
        answer = self._answer("CONNECT")
        while _say(handler, answer):
            if answer.startswith("354"):
                message = _message(handler)
                if message is None:
                    return
                session.messages.append(message)
                answer = self._answer("DOT")
                continue
            line = handler.rfile.readline()
            if not line:
                return
            session.lines.append(line.decode().rstrip("\r\n"))
            answer = self._answer(_verb(session.lines[-1]))


def _answers(given: str | Iterable[str], usual: str) -> Iterator[str]:
    return itertools.repeat(given) if isinstance(given, str) else itertools.chain(given, itertools.repeat(usual))


def _say(handler: socketserver.StreamRequestHandler, answer: str) -> bool:
    """Whether the conversation goes on."""
    if answer == HANG:
        while handler.rfile.read1():
            pass
        return False
    text = answer.removesuffix(CLOSE)
    if text:
        handler.wfile.write(f"{text}\r\n".encode())
    return text == answer


def _message(handler: socketserver.StreamRequestHandler) -> bytes | None:
    """What comes up to the dot; None where the client goes away before."""
    lines: list[bytes] = []
    while (line := handler.rfile.readline()) != b".\r\n":
        if not line:
            return None
        lines.append(line)
    return b"".join(lines)


def _verb(line: str) -> str:
    return line.split(" ", maxsplit=1)[0].upper()
