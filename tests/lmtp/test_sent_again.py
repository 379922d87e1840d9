"""What was lost and comes again: to another worker, to a receiver started anew, in part, or not quite the same."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import wait_until
from labs.running import PATIENCE, receive_all, reset_at_the_end
from wire.lmtp_words import DATA, DIRECTORY, LHLO, MAIL, OPEN, RCPT, STRANGER

TEAM = b"RCPT TO:<team@lists.example>\r\n"
MESSAGE = b"Message-ID: <%d@example.org>\r\n\r\nHello.\r\n.\r\n"
TRIES = 200

numbers = count(1)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    with running(tmp_path_factory.mktemp("again")) as one:
        yield one


@contextmanager
def running(folder: Path, workers: int = 1) -> Iterator[RunningLmtp]:
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", f"workers = {workers}")) as receiver:
        yield receiver


def hand_in(connection: socket.socket, sent: bytes) -> str:
    """Send one transaction and read its replies, the last one to the last recipient; the worker that took it."""
    connection.sendall(LHLO + sent)
    recipients = sent.count(b"RCPT TO")
    with connection.makefile("rb") as replies:
        while recipients:
            line = replies.readline()
            assert line, "the connection was closed instead of a reply"
            recipients -= line.startswith(b"250 2.0.0 queued as ")
    return line.split()[4].split(b".")[0].decode()


def lose(receiver: RunningLmtp, sent: bytes) -> str:
    """Hand it in and break the connection as a crash does, and wait until the receiver has kept that in mind."""
    known = lost(receiver)
    with receiver.connect("lmtp") as connection:
        worker = hand_in(connection, sent)
        reset_at_the_end(connection)
    wait_until(lambda: lost(receiver) > known, PATIENCE, lambda: "the loss was not noticed")
    return worker


def lost(receiver: RunningLmtp) -> int:
    """How many recipients' deliveries are known as lost."""
    return int(receiver.rows("SELECT count(*) FROM delivery WHERE lost")[0][0])


def send(receiver: RunningLmtp, sent: bytes) -> str:
    """Hand it in properly."""
    with receiver.connect("lmtp") as connection:
        worker = hand_in(connection, sent)
        connection.sendall(b"QUIT\r\n")
        receive_all(connection)
    return worker


@pytest.mark.parametrize(
    ("again", "entries"),
    [
        (MAIL + RCPT + OPEN + DATA + MESSAGE, 2),
        (MAIL + OPEN + RCPT + OPEN + DATA + MESSAGE, 2),
        (MAIL + OPEN + DATA + MESSAGE, 2),
        (MAIL + OPEN + TEAM + DATA + MESSAGE, 3),
        (MAIL + TEAM + DATA + MESSAGE, 3),
        (STRANGER + OPEN + DATA + MESSAGE, 3),
        (MAIL + RCPT + OPEN + DATA + b"X: y\r\n" + MESSAGE, 4),
        (MAIL + RCPT + OPEN + DATA + MESSAGE.replace(b"Hello.", b"Hello!"), 4),
        (MAIL + RCPT + OPEN + DATA + MESSAGE.replace(b"%d", b"other%d"), 4),
    ],
    ids=[
        "the same",
        "in another order",
        "a part of the recipients",
        "one of them, and another",
        "another recipient",
        "another sender",
        "another header",
        "another body",
        "another Message-ID",
    ],
)
def test_what_counts_as_the_same(receiver: RunningLmtp, again: bytes, entries: int) -> None:
    number = next(numbers)
    lose(receiver, MAIL + RCPT + OPEN + DATA + MESSAGE % number)
    send(receiver, again % number)
    assert len(receiver.take_all()) == entries


def test_what_has_left_the_queue_meanwhile_is_not_queued_again(receiver: RunningLmtp) -> None:
    sent = MAIL + RCPT + OPEN + DATA + MESSAGE % next(numbers)
    lose(receiver, sent)
    assert len(receiver.take_all()) == 2
    send(receiver, sent)
    assert receiver.take_all() == []


@pytest.mark.parametrize("command", [b"NOOP\r\n", b"RSET\r\n", b"VRFY x\r\n", b"NO SUCH\r\n", MAIL, b"N"])
def test_whatever_comes_next_tells_that_the_replies_were_read(receiver: RunningLmtp, command: bytes) -> None:
    sent = MAIL + OPEN + DATA + MESSAGE % next(numbers)
    with receiver.connect("lmtp") as connection:
        hand_in(connection, sent)
        connection.sendall(command)
        receiver.catch_up()
        reset_at_the_end(connection)
    receiver.catch_up()
    send(receiver, sent)
    assert len(receiver.take_all()) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_to_a_receiver_that_was_started_anew(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers) as receiver:
        for number, end in enumerate((receiver.stop, receiver.kill), 1):
            sent = MAIL + OPEN + DATA + MESSAGE % number
            lose(receiver, sent)
            end()
            receiver.start()
            send(receiver, sent)
            assert len(receiver.rows("SELECT id FROM entry")) == number


def test_to_a_receiver_that_was_killed_with_the_connection_open(tmp_path: Path) -> None:
    """Whether the client has read the replies, nobody knows any more."""
    sent = MAIL + OPEN + DATA + MESSAGE % 1
    with running(tmp_path) as receiver:
        with receiver.connect("lmtp") as connection:
            hand_in(connection, sent)
            receiver.kill()
        receiver.start()
        send(receiver, sent)
        assert len(receiver.take_all()) == 1


def test_to_another_worker(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as receiver:
        for number in range(1, TRIES):
            sent = MAIL + OPEN + DATA + MESSAGE % number
            first, second = lose(receiver, sent), send(receiver, sent)
            assert len(receiver.rows("SELECT id FROM entry")) == number
            if first != second:
                return
    pytest.fail(f"all of {TRIES} came to the same worker")


def test_to_workers_that_were_started_anew(tmp_path: Path) -> None:
    sent = MAIL + OPEN + DATA + MESSAGE % 1
    with running(tmp_path, workers=2) as receiver:
        with receiver.connect("lmtp") as connection:
            hand_in(connection, sent)
            for number, worker in enumerate(receiver.workers, 1):
                os.kill(worker, signal.SIGKILL)
                receiver.wait_line("process ended, will be started again", number)
        send(receiver, sent)
        assert len(receiver.take_all()) == 1
