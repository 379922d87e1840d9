"""A few connections for many threads: how many are open, for how long, and that none is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from gatepost_delivery.outgoing import Kind, Outcome, Pool, SMTPConnection
from labs.delivery import Peer, Server
from labs.queue import WAIT, no_more_threads

LIST = "ann-bounces@lists.example"
POST = b"Subject: hello\r\n\r\nhello\r\n"


class Watched(SMTPConnection):
    """Tells when it is ended."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.ended = threading.Event()

    def quit(self) -> None:
        super().quit()
        self.ended.set()


def send(pool: Pool, number: int = 0) -> Kind:
    (outcome,) = pool.sendmail(LIST, [f"member{number}@example.org"], POST)
    return outcome.kind


@contextmanager
def pool_to(port: int, connections: int, sessions: int = 0) -> Iterator[Pool]:
    with closing(Pool(lambda: SMTPConnection("127.0.0.1", port, sessions), connections)) as pool:
        yield pool


def test_none_is_opened_before_the_first_message() -> None:
    with Server() as server:
        with pool_to(server.port, 3):
            pass
        assert server.connections == 0


def test_one_after_the_other_uses_one() -> None:
    with Server() as server, pool_to(server.port, 3) as pool:
        assert {send(pool) for _ in range(10)} == {Kind.SENT}
        assert server.connections == 1


def test_the_limit_of_messages_a_connection_holds_in_a_pool() -> None:
    with Server() as server, pool_to(server.port, 3, sessions=2) as pool:
        assert {send(pool) for _ in range(5)} == {Kind.SENT}
        assert server.connections == 3


@pytest.mark.parametrize("connections", [1, 3])
def test_many_threads(connections: int) -> None:
    with Server() as server:
        with pool_to(server.port, connections) as pool, ThreadPoolExecutor(8) as threads:
            kinds = list(threads.map(lambda number: send(pool, number), range(200)))
        assert set(kinds) == {Kind.SENT}
        assert 1 <= server.connections <= connections
        assert sorted(took.recipients for took in server.took) == sorted(
            [f"member{number}@example.org"] for number in range(200)
        )


def test_what_is_idle_is_ended_and_opened_again() -> None:
    with Peer() as peer:
        made: list[Watched] = []

        def connect() -> SMTPConnection:
            made.append(Watched(peer.port))
            return made[-1]

        with closing(Pool(connect, 1, idle_seconds=0.01)) as pool:
            for count in (1, 2):
                assert send(pool) is Kind.SENT
                assert made[-1].ended.wait(WAIT)
                assert len(peer.sessions) == count
    assert [session.verbs()[-1] for session in peer.sessions] == ["QUIT", "QUIT"]


def test_what_is_sent_is_sent_though_nobody_can_end_what_is_idle() -> None:
    with Peer() as peer, ExitStack() as crowded:
        crowd = [no_more_threads()]

        class Last(Watched):
            def sendmail(self, *arguments: Any) -> list[Outcome]:
                outcomes = super().sendmail(*arguments)
                if crowd:
                    crowded.enter_context(crowd.pop())
                return outcomes

        connection = Last(peer.port)
        with closing(Pool(lambda: connection, 1, idle_seconds=0.01)) as pool:
            assert send(pool) is Kind.SENT
            crowded.close()
            assert send(pool) is Kind.SENT
            assert connection.ended.wait(WAIT)


def test_what_is_in_use_when_the_pool_is_closed_is_ended_behind_its_message() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(Watched):
        def sendmail(self, *arguments: object) -> list[Outcome]:
            begun.set()
            assert goes_on.wait(WAIT)
            return super().sendmail(LIST, ["bo@example.org"], POST)

    with Peer() as peer, ThreadPoolExecutor(1) as thread:
        connection = Slow(peer.port)
        pool = Pool(lambda: connection, 1)
        sent = thread.submit(send, pool)
        assert begun.wait(WAIT)
        pool.close()
        goes_on.set()
        assert sent.result(WAIT) is Kind.SENT
        assert connection.ended.is_set()
        assert send(pool) is Kind.SENT
    assert [session.verbs()[-1] for session in peer.sessions] == ["QUIT", "QUIT"]


def test_a_connection_that_cannot_be_made_leaves_its_place() -> None:
    with Peer() as peer:
        answers = iter((False, True))

        def connect() -> SMTPConnection:
            if not next(answers):
                raise OSError("no certificates")
            return SMTPConnection("127.0.0.1", peer.port)

        with closing(Pool(connect, 1)) as pool:
            with pytest.raises(OSError, match="no certificates"):
                send(pool)
            assert send(pool) is Kind.SENT
