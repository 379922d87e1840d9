"""LMTP over TCP and UNIX sockets, as a part for the supervisor."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from itertools import count

from gatepost_lmtp.gate import Gate, Options
from gatepost_lmtp.intake import Intake
from gatepost_lmtp.session import Session
from gatepost_lmtp.turns import Turns
from gatepost_service.accept import Acceptor
from gatepost_service.log import VerdictLog
from gatepost_service.part import Part, Worker
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import run_async


class LmtpServer:
    """The receiver in one worker's event loop, as gatepost_service.worker.run_async keeps it alive."""

    def __init__(self, worker: Worker, options: Callable[[], Options]) -> None:
        self._loop = asyncio.get_running_loop()
        self._read_options = options
        self.options = options()
        self._lines = VerdictLog(wake=self._flush_after_turn)
        self.gate = Gate(self.options, self._lines, worker.tally)
        self.queue = self.options.open_queue()
        self.intake = Intake(self.options, self.gate, self.queue)
        self.turns = Turns()
        self.sessions: set[Session] = set()
        self._name = secrets.token_hex(3)
        self._number = count(1)
        self._acceptor = Acceptor(
            worker.load,
            worker.listeners,
            lambda: Session(self),
            max_connections=max(self.options.max_connections // worker.part.workers, 1),
        )

    def opened(self, session: Session) -> str:
        """A session begins; gives the first part of its trace ids."""
        self.sessions.add(session)
        return f"{self._name}.{next(self._number):x}."

    def lost(self, session: Session) -> None:
        """A session's connection has gone."""
        self.sessions.discard(session)
        self._acceptor.closed()

    async def close(self) -> None:
        """Stop listening; sessions end as soon as no transaction is under way, then the queue is closed."""
        self._acceptor.stop()
        for session in list(self.sessions):
            session.finish()
        try:
            await self._acceptor.drained()
        finally:
            await self._loop.run_in_executor(None, self.queue.close)
            self.gate.close()

    async def reload(self) -> None:
        """Read the settings again; raises whatever reading them does, and leaves all as it was. The queue stays."""
        now = self._read_options()
        self.options = now
        self.gate.reload(now)
        self.intake.options = now

    def _flush_after_turn(self) -> None:
        self._loop.call_soon(self._lines.flush)


def lmtp_part(
    listen: tuple[ListenAddress, ...],
    workers: int,
    metrics: ListenAddress | None,
    options: Callable[[], Options],
) -> Part:
    """The LMTP receiver as a part to run. options reads the settings, at start and at each HUP."""

    def serve(worker: Worker) -> None:
        async def start() -> LmtpServer:
            return LmtpServer(worker, options)

        run_async(worker, start)

    return Part(name="lmtp", listen=listen, serve=serve, workers=workers, metrics=metrics)
