"""An LMTP server that takes every message and keeps it, to see what a mail server really delivers (RFC 2033)."""

import socketserver
import threading
from collections.abc import Callable
from typing import NamedTuple, Self

from labs.mta.ports import Port
from labs.mta.processes import wait_until

PATIENCE_SECONDS = 30.0


class Delivered(NamedTuple):
    """One transaction: its recipients, without brackets, and the message as it came, dots undoubled."""

    recipients: tuple[str, ...]
    message: bytes


class Sink:
    """Takes LMTP at 127.0.0.1:port while it is open. Use it as a context manager."""

    def __init__(self) -> None:
        self._held = Port()
        self.port = self._held.number
        self.delivered: list[Delivered] = []
        keep = self.delivered.append

        class Handler(_Handler):
            taken = staticmethod(keep)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def wait_for(self, text: bytes) -> list[Delivered]:
        """What has been delivered with this text in it, waiting until there is some."""
        return wait_until(
            lambda: [each for each in self.delivered if text in each.message],
            PATIENCE_SECONDS,
            lambda: f"nothing with {text!r} among {self.delivered}",
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._held.release()


class _Handler(socketserver.StreamRequestHandler):
    taken: Callable[[Delivered], None]

    def handle(self) -> None:
        self._say("220 sink.example LMTP")
        recipients: list[str] = []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"LHLO":
                self._say("250-sink.example", "250-PIPELINING", "250-8BITMIME", "250 ENHANCEDSTATUSCODES")
            elif verb == b"DATA":
                self._say("354 go on")
                self.taken(Delivered(tuple(recipients), self._message()))
                self._say(*("250 2.0.0 taken" for _ in recipients))
                recipients.clear()
            elif verb == b"QUIT":
                self._say("221 2.0.0 bye")
                return
            else:
                if verb == b"RCPT":
                    recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                self._say("250 2.0.0 ok")

    def _message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
