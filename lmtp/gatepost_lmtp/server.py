"""LMTP over TCP and UNIX sockets, as a part for the supervisor."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from itertools import count

from gatepost_lmtp.full_lists import FullLists
from gatepost_lmtp.gate import Gate, Options
from gatepost_lmtp.intake import Intake
from gatepost_lmtp.session import Session
from gatepost_lmtp.turns import Turns
from gatepost_service.accept import Acceptor
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Gauges
from gatepost_service.part import Part, Worker
from gatepost_service.process import connections_allowed
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import async_part


class LmtpServer:
    """The receiver in one worker's event loop, as gatepost_service.worker.run_async keeps it alive."""

    def __init__(self, worker: Worker, options: Callable[[], Options]) -> None:
        self._loop = asyncio.get_running_loop()
        self._read_options = options
        self.options = options()
        self.queue = self.options.open_queue()
        full_lists = FullLists(self.queue, lambda: self.options.max_held)
        self.gate = Gate(self.options, VerdictLog(self._loop.call_soon), worker.tally, full_lists, self._loop)
        self.intake = Intake(self.options, self.gate, self.queue)
        self.turns = Turns()
        self._name = secrets.token_hex(3)
        self._number = count(1)
        self.clients = Acceptor(
            worker.load,
            worker.listeners,
            lambda: Session(self),
            max_connections=min(
                max(self.options.max_connections // worker.part.workers, 1),
                connections_allowed(files=2),  # its own, and that of its message
            ),
        )

    def new_name(self) -> str:
        """The first part of the trace ids of a session that begins."""
        return f"{self._name}.{next(self._number):x}."

    async def close(self) -> None:
        """Stop listening; sessions end as soon as no transaction is under way, then the queue is closed."""
        try:
            await self.clients.end()
        finally:
            await self._loop.run_in_executor(None, self.queue.close)
            self.gate.close()

    async def reload(self) -> None:
        """Read the settings again; raises whatever reading them does, and leaves all as it was. The queue stays."""
        now = self._read_options()
        self.gate.reload(now)
        self.options = now
        self.intake.options = now


def lmtp_part(
    listen: tuple[ListenAddress, ...],
    workers: int,
    metrics: ListenAddress | None,
    options: Callable[[], Options],
    gauges: Sequence[Gauges] = (),
) -> Part:
    """The LMTP receiver as a part to run. options reads the settings, at start and at each HUP."""

    async def start(worker: Worker) -> LmtpServer:
        return LmtpServer(worker, options)

    return async_part("lmtp", start, listen=listen, workers=workers, metrics=metrics, gauges=gauges)
