"""A protocol over TCP and UNIX sockets: policy delegation, or socketmap.

- One event loop; all requests that arrived in one turn of it, on whatever connections, are answered together: at once,
  or later, where the lists are asked over a network. But of one connection no more than AT_ONCE at a time: who sends
  more takes turns with all others.
- A peer that has shut its writing side down still gets its answer (Exim's ${readsocket}), then the connection ends.
- What is no request ends its connection without a reply, with one warning; all others go on undisturbed.
- Who does not read its answers is not read either.
- A request that has begun must end within the time-out. An idle connection between requests may stay: Postfix keeps
  it for as long as it likes. Only where there are too many connections the one that was heard of last before all others
  is closed; Postfix then asks over another.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Generic, cast

from gatepost_policy.protocol import Asked, ProtocolError, Reader
from gatepost_service.accept import Acceptor, Load
from gatepost_service.log import get_logger

# Requests of one connection that are answered in one turn: they take a millisecond or two. Postfix sends one at a time.
AT_ONCE = 50


# Gets requests that came together, the time (time.perf_counter) at which the first of them came, and what to call with
# the replies, in their order, now or later in the loop. It never raises.
Answer = Callable[[Sequence[Asked], float, Callable[[list[bytes]], object]], object]


class Server(Generic[Asked]):
    """One protocol in one worker's event loop.

    name: that of the protocol, for the log. make_reader: a reader for each connection. answer: see Answer. timeout:
    seconds that a request may take to arrive.
    """

    def __init__(
        self,
        name: str,
        make_reader: Callable[[], Reader[Asked]],
        answer: Answer[Asked],
        timeout: float,
    ) -> None:
        self.name = name
        self.make_reader = make_reader
        self.timeout = timeout
        self.turn = Turn(answer)
        self.log = get_logger(name)

    def listen(self, load: Load, listeners: Sequence[socket.socket], max_connections: int) -> None:
        """Begin to take connections."""
        self.clients = Acceptor(load, listeners, lambda: Connection(self), max_connections=max_connections)


class Turn(Generic[Asked]):
    """Gathers the requests of one turn of the event loop and answers them at its end."""

    def __init__(self, answer: Answer[Asked]) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._asked: list[tuple[Connection[Asked], list[Asked]]] = []
        self._since = 0.0

    def ask(self, connection: Connection[Asked], requests: list[Asked]) -> None:
        if not self._asked:
            self._since = perf_counter()
            self._loop.call_soon(self.answer)
        self._asked.append((connection, requests))

    def answer(self) -> None:
        """Answer all that has been asked."""
        asked, self._asked = self._asked, []
        together = [request for _, requests in asked for request in requests]
        self._answer(together, self._since, lambda replies: _deal_out(asked, replies))


def _deal_out(asked: list[tuple[Connection[Asked], list[Asked]]], replies: list[bytes]) -> None:
    """Give each connection the replies to its requests."""
    at = 0
    for connection, requests in asked:
        connection.reply(b"".join(replies[at : at + len(requests)]))
        at += len(requests)


class Connection(asyncio.Protocol, Generic[Asked]):
    """One client. Replies go out in the order of the requests."""

    def __init__(self, server: Server[Asked]) -> None:
        self._server = server
        self._turn = server.turn
        self._reader = server.make_reader()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[Asked] = []  # requests for which it is not this client's turn yet
        self._awaiting = False
        self._choked = False  # the client does not read its answers
        self._deaf = False  # what the client sends stays in the kernel
        self._ending = False
        self._over = False  # the connection has ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.clients.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._stop_timer()
        self._server.clients.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        self._server.clients.heard(self)
        requests, error = self._reader.feed(data)
        if requests:
            self._stop_timer()  # what is unfinished now is another request
            self._waiting += requests
            self._go_on()
        if error is not None:
            self._end(error)
        elif self._reader.unfinished and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._server.timeout, self._timed_out)

    def pause_writing(self) -> None:
        """The peer asks and does not read the answers: no more is read of what it asks, and nothing more answered."""
        self._choked = True
        self._listen()

    def resume_writing(self) -> None:
        self._choked = False
        self._go_on()

    def eof_received(self) -> bool:
        if self._reader.unfinished and not self._ending:
            self._end(ProtocolError("the connection ended in the middle of a request"))
        self.finish()
        return True  # finish() closes it

    def reply(self, replies: bytes) -> None:
        """Send the replies to what was asked in this client's turn."""
        self._awaiting = False
        if not self._over:
            self._transport.write(replies)
            self._go_on()

    def _go_on(self) -> None:
        """Ask for the next of what has come, as much as one turn may be; and end when all is answered."""
        if self._waiting and not (self._awaiting or self._choked):
            self._awaiting = True
            asked, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            self._turn.ask(self, asked)
        if self._ending and not (self._awaiting or self._waiting):
            self._transport.close()
        else:
            self._listen()

    def _listen(self) -> None:
        """Read from the client, or stop doing so while there is more of it than can be answered."""
        deaf = self._choked or bool(self._waiting)
        if deaf != self._deaf:
            self._deaf = deaf
            self._transport.pause_reading() if deaf else self._transport.resume_reading()

    def finish(self) -> None:
        """End the connection once everything that was asked has been answered."""
        self._ending = True
        self._go_on()

    def give_way(self) -> bool:
        """Close the connection unless an answer is being made; a client that has not read those before loses them."""
        if self._awaiting:
            return False
        self._transport.abort()
        return True

    def _timed_out(self) -> None:
        self._end(ProtocolError(f"a request was not finished within {self._server.timeout:g} s"))

    def _end(self, error: ProtocolError) -> None:
        self._stop_timer()
        peer = self._transport.get_extra_info("peername")
        client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "local"
        self._server.log.warning(f"not a {self._server.name} request", client=client, why=str(error))
        self.finish()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
