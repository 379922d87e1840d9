"""Taking connections from listening sockets, spread evenly over the workers that share them.

Each worker watches the sockets in its own event loop and takes one connection at a time. How many connections each has
stands in memory that all of them see. A worker that has more than another leaves a new connection to that one, but only
for a few milliseconds: then it takes it itself, so that a busy or hanging worker keeps nobody waiting.
"""

import asyncio
import mmap
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from gatepost_service.log import get_logger
from gatepost_service.sockets import address_of

POLITE_STEP = 0.001  # s between two looks at a connection that was left to another worker; uvloop's clock ticks in ms
POLITE_STEPS = 4  # so many looks, then it is taken
PAUSE = 1.0  # s without accepting when no descriptor or memory is left (EMFILE …); it ends early with a connection
_AWAY = -1  # in a worker's slot: it takes no connections
_INT = 4  # bytes of a slot

_log = get_logger()


class Loads:
    """How many connections each of `workers` processes has, in memory shared by all; make it before fork."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, workers * _INT)).cast("i")
        for index in range(workers):
            self.reset(index)

    def reset(self, index: int) -> None:
        """Worker `index` takes no connections now: it has not begun, it stops, or it died."""
        self._counts[index] = _AWAY

    def set(self, index: int, count: int) -> None:
        self._counts[index] = count

    def is_least(self, index: int) -> bool:
        """Whether no worker that takes connections has fewer than worker `index`."""
        own = self._counts[index]
        return all(count >= own for count in self._counts if count != _AWAY)


class Load:
    """One worker's own connections, counted where the others see it."""

    def __init__(self, loads: Loads, index: int) -> None:
        self._loads = loads
        self._index = index
        self._count = 0

    def add(self, change: int) -> None:
        self._count += change
        self._loads.set(self._index, self._count)

    def leave(self) -> None:
        """Take no more connections."""
        self._loads.reset(self._index)

    def is_least(self) -> bool:
        return self._loads.is_least(self._index)


class Client(Protocol):
    """One connection's protocol, as far as it is needed here."""

    def finish(self) -> None:
        """End the connection as soon as no transaction is under way."""


class Acceptor:
    """Takes connections from `listeners` and joins each to a protocol that `protocol_factory` makes.

    Make it in a running event loop. The protocol must call `opened` in its connection_made, and `closed` in its
    connection_lost. No more than `max_connections` are open at a time: further ones wait in the kernel's queue, or are
    taken by another worker.
    """

    def __init__(
        self,
        load: Load,
        listeners: Sequence[socket.socket],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        *,
        max_connections: int = 1000,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._load = load
        self._listeners = list(listeners)
        self._protocol_factory = protocol_factory
        self._max_connections = max_connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[Client] = set()
        self._watching = False
        self._stopped = False
        self._told = False  # whether trouble has been logged since a connection could be taken
        self._idle = asyncio.Event()
        self._idle.set()
        self._connections = 0  # those that are still to be joined to their protocols included
        load.add(0)
        self._watch()

    def opened(self, client: Client) -> None:
        """A client's protocol has its connection."""
        self._clients.add(client)
        if self._stopped:
            client.finish()

    def closed(self, client: Client) -> None:
        """A client's connection has ended."""
        self._clients.discard(client)
        self._gone()

    async def end(self) -> None:
        """Close this process's listeners, ask every client to finish, and wait until no connection is open."""
        self._stopped = True
        self._unwatch()
        self._load.leave()
        for listener in self._listeners:
            listener.close()
        for client in list(self._clients):
            client.finish()
        await self._idle.wait()

    def _gone(self) -> None:
        self._connections -= 1
        if not self._connections:
            self._idle.set()
        if not self._stopped:
            self._load.add(-1)
            self._watch()

    def _watch(self) -> None:
        if self._watching or self._stopped or self._connections >= self._max_connections:
            return
        self._watching = True
        for listener in self._listeners:
            self._loop.add_reader(listener, self._readable, listener)

    def _unwatch(self) -> None:
        if not self._watching:
            return
        self._watching = False
        for listener in self._listeners:
            self._loop.remove_reader(listener)

    def _readable(self, listener: socket.socket) -> None:
        if self._load.is_least():
            self._accept(listener)
        else:
            self._loop.remove_reader(listener)
            self._loop.call_later(POLITE_STEP, self._look_again, listener, POLITE_STEPS)

    def _look_again(self, listener: socket.socket, steps: int) -> None:
        if not self._watching:
            return
        if not self._load.is_least() and steps > 1:
            self._loop.call_later(POLITE_STEP, self._look_again, listener, steps - 1)
            return
        self._loop.add_reader(listener, self._readable, listener)
        self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client has gone
        except OSError as error:
            self._pause(listener, error)
            return
        self._told = False
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections += 1
        self._idle.clear()
        self._load.add(1)
        if self._connections >= self._max_connections:
            self._unwatch()
        task = self._loop.create_task(self._join(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol_factory, connection)
        except Exception:
            connection.close()
            self._gone()
            _log.exception("connection lost at its start")

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        self._unwatch()
        self._loop.call_later(PAUSE, self._watch)
        if not self._told:
            self._told = True
            _log.error("no connection can be taken", listen=str(address_of(listener)), why=error.strerror)
