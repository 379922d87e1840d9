"""Policy delegation over TCP and UNIX sockets.

- One event loop; all requests that arrived in one turn of it, on whatever connections, are answered together.
- A peer that has shut its writing side down still gets its answer (Exim's ${readsocket}), then the connection ends.
- What is no request ends its connection without a reply, with one warning; all others go on undisturbed.
- Who does not read its answers is not read either.
- A request that has begun must end within the time-out. An idle connection between requests may stay: Postfix keeps
  it for as long as it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

from gatepost_policy.request import ProtocolError, Request, RequestReader
from gatepost_policy.service import Options, PolicyService
from gatepost_service.accept import Acceptor
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.part import Part, Worker
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import run_async

# Connections one worker holds open. Postfix keeps one for each smtpd process (100 by default) and server it asks.
MAX_CONNECTIONS = 10_000
# How long a log line may wait for others, so that one write does for many.
FLUSH_SECONDS = 0.01

_log = get_logger("policy")


class Turn:
    """Gathers the requests of one turn of the event loop and answers them at its end."""

    def __init__(self, service: PolicyService) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._asked: list[tuple[Connection, list[Request]]] = []
        self._since = 0.0

    def ask(self, connection: Connection, requests: list[Request]) -> None:
        if not self._asked:
            self._since = perf_counter()
            self._loop.call_soon(self.answer)
        self._asked.append((connection, requests))

    def answer(self) -> None:
        """Answer all that has been asked."""
        asked, self._asked = self._asked, []
        replies = self._service.answer([request for _, requests in asked for request in requests], self._since)
        at = 0
        for connection, requests in asked:
            connection.reply(b"".join(replies[at : at + len(requests)]))
            at += len(requests)


class Connection(asyncio.Protocol):
    """One client. Replies go out in the order of the requests."""

    def __init__(self, server: PolicyServer) -> None:
        self._server = server
        self._turn = server.turn
        self._reader = RequestReader()
        self._timer: asyncio.TimerHandle | None = None
        self._awaiting = 0
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._server.lost(self)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        requests, error = self._reader.feed(data)
        if requests:
            self._stop_timer()  # what is unfinished now is another request
            self._awaiting += 1
            self._turn.ask(self, requests)
        if error is not None:
            self._end(error)
        elif self._reader.unfinished and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._server.timeout, self._timed_out)

    def pause_writing(self) -> None:
        """The peer asks and does not read the answers: no more is read of what it asks."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def eof_received(self) -> bool:
        if self._reader.unfinished and not self._ending:
            self._end(ProtocolError("the connection ended in the middle of a request"))
        self.finish()
        return True  # finish() closes it

    def reply(self, replies: bytes) -> None:
        """Send the replies to one batch of this client's requests."""
        self._awaiting -= 1
        self._transport.write(replies)
        if self._ending and not self._awaiting:
            self._transport.close()

    def finish(self) -> None:
        """End the connection once everything that was asked has been answered."""
        self._ending = True
        if not self._awaiting:
            self._transport.close()

    def _timed_out(self) -> None:
        self._end(ProtocolError(f"a request was not finished within {self._server.timeout:g} s"))

    def _end(self, error: ProtocolError) -> None:
        self._stop_timer()
        peer = self._transport.get_extra_info("peername")
        client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "local"
        _log.warning("not a policy request", client=client, why=str(error))
        self.finish()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PolicyServer:
    """The service in one worker's event loop, as gatepost_service.worker.run_async keeps it alive."""

    def __init__(self, worker: Worker, options: Callable[[], Options], max_connections: int = MAX_CONNECTIONS) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        now = options()
        self.timeout = now.timeout
        self._lines = VerdictLog(wake=self._flush_soon)
        self._service = PolicyService(now, self._lines, worker.tally)
        self.turn = Turn(self._service)
        self.connections: set[Connection] = set()
        self._acceptor = Acceptor(
            worker.load, worker.listeners, lambda: Connection(self), max_connections=max_connections
        )

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)

    def lost(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._acceptor.closed()

    async def close(self) -> None:
        """Stop listening; every request that has arrived whole is answered, then its connection ends."""
        self._acceptor.stop()
        for connection in list(self.connections):
            connection.finish()
        await self._acceptor.drained()
        self._service.close()

    async def reload(self) -> None:
        """Read the settings again; raises whatever reading them does, and leaves all as it was."""
        now = self._options()
        self._service.reload(now)
        self.timeout = now.timeout

    def _flush_soon(self) -> None:
        self._loop.call_later(FLUSH_SECONDS, self._lines.flush)


def policy_part(
    listen: tuple[ListenAddress, ...],
    workers: int,
    metrics: ListenAddress | None,
    options: Callable[[], Options],
) -> Part:
    """The policy service as a part to run. options reads the settings, at start and at each HUP."""

    def serve(worker: Worker) -> None:
        async def start() -> PolicyServer:
            return PolicyServer(worker, options)

        run_async(worker, start)

    return Part(name="policy", listen=listen, serve=serve, workers=workers, metrics=metrics)
