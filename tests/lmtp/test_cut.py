"""Connections that are cut after every octet, in several ways: what is queued is whole, and nothing is left behind."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import accumulate, count
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_lmtp.spool import MEMORY_OCTETS
from labs.lmtp import RunningLmtp, as_sent, lmtp_settings
from labs.mta import wait_until
from labs.running import PATIENCE, receive_all, reset_at_the_end
from wire.lmtp_words import DATA, DIRECTORY, LHLO, MAIL, NOBODY, NULL, OPEN, RCPT

REQUEST, BOUNCES = b"RCPT TO:<team-request@lists.example>\r\n", b"RCPT TO:<team-bounces+x=y@lists.example>\r\n"
BIG = b"x" * 76 + b"\r\n"
CONNECTIONS = 4

numbers = count(1)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    """So few connections are allowed that one that is never given back would soon be missed."""
    folder: Path = tmp_path_factory.mktemp("cut")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    settings = f'max_connections = {CONNECTIONS}\nxforward = ["127.0.0.0/8"]'
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", settings)) as running:
        have_the_queue_read(running)
        yield running


def have_the_queue_read(receiver: RunningLmtp) -> None:
    """Post until it has read how much lists hold: SQLite keeps that file open, for whoever reads next."""

    def post() -> bool:
        with receiver.client() as client:
            client.mail("anne@example.org", ["open@lists.example"])
            assert client.data(b"Subject: the first\r\n\r\n")[0].code == 250
            client.quit()
        return sum(path.endswith("/queue.db") for path in receiver.descriptors) == 2

    wait_until(post, PATIENCE, lambda: f"never read: {receiver.descriptors}")


class Step(NamedTuple):
    """What a client says before it waits for replies; `message`, with its dot at the end, has so many entries."""

    octets: bytes
    replies: int = 1
    message: bytes = b""
    entries: int = 0


def dot(replies: int, entries: int, body: bytes = b"Hello.\r\n") -> Step:
    """A message like no other, in which a line begins with a dot."""
    message = b"Message-ID: <%08d@example.org>\r\n\r\n.\r\n" % next(numbers) + body
    return Step(message.replace(b"\r\n.", b"\r\n..") + b".\r\n", replies, message, entries)


def steps(*said: bytes | Step) -> list[Step]:
    return [each if isinstance(each, Step) else Step(each) for each in (LHLO, *said)]


def several_recipients() -> list[Step]:
    """With one that is named twice, and one that is refused."""
    return steps(MAIL, RCPT, OPEN, OPEN, NOBODY, REQUEST, DATA, dot(4, 3), b"NOOP\r\n")


def several_messages() -> list[Step]:
    return steps(MAIL, RCPT, b"RSET\r\n", MAIL, OPEN, DATA, dot(1, 1), NULL, BOUNCES, DATA, dot(1, 1))


def xforward() -> list[Step]:
    words = b"XFORWARD NAME=mx.example.net ADDR=192.0.2.7\r\n", b"XFORWARD PROTO=ESMTP IDENT=4F2A\r\n"
    return steps(*words, MAIL, RCPT, DATA, dot(1, 1))


def a_big_message() -> list[Step]:
    """That is kept in a file while it comes in."""
    return steps(MAIL, OPEN, DATA, dot(1, 1, BIG * (MEMORY_OCTETS // len(BIG) + 5000)), b"QUIT\r\n")


class Sent:
    """What must be in the queue after some dialogues, and what may be."""

    def __init__(self) -> None:
        self.must: Counter[bytes] = Counter()
        self.may: Counter[bytes] = Counter()

    def note(self, dialogue: list[Step], end: int, *, surely: bool) -> None:
        for step, whole in zip(dialogue, accumulate(len(step.octets) for step in dialogue), strict=True):
            if whole <= end and step.message:
                self.may[step.message] += step.entries
                self.must[step.message] += step.entries * surely


def read_replies(replies: Iterable[bytes], number: int) -> None:
    """Read so many replies, each of them of one line or several."""
    lines = iter(replies)
    while number:
        number -= next(lines)[3:4] != b"-"


def in_step(connection: socket.socket, dialogue: list[Step], end: int) -> None:
    """Send so many octets of it, and wait for the replies to each step."""
    with connection.makefile("rb") as replies:
        read_replies(replies, 1)
        for step in dialogue:
            connection.sendall(step.octets[:end])
            if len(step.octets) > end:
                return
            end -= len(step.octets)
            read_replies(replies, step.replies)


def in_one(connection: socket.socket, dialogue: list[Step], end: int) -> None:
    """Send so many octets of it in one write, and wait for nothing."""
    connection.sendall(b"".join(step.octets for step in dialogue)[:end])


def wait_for_the_end(connection: socket.socket) -> None:
    """Say that no more will come, and read all replies."""
    with suppress(OSError):  # the other side has ended it already, after QUIT
        connection.shutdown(socket.SHUT_WR)
    receive_all(connection)


def close(_: socket.socket) -> None:
    """Go without a word."""


# What settle() hands in.
LAST = b"Subject: the last\r\n\r\n"


def settle(receiver: RunningLmtp) -> list[str]:
    """Wait until all connections have ended, and until what was on its way to the queue is there; what is open then."""
    receiver.catch_up()
    with receiver.client() as client:
        client.mail("", ["open-owner@lists.example"])
        assert client.data(LAST)[0].code == 250
        client.quit()
    receiver.catch_up()
    return receiver.descriptors


Make = Callable[[], list[Step]]
Send = Callable[[socket.socket, list[Step], int], None]
End = Callable[[socket.socket], None]


def cut(receiver: RunningLmtp, make: Make, send: Send, end: End, places: Iterable[int]) -> None:
    """Cut a dialogue at each of these places, and look at what is left."""
    before = settle(receiver)
    receiver.take_all()
    sent = Sent()
    for place in places:
        dialogue = make()
        with receiver.connect("lmtp") as connection, suppress(ConnectionError):
            send(connection, dialogue, place)
            end(connection)
        sent.note(dialogue, place, surely=send is in_step or end is wait_for_the_end)
    assert any(settle(receiver) == before for _ in range(50)), "something is left open"
    found = Counter(as_sent(entry.content) for entry in receiver.take_all())
    del found[LAST]
    assert sent.must <= found <= sent.may
    assert +sent.may


def size(dialogue: list[Step]) -> int:
    return sum(len(step.octets) for step in dialogue)


def name(function: object) -> str:
    return str(getattr(function, "__name__", function))


@pytest.mark.parametrize(
    ("make", "send", "end"),
    [
        (several_recipients, in_one, wait_for_the_end),
        (several_recipients, in_one, close),
        (several_recipients, in_one, reset_at_the_end),
        (several_recipients, in_step, close),
        (several_recipients, in_step, reset_at_the_end),
        (several_messages, in_one, wait_for_the_end),
        (several_messages, in_step, reset_at_the_end),
        (xforward, in_one, wait_for_the_end),
        (xforward, in_step, reset_at_the_end),
    ],
    ids=name,
)
def test_cut_after_every_octet(receiver: RunningLmtp, make: Make, send: Send, end: End) -> None:
    cut(receiver, make, send, end, range(size(make()) + 1))


@pytest.mark.parametrize(
    ("send", "end"),
    [(in_one, wait_for_the_end), (in_one, reset_at_the_end), (in_step, close), (in_step, reset_at_the_end)],
    ids=name,
)
def test_a_big_message_is_cut(receiver: RunningLmtp, send: Send, end: End) -> None:
    whole = size(a_big_message())
    cut(receiver, a_big_message, send, end, [*range(1000, whole, 300_001), *range(whole - 12, whole + 1)])
