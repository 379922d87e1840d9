"""The policy service and the live tables as one part: the same worker processes and event loops serve both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from gatepost_policy.request import RequestReader
from gatepost_policy.server import Server
from gatepost_policy.service import Options, PolicyService
from gatepost_policy.socketmap import DOOR, NetstringReader, SocketmapService
from gatepost_policy.socketmap import Options as SocketmapOptions
from gatepost_service.log import VerdictLog
from gatepost_service.part import Part, Worker
from gatepost_service.process import connections_allowed
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import async_part

# How long a log line may wait for others, so that one write does for many.
FLUSH_SECONDS = 0.01
# Connections to one of the two protocols that one worker holds open. Postfix keeps one for each smtpd process (100 by
# default) and server it asks.
MAX_CONNECTIONS = 10_000


@dataclass(frozen=True)
class PartOptions:
    """How each of the two is to judge and answer."""

    policy: Options
    socketmap: SocketmapOptions


class PolicyWorker:
    """Both in one worker's event loop, as gatepost_service.worker.run_async keeps it alive.

    The first `own` of the worker's listeners are the policy service's, the others are those of the live tables.
    """

    def __init__(self, worker: Worker, options: Callable[[], PartOptions], own: int) -> None:
        self._options = options
        now = options()
        loop = asyncio.get_running_loop()
        lines = VerdictLog(partial(loop.call_later, FLUSH_SECONDS))
        self._policy = PolicyService(now.policy, lines, worker.tally, loop)
        self._tables = SocketmapService(now.socketmap, lines, worker.tally, loop)
        self._servers = (
            Server("policy", RequestReader, self._policy.answer, now.policy.timeout),
            Server(DOOR, NetstringReader, self._tables.answer, now.socketmap.timeout),
        )
        most = min(MAX_CONNECTIONS, connections_allowed(files=len(self._servers)))
        self._servers[0].listen(worker.load, worker.listeners[:own], most)
        self._servers[1].listen(worker.load, worker.listeners[own:], most)

    async def close(self) -> None:
        """Stop listening; every request that has arrived whole is answered, then its connection ends."""
        await asyncio.gather(*(server.clients.end() for server in self._servers))
        self._policy.close()
        self._tables.close()

    async def reload(self) -> None:
        """Read the settings again; raises whatever reading them does, and leaves all as it was."""
        now = self._options()
        self._policy.reload(now.policy)
        self._tables.reload(now.socketmap)
        self._servers[0].timeout = now.policy.timeout
        self._servers[1].timeout = now.socketmap.timeout


def policy_part(
    listen: tuple[ListenAddress, ...],
    tables: tuple[ListenAddress, ...],
    workers: int,
    metrics: ListenAddress | None,
    options: Callable[[], PartOptions],
) -> Part:
    """The policy service, and the live tables at `tables` if there are any, as a part to run.

    options reads the settings, at start and at each HUP.
    """

    async def start(worker: Worker) -> PolicyWorker:
        return PolicyWorker(worker, options, len(listen))

    part = async_part("policy", start, listen=(*listen, *tables), workers=workers, metrics=metrics)
    return replace(part, names=(("policy", len(listen)), (DOOR, len(tables)))) if tables else part
