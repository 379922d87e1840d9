"""The other end of a far directory's connection."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from labs.running import PATIENCE

_ENGINE = Path(__file__).with_name("engine.py")


class FarEnd:
    """Lets every snapshot go on, unless told otherwise. Use as a context manager.

    snapshots: how many were asked for; batches: for how many recipients each was, once it is over. answer: what is said
    to the next one, from its number.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._held = False
        self._over = False
        self._connections: list[socket.socket] = []
        self.snapshots = 0
        self.batches: list[int] = []
        self.answer: Callable[[int], bytes] = lambda _: b"go\n"

    def command(self, patience: float) -> tuple[str, ...]:
        """Runs gatepost with an engine that asks here. patience: seconds that its doors wait for the engine."""
        host, port = self._listener.getsockname()
        return sys.executable, str(_ENGINE), f"{host}:{port}", str(patience)

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def hold(self) -> None:
        """Say nothing to whoever asks, until let_go()."""
        with self._changed:
            self._held = True

    def let_go(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def wait_for_snapshots(self, number: int) -> None:
        """Wait until so many have been asked for, in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.snapshots >= number, PATIENCE)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as lines:
                for line in lines:
                    self._take(connection, line)
        except OSError:
            return

    def _take(self, connection: socket.socket, line: bytes) -> None:
        word, _, number = line.strip().partition(b" ")
        with self._changed:
            if word == b"asked":
                self.batches.append(int(number))
                return
            self.snapshots += 1
            answer = self.answer(self.snapshots)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._over or not self._held)
        connection.sendall(answer)
