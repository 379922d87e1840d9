"""LMTP dialogues over real sockets: whole, octet by octet, with more behind, and cut at every octet."""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lmtplab import RunningLmtp, lmtp_settings
from running import receive_all
from wire.lmtp_dialogues import DIALOGUES
from wire.lmtp_words import DATA, DIRECTORY, LHLO, LIMIT, MAIL, MAX_RECIPIENTS, MESSAGE, OK, RCPT, Dialogue

REPLY = re.compile(rb"(?:\d{3}-[^\r\n]*\r\n)*(\d{3})(?: ([245]\.\d{1,3}\.\d{1,3}))?(?: [^\r\n]*)?\r\n")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    folder: Path = tmp_path_factory.mktemp("wire")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    limits = f"max_message_bytes = {LIMIT}\nmax_recipients = {MAX_RECIPIENTS}"
    lists = "refuse_oversize = true"
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", limits, lists=lists)) as running:
        yield running


def play(receiver: RunningLmtp, pieces: list[bytes], *, hangs_up: bool) -> list[str]:
    """Code and status of all replies when the pieces are sent one by one; we end the dialogue unless it is ended."""
    with receiver.connect("lmtp") as connection:
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        if not hangs_up:
            connection.shutdown(socket.SHUT_WR)
        return statuses(receive_all(connection))


def statuses(octets: bytes) -> list[str]:
    """Code and status of each reply behind the greeting; all of the octets must be replies."""
    found = list(REPLY.finditer(octets))
    assert b"".join(reply[0] for reply in found) == octets
    assert octets.startswith(b"220 ")
    return [b" ".join(filter(None, reply.groups())).decode() for reply in found[1:]]


named = pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue.name)


@named
def test_whole(receiver: RunningLmtp, dialogue: Dialogue) -> None:
    receiver.take_all()
    assert play(receiver, [dialogue.sent], hangs_up=dialogue.hangs_up) == list(dialogue.replied)
    if dialogue.kept:
        [entry] = receiver.take_all()
        assert dialogue.kept in entry.content


@named
def test_octet_by_octet(receiver: RunningLmtp, dialogue: Dialogue) -> None:
    step = 1 if len(dialogue.sent) < 5000 else 997
    pieces = [dialogue.sent[at : at + step] for at in range(0, len(dialogue.sent), step)]
    assert play(receiver, pieces, hangs_up=dialogue.hangs_up) == list(dialogue.replied)


@named
def test_with_more_behind(receiver: RunningLmtp, dialogue: Dialogue) -> None:
    expected = dialogue.replied if dialogue.hangs_up else (*dialogue.replied, OK)
    assert play(receiver, [dialogue.sent + b"NOOP\r\n"], hangs_up=dialogue.hangs_up) == list(expected)


def test_there_are_no_two_dialogues_of_one_name() -> None:
    assert len({dialogue.name for dialogue in DIALOGUES}) == len(DIALOGUES)


def test_what_is_announced(receiver: RunningLmtp) -> None:
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
