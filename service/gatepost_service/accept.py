"""Taking connections from listening sockets, spread evenly over the workers that share them.

Each worker watches the sockets in its own event loop and takes one connection at a time. How many connections each has
stands in memory that all of them see. A worker that has more than another leaves a new connection to that one, but only
for a few milliseconds: then it takes it itself, so that a busy or hanging worker keeps nobody waiting.

Where a worker has no room for a new connection, the one that has been idle for longest is closed: whoever opens many
keeps nobody out.
"""

import asyncio
import mmap
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from gatepost_service.log import get_logger
from gatepost_service.sockets import address_of

POLITE_STEP = 0.001  # s between two looks at a connection that was left to another worker; uvloop's clock ticks in ms
POLITE_STEPS = 4  # so many looks, then it is taken
PAUSE = 1.0  # s without accepting when there is no room for a connection; it ends early with one that is open
ROOM_AGAIN = 0.9  # of the connections that there were when there was no room: with fewer, all is well again
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

    def give_way(self) -> bool:
        """Begin to end the connection if no transaction is under way; whether it has begun to end."""


class Acceptor:
    """Takes connections from `listeners` and joins each to a protocol that `protocol_factory` makes.

    Make it in a running event loop. The protocol must call `opened` in its connection_made, `heard` when something
    comes from its client, and `closed` in its connection_lost. No more than `max_connections` are open at a time: a
    further one is taken by another worker, or in place of the one that has been idle for longest, or waits in the
    kernel's queue while none is idle.
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
        self._clients: OrderedDict[Client, None] = OrderedDict()  # the one that was heard last is the last
        self._watching = False
        self._pause: asyncio.TimerHandle | None = None
        self._stopped = False
        self._told_at = 0  # connections when it was logged that there is no room for more; 0 when there is
        self._idle = asyncio.Event()
        self._idle.set()
        self._connections = 0  # those that are still to be joined to their protocols included
        load.add(0)
        self._watch()

    def opened(self, client: Client) -> None:
        """A client's protocol has its connection."""
        self._clients[client] = None
        if self._stopped:
            client.finish()

    def heard(self, client: Client) -> None:
        """Something came from a client."""
        self._clients.move_to_end(client)

    def closed(self, client: Client) -> None:
        """A client's connection has ended."""
        del self._clients[client]
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
        if self._connections < self._told_at * ROOM_AGAIN:
            self._told_at = 0
        if not self._connections:
            self._idle.set()
        if not self._stopped:
            self._load.add(-1)
            self._watch()

    def _watch(self) -> None:
        if self._watching or self._stopped:
            return
        self._watching = True
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
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
        if self._connections >= self._max_connections:
            self._make_room("too many connections", connections=self._connections)
            return
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client has gone
        except OSError as error:
            self._make_room("no connection can be taken", listen=str(address_of(listener)), why=error.strerror)
            return
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections += 1
        self._idle.clear()
        self._load.add(1)
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

    def _make_room(self, event: str, **fields: object) -> None:
        """Take no connection until one has ended, or for a while. Say why, once until there is room again."""
        self._unwatch()
        self._pause = self._loop.call_later(PAUSE, self._watch)
        ending = next((client for client in self._clients if client.give_way()), None)
        if not self._told_at:
            self._told_at = max(self._connections, 1)
            what = "nothing: none is idle" if ending is None else "those idle for longest are closed"
            _log.error(event, **fields, what=what)
