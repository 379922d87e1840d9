"""An LMTP server that says what it is told to, for one connection, and keeps what it hears."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from typing import Self

_USUAL = {
    "GREETING": "220 scripted LMTP",
    "LHLO": "250-scripted\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "DOT": "250 2.0.0 taken",
    "QUIT": "221 bye",
}


class Scripted:
    """Serves at 127.0.0.1:port while it is open. `heard` are the commands, `message` what came after DATA."""

    def __init__(self, replies: Mapping[str, str | None] | None = None) -> None:
        """replies: by verb, GREETING and DOT, what differs from the usual; None closes the connection instead."""
        self._replies = {**_USUAL, **(replies or {})}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.message = b""
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # nobody came
            return
        with connection:
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        with lines:
            going_on = self._say(connection, "GREETING")
            while going_on and (line := lines.readline()):
                self.heard.append(line.rstrip(b"\r\n"))
                verb = line[:4].decode().upper()
                going_on = self._say(connection, verb)
                if verb == "DATA" and self._replies["DATA"] == _USUAL["DATA"]:
                    while (line := lines.readline()) not in (b".\r\n", b""):
                        self.message += line
                    going_on = line != b"" and self._say(connection, "DOT")

    def _say(self, connection: socket.socket, about: str) -> bool:
        reply = self._replies[about]
        if reply is not None:
            connection.sendall(f"{reply}\r\n".encode())
        return reply is not None
