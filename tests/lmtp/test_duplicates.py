"""What is sent again after a lost reply is queued once, and on purpose twice; over TCP and UNIX sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.lmtp import RunningLmtp, lmtp_settings
from labs.running import connect, receive_all
from wire.lmtp_words import DATA, DIRECTORY, LHLO, MAIL, OPEN, RCPT

WITH_ID = b"From: anne@example.org\r\nMessage-ID: <%b@example.org>\r\n\r\nHello.\r\n.\r\n"
SENT = MAIL + RCPT + OPEN + DATA
RECIPIENTS = 2
QUEUED = b"250 2.0.0 queued"

End = Callable[[socket.socket, int], None]


@pytest.fixture(scope="module", params=["inet", "unix"])
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    folder: Path = tmp_path_factory.mktemp("duplicates")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    listen = '["inet:127.0.0.1:0"]' if request.param == "inet" else f'["unix:{folder}/s"]'
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", listen=listen)) as running:
        yield running


def read(connection: socket.socket, queued: int) -> None:
    """Read until so many recipients have been told that their mail is queued."""
    received = b""
    while received.count(QUEUED) < queued or not received.endswith(b"\r\n"):
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk


def close(connection: socket.socket, queued: int) -> None:
    """Without QUIT, as Postfix closes a connection that it has kept for a while."""
    read(connection, queued)


def quit_and_wait(connection: socket.socket, queued: int) -> None:
    read(connection, queued)
    connection.sendall(b"QUIT\r\n")
    receive_all(connection)


def quit_and_go(connection: socket.socket, queued: int) -> None:
    """As Postfix does, which does not wait for the reply to QUIT."""
    read(connection, queued)
    connection.sendall(b"QUIT\r\n")


def go_on_and_break(connection: socket.socket, queued: int) -> None:
    """A command, and then the line breaks."""
    read(connection, queued)
    connection.sendall(b"NOOP\r\n")
    assert connection.recv(1) == b"2"  # the rest stays unread: the kernel resets the connection


def read_to_the_end(connection: socket.socket, queued: int) -> None:
    assert receive_all(connection).count(QUEUED) == queued


def die(connection: socket.socket, queued: int) -> None:
    """With the last reply unread: the kernel resets the connection, as it does when a process is killed."""
    received = b""
    while received.count(QUEUED) < queued:
        received += connection.recv(1)


def die_at_once(connection: socket.socket, _: int) -> None:
    """As soon as the data has been asked for."""
    received = b""
    while not received.endswith(b"<CR><LF>.<CR><LF>\r\n"):
        received += connection.recv(1)


def hand_in(receiver: RunningLmtp, octets: bytes, end: End) -> None:
    """Send all of it in one write, end the connection, and wait until the receiver has dealt with both."""
    messages = octets.count(b"Hello.")
    seen = receiver.output.count("event=queued")
    with connect(receiver.addresses("lmtp")[0]) as connection:
        connection.sendall(LHLO + octets)
        end(connection, RECIPIENTS * messages)
    receiver.wait_line("event=queued", seen + messages)
    receiver.catch_up()


def times_queued(receiver: RunningLmtp, octets: bytes, end: End, again: End) -> int:
    """How often the messages in the octets are in the queue when they have come twice."""
    receiver.take_all()
    hand_in(receiver, octets, end)
    hand_in(receiver, octets, again)
    entries = len(receiver.take_all())
    times, rest = divmod(entries, RECIPIENTS * octets.count(b"Hello."))
    assert not rest
    return times


ALONE, WITH_QUIT = b"", b"QUIT\r\n"
NEXT = MAIL + RCPT
Case = tuple[bytes, End]

IN_GOOD_ORDER: list[Case] = [
    (ALONE, close),
    (ALONE, quit_and_wait),
    (ALONE, quit_and_go),
    (ALONE, go_on_and_break),
    (WITH_QUIT, close),
    (WITH_QUIT, read_to_the_end),
    (NEXT, close),
    (NEXT, go_on_and_break),
]
BROKEN: list[Case] = [
    (ALONE, die),
    (ALONE, die_at_once),
    (WITH_QUIT, die),
    (WITH_QUIT, die_at_once),
    (NEXT, die),
    (NEXT, die_at_once),
]


def name(value: object) -> str:
    """For the names of the tests: what is sent behind the dot, or how the connection ends."""
    return value.decode().strip() or "alone" if isinstance(value, bytes) else str(getattr(value, "__name__", value))


@pytest.mark.parametrize(("behind", "end"), IN_GOOD_ORDER, ids=name)
def test_sent_again_on_purpose(receiver: RunningLmtp, behind: bytes, end: End) -> None:
    octets = SENT + WITH_ID % f"{end.__name__}{len(behind)}".encode() + behind
    assert times_queued(receiver, octets, end, close) == 2


@pytest.mark.parametrize(("behind", "end"), BROKEN, ids=name)
def test_sent_again_because_the_replies_were_lost(receiver: RunningLmtp, behind: bytes, end: End) -> None:
    octets = SENT + WITH_ID % f"{end.__name__}{len(behind)}".encode() + behind
    assert times_queued(receiver, octets, end, close) == 1


@pytest.mark.parametrize(("end", "times"), [(read_to_the_end, 2), (die, 1)], ids=name)
def test_several_messages_in_one_write(receiver: RunningLmtp, end: End, times: int) -> None:
    octets = b"".join(SENT + WITH_ID % f"{end.__name__}-{number}".encode() for number in range(3)) + WITH_QUIT
    assert times_queued(receiver, octets, end, read_to_the_end) == times


def test_a_third_time_after_two_losses(receiver: RunningLmtp) -> None:
    octets = SENT + WITH_ID % b"thrice"
    hand_in(receiver, octets, die)
    assert times_queued(receiver, octets, die, close) == 0
    assert times_queued(receiver, octets, close, close) == 2


def test_without_a_message_id_all_are_queued(receiver: RunningLmtp) -> None:
    assert times_queued(receiver, SENT + b"Subject: no id\r\n\r\nHello.\r\n.\r\n", die, close) == 2


def test_a_stop_of_the_service_breaks_no_connection(tmp_path: Path) -> None:
    """A client that has its replies and waits with its next command is told 421, and does not send again."""
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    receiver = RunningLmtp(tmp_path, lmtp_settings("toml:///lists.toml"))
    octets = SENT + WITH_ID % b"stop"
    with receiver, receiver.connect("lmtp") as connection:
        connection.sendall(LHLO + octets)
        read(connection, RECIPIENTS)
        receiver.stop()
        assert receive_all(connection).startswith(b"421 4.3.2 ")
    with receiver:
        hand_in(receiver, octets, close)
        assert len(receiver.take_all()) == 2 * RECIPIENTS
