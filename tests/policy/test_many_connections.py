"""More connections than one worker holds: a new one is answered, and pays for it who was silent for longest."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gatepost_policy.part import MAX_CONNECTIONS
from gatepost_policy.request import RequestReader
from gatepost_policy.server import Server
from gatepost_service.accept import Load, Loads
from gatepost_service.process import connections_allowed, raise_file_limit
from gatepost_service.sockets import ListenAddress, open_listener
from labs.running import COMMAND, PATIENCE, RunningPolicy, policy_settings, receive_all, socketmap_settings
from wire.policy_dialogues import NOT_YOU, request

STRANGER = request(sender=b"cris@example.org")
BEGUN = STRANGER[:-1]
LONG = b"x" * 50_000_000


@pytest.fixture
def most() -> Iterator[int]:
    """How many connections a worker holds; this process may have them and some more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_file_limit()
    yield min(MAX_CONNECTIONS, connections_allowed(files=2))
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_idle_connections_at_the_limit_keep_no_question_waiting(store: Path, most: int) -> None:
    """Those that were asked over, or are asking, stay."""
    with (
        RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db")) as service,
        ExitStack() as open_ones,
    ):
        connections = [open_ones.enter_context(service.connect("policy")) for _ in range(most)]
        for connection in connections[:2]:
            connection.sendall(STRANGER)
            assert connection.recv(1000) == NOT_YOU
        connections[2].sendall(BEGUN)
        new = [open_ones.enter_context(service.connect("policy")) for _ in range(50)]
        for connection in new:
            connection.sendall(STRANGER)
            assert connection.recv(1000) == NOT_YOU
        for connection in connections[3:53]:
            assert receive_all(connection) == b""
        connections[2].sendall(STRANGER[-1:])
        for connection in (connections[2], connections[53], *connections[:2], connections[-1]):
            if connection is not connections[2]:
                connection.sendall(STRANGER)
            assert connection.recv(1000) == NOT_YOU
        assert len([line for line in service.output.splitlines() if "too many connections" in line]) == 1


class WithFewFiles(RunningPolicy):
    """May have a hundred files open."""

    command = ("sh", "-c", 'ulimit -n 100 && exec "$@"', "-", *COMMAND)


@pytest.mark.parametrize("hogged", ["policy", "socketmap"])
def test_few_files_are_enough_for_stores_and_for_the_other_protocol(store: Path, hogged: str) -> None:
    settings = socketmap_settings("sqlite:///gatepost.db")
    with (
        WithFewFiles(store.parent, settings) as service,
        ExitStack() as open_ones,
    ):
        connections = [open_ones.enter_context(service.connect(hogged)) for _ in range(150)]
        assert service.ask(STRANGER) == NOT_YOU
        assert service.look_up("transport closed@lists.example").startswith("OK ")
        assert receive_all(connections[0]) == b""
        service.wait_line("too many connections")


def test_who_reads_no_answers_keeps_nobody_out() -> None:
    """Its connection is closed although answers wait there, more of them than the kernel takes."""

    async def live(listener: socket.socket) -> bytes:
        server = Server("policy", RequestReader, lambda requests, _, then: then([LONG] * len(requests)), 60)
        server.listen(Load(Loads(1), 0), [listener], max_connections=2)
        deaf = [(await asyncio.open_connection(*listener.getsockname(), limit=1))[1] for _ in range(2)]
        for client in deaf:
            client.write(STRANGER)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(STRANGER)
        answer = await reader.readexactly(len(LONG))
        for client in (*deaf, writer):
            client.transport.abort()
        await server.clients.end()
        return answer

    listener = open_listener(ListenAddress.parse("inet:127.0.0.1:0"))
    assert asyncio.run(asyncio.wait_for(live(listener), PATIENCE)) == LONG
