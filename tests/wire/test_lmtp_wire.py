"""LMTP dialogues over real sockets: whole, octet by octet, with more behind, and cut at every octet.

Every reply in every dialogue is looked at for what RFC 2034 demands.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from labs.lmtp import RunningLmtp, lmtp_settings
from labs.running import receive_all
from wire.lmtp_dialogues import DIALOGUES
from wire.lmtp_replies import statuses
from wire.lmtp_words import DATA, DIRECTORY, LHLO, LIMIT, MAIL, MAX_RECIPIENTS, MESSAGE, OK, RCPT, Dialogue


@contextmanager
def running(folder: Path, *more: str) -> Iterator[RunningLmtp]:
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    limits = f"max_message_bytes = {LIMIT}\nmax_recipients = {MAX_RECIPIENTS}"
    lists = "refuse_oversize = true"
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", limits, *more, lists=lists)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    with running(tmp_path_factory.mktemp("wire")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    with running(tmp_path_factory.mktemp("trusting"), 'xforward = ["127.0.0.0/8"]') as receiver:
        yield receiver


@pytest.fixture(params=DIALOGUES, ids=lambda dialogue: dialogue.name)
def played(request: pytest.FixtureRequest) -> tuple[RunningLmtp, Dialogue]:
    """A dialogue, and the receiver with which it is held."""
    dialogue: Dialogue = request.param
    return request.getfixturevalue("trusting" if dialogue.trusted else "receiver"), dialogue


def play(receiver: RunningLmtp, pieces: list[bytes], *, hangs_up: bool) -> list[str]:
    """Code and status of all replies when the pieces are sent one by one; we end the dialogue unless it is ended."""
    with receiver.connect("lmtp") as connection:
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        if not hangs_up:
            connection.shutdown(socket.SHUT_WR)
        return statuses(receive_all(connection))


def test_whole(played: tuple[RunningLmtp, Dialogue]) -> None:
    receiver, dialogue = played
    receiver.take_all()
    assert play(receiver, [dialogue.sent], hangs_up=dialogue.hangs_up) == list(dialogue.replied)
    if dialogue.kept:
        [entry] = receiver.take_all()
        assert dialogue.kept in entry.content


def test_octet_by_octet(played: tuple[RunningLmtp, Dialogue]) -> None:
    receiver, dialogue = played
    step = 1 if len(dialogue.sent) < 5000 else 997
    pieces = [dialogue.sent[at : at + step] for at in range(0, len(dialogue.sent), step)]
    assert play(receiver, pieces, hangs_up=dialogue.hangs_up) == list(dialogue.replied)


def test_with_more_behind(played: tuple[RunningLmtp, Dialogue]) -> None:
    receiver, dialogue = played
    expected = dialogue.replied if dialogue.hangs_up else (*dialogue.replied, OK)
    assert play(receiver, [dialogue.sent + b"NOOP\r\n"], hangs_up=dialogue.hangs_up) == list(expected)


def test_there_are_no_two_dialogues_of_one_name() -> None:
    assert len({dialogue.name for dialogue in DIALOGUES}) == len(DIALOGUES)


def test_what_is_announced(receiver: RunningLmtp) -> None:
    """What RFC 2033 section 5 demands, with nothing behind the names (RFC 2034 3, 2920 2, 6152 2, 6531 3.1, 1870 3)."""
    with receiver.client() as client:
        assert client.greeting.code == 220
        assert "LMTP" in client.greeting.text
        assert client.extensions == {
            "PIPELINING": "",
            "ENHANCEDSTATUSCODES": "",
            "8BITMIME": "",
            "SMTPUTF8": "",
            "SIZE": str(LIMIT),
        }


def test_xforward_is_announced_to_those_who_are_believed(trusting: RunningLmtp) -> None:
    with trusting.client() as client:
        assert client.extensions["XFORWARD"] == "NAME ADDR PORT PROTO HELO IDENT SOURCE"


def test_replies_go_out_when_nothing_more_has_come(receiver: RunningLmtp) -> None:
    """RFC 2920 section 3.2, 2 and 7: a group need not be whole, nor the command behind it."""
    with receiver.client() as client:
        client.send(MAIL + RCPT + b"RCPT TO:<open@lists")
        assert [client.reply().code for _ in range(2)] == [250, 250]
        client.send(b".example>\r\n")
        assert client.reply().code == 250


def test_replies_are_ascii_whatever_is_asked(receiver: RunningLmtp) -> None:
    """RFC 6531 section 3.7.4: without SMTPUTF8 nothing else; with it, what VRFY found may be told as it is."""
    with receiver.connect("lmtp") as connection:
        connection.sendall(
            LHLO
            + "MAIL FROM:<zoë@example.org>\r\nFÜ\r\nVRFY grüße@lists.example\r\n".encode()
            + "MAIL FROM:<zoë@example.org> SMTPUTF8\r\nRCPT TO:<ü@lists.example>\r\nQUIT\r\n".encode()
        )
        assert receive_all(connection).isascii()
    with receiver.client() as client:
        assert client.command("VRFY grüße@lists.example SMTPUTF8").text == "<grüße@lists.example>"


def test_cut_at_every_octet(receiver: RunningLmtp) -> None:
    """Only a message whose end has come is kept, whole; nobody else is disturbed."""
    receiver.take_all()
    dialogue = LHLO + MAIL + RCPT + DATA + MESSAGE + b"QUIT\r\n"
    whole = dialogue.index(b"QUIT")
    with receiver.client() as other:
        for end in range(len(dialogue)):
            with receiver.connect("lmtp") as connection, suppress(ConnectionError):
                connection.sendall(dialogue[:end])
                if end % 2:  # half of them see the other side end it, the others go without a look
                    connection.shutdown(socket.SHUT_WR)
                    receive_all(connection)
        assert other.command("NOOP").code == 250
    with receiver.client() as last:  # what was sent before has been read when this one has its answer
        assert last.command("NOOP").code == 250
    entries = receiver.take_all()
    assert len(entries) >= (len(dialogue) - whole) // 2
    assert len(entries) <= len(dialogue) - whole
    assert all(entry.content.endswith(b"\r\n\r\nHello.\r\n") for entry in entries)
