"""Connections at the moments that a whole program seldom meets."""

import asyncio
import socket
from typing import cast

from gatepost_service.accept import Acceptor, Load, Loads
from gatepost_service.sockets import ListenAddress, open_listener
from labs.service import DEADLINE


class Client(asyncio.Protocol):
    """Ends the acceptor before its own connection is there."""

    acceptor: Acceptor
    end: asyncio.Task[None]

    def __init__(self) -> None:
        Client.end = asyncio.ensure_future(Client.acceptor.end())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.acceptor.opened(self)

    def finish(self) -> None:
        self.transport.close()

    def give_way(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.acceptor.closed(self)


def test_a_connection_that_is_joined_during_the_end_ends_too() -> None:
    async def live(listener: socket.socket) -> bytes:
        Client.acceptor = Acceptor(Load(Loads(1), 0), [listener], Client)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        received = await reader.read()
        await asyncio.wait_for(Client.end, DEADLINE)
        writer.close()
        await writer.wait_closed()
        return received

    listener = open_listener(ListenAddress.parse("inet:127.0.0.1:0"))
    assert asyncio.run(asyncio.wait_for(live(listener), DEADLINE)) == b""
