"""A few connections for many threads.

None is opened before the first message. The one that was used last is used first, so that no more are open than are
needed; one that has not been needed for IDLE_SECONDS is ended, before the mail server loses its patience with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from gatepost_delivery.outgoing.connection import SMTPConnection
from gatepost_delivery.outgoing.content import Content
from gatepost_delivery.outgoing.values import Outcome

# Postfix under stress waits 10 seconds for a client (smtpd_timeout).
IDLE_SECONDS = 5.0


class Pool:
    """Any thread may use it. Make it after a fork, or use it only there."""

    def __init__(
        self, connect: Callable[[], SMTPConnection], connections: int, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """`connect` makes a connection that is not open yet; there are at most `connections` of them."""
        self._connect = connect
        self._lock = threading.Lock()
        self._available = threading.Condition(self._lock)
        self._closing = threading.Condition(self._lock)
        self._free = connections
        self._idle: list[tuple[float, SMTPConnection]] = []  # since when; the last is the one used last
        self._idle_seconds = idle_seconds
        self._caretaker: threading.Thread | None = None
        self._closed = False

    def sendmail(self, sender: str, recipients: Sequence[str], message: bytes | Content) -> list[Outcome]:
        """As a connection's; waits until there is one."""
        connection = self._take()
        try:
            return connection.sendmail(sender, recipients, message)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """End all connections; one that is in use is ended behind its message, and so is every later one."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            caretaker = self._caretaker
            self._closing.notify()
        for _, connection in idle:
            self._end(connection)
        if caretaker is not None:
            caretaker.join()

    def _take(self) -> SMTPConnection:
        with self._lock:
            self._available.wait_for(lambda: self._idle or self._free)
            if self._idle:
                return self._idle.pop()[1]
            connection = self._connect()
            self._free -= 1
            return connection

    def _give_back(self, connection: SMTPConnection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append((time.monotonic(), connection))
                self._available.notify()
                self._start_caretaker()
                return
        self._end(connection)

    def _end(self, connection: SMTPConnection) -> None:
        connection.quit()
        with self._lock:
            self._free += 1
            self._available.notify()

    def _start_caretaker(self) -> None:
        if self._caretaker is None:
            caretaker = threading.Thread(target=self._care, name="idle connections", daemon=True)
            with suppress(RuntimeError):  # no more threads here: the next connection that is given back tries again
                caretaker.start()
                self._caretaker = caretaker

    def _care(self) -> None:
        while (connection := self._next_expired()) is not None:
            self._end(connection)

    def _next_expired(self) -> SMTPConnection | None:
        """Wait for a connection that has been idle for too long; None when the pool has been closed."""
        with self._lock:
            while not self._closed:
                since = self._idle[0][0] if self._idle else time.monotonic()
                left = since + self._idle_seconds - time.monotonic()
                if left <= 0:
                    return self._idle.pop(0)[1]
                self._closing.wait(left)
        return None
