"""A mail server that takes all mail and counts who has got what, and that a test may have say something else.

    with Mailhost() as host:
        host.says = lambda command: "450 4.2.0 later" if command.startswith("RCPT") else ""
        ...
        host.says = usual
        host.wait(lambda: host.copies["hello"]["bo@example.org"] == 1)

A message is known by its subject. It counts from the moment when its dot has come, whether or not the client hears of
that: what the client sends again afterwards is there twice.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

from labs.delivery.peer import CLOSE, USUAL
from labs.mta.ports import Port
from labs.running import PATIENCE

EHLO = "250-host.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8"
_subject = re.compile(rb"^Subject: *([^\r\n]*)", re.MULTILINE | re.IGNORECASE).search
_path = re.compile(r"<(.*?)>").search


def usual(_command: str) -> str:
    """Nothing unusual."""
    return ""


@dataclass(frozen=True)
class Arrived:
    """A message that came whole, as it stood on the wire, for recipients who had been taken."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def subject(self) -> str:
        found = _subject(self.content)
        return found[1].decode("utf-8", "replace") if found else ""


class Mailhost:
    """Listens at 127.0.0.1:port. Use it as a context manager.

    says: asked about every command, and about CONNECT and DOT; '' is the usual answer, and one that ends with CLOSE is
    the last of its connection. It may take its time. copies: how often each recipient has each message, by subject.
    """

    def __init__(self, says: Callable[[str], str] = usual) -> None:
        self._held = Port()
        self.port = self._held.number
        self.says = says
        self.arrived: list[Arrived] = []
        self.copies: dict[str, Counter[str]] = defaultdict(Counter)
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._held.release()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens, and all connections are broken."""
        self._stop()
        yield
        self._start()

    def wait(self, holds: Callable[[], object]) -> None:
        """Until that holds; it is asked whenever a message has come."""
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE), dict(self.copies)

    def total(self, subject: str) -> int:
        """How many copies of a message have come."""
        return self.copies[subject].total()

    def _start(self) -> None:
        host = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                host._serve(self)

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def _stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):  # it has been closed already
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        with self._changed:
            self._open.add(handler.connection)
        try:
            _Session(self, handler).run()
        except (OSError, ValueError):  # the client has gone, or we have
            pass
        finally:
            with self._changed:
                self._open.discard(handler.connection)

    def _take(self, arrived: Arrived) -> None:
        with self._changed:
            self.arrived.append(arrived)
            self.copies[arrived.subject].update(arrived.recipients)
            self._changed.notify_all()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 100


class _Session:
    """One connection."""

    def __init__(self, host: Mailhost, handler: socketserver.StreamRequestHandler) -> None:
        self._host = host
        self._handler = handler
        self._sender = ""
        self._recipients: list[str] = []

    def run(self) -> None:
        if not self._say("CONNECT"):
            return
        while line := self._handler.rfile.readline():
            if not self._obey(line.decode().rstrip("\r\n")):
                return

    def _obey(self, command: str) -> bool:
        """Whether the session goes on."""
        verb = command[:4].upper()
        if verb == "DATA" and not self._recipients:
            return self._write("503 5.5.1 no recipients")
        answer = self._host.says(command) or (EHLO if verb == "EHLO" else USUAL.get(verb, "500 5.5.1 what?"))
        if verb in ("MAIL", "RSET"):
            self._recipients.clear()
        if answer.startswith("2") and (found := _path(command)):
            if verb == "MAIL":
                self._sender = found[1]
            else:
                self._recipients.append(found[1])
        goes_on = self._write(answer) and verb != "QUIT"
        return goes_on and (not answer.startswith("354") or self._data())

    def _data(self) -> bool:
        lines: list[bytes] = []
        while (line := self._handler.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line)
        answer = self._host.says("DOT")
        if not answer or answer.startswith("2"):
            self._host._take(Arrived(self._sender, tuple(self._recipients), b"".join(lines)))
        self._recipients.clear()
        return self._write(answer or USUAL["DOT"])

    def _say(self, command: str) -> bool:
        return self._write(self._host.says(command) or USUAL[command])

    def _write(self, answer: str) -> bool:
        text = answer.removesuffix(CLOSE)
        if text:
            self._handler.wfile.write(f"{text}\r\n".encode())
        return text == answer
