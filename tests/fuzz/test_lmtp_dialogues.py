"""Whatever a client sends, it gets one right reply for each command, and one for each recipient after the dot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client, Reply
from wire.lmtp_words import DIRECTORY

pytestmark = pytest.mark.slow

WORDS = st.sampled_from([
    b"LHLO", b"MAIL", b"RCPT", b"RSET", b"NOOP", b"VRFY", b"HELP", b"EHLO", b"XFORWARD", b"FROM:", b"TO:", b"<", b">",
    b"<>", b"<anne@example.org>", b"<closed@lists.example>", b"<open@lists.example>", b"<open-owner@lists.example>",
    b"SIZE=9", b"SMTPUTF8", b"BODY=8BITMIME", b"\xff", b"\0", "grüße@lists.example".encode(), b'"', b"\\", b" ", b":",
])  # fmt: skip
RUBBISH = st.lists(st.one_of(WORDS, st.binary(max_size=5)), max_size=8).map(b" ".join)
GOOD = st.sampled_from([
    b"LHLO mx.example.org", b"MAIL FROM:<anne@example.org>", b"MAIL FROM:<>", b"RCPT TO:<closed@lists.example>",
    b"RCPT TO:<open@lists.example>", b"RCPT TO:<nobody@lists.example>", b"RCPT TO:<open-owner@lists.example>", b"RSET",
    b"DATA", b"DATA", b"NOOP",
])  # fmt: skip
COMMANDS = st.lists(st.one_of(GOOD, GOOD, RUBBISH), max_size=25)
BODIES = st.lists(
    st.sampled_from([b"Subject: x\r\n", b"\r\n", b".\n", b"..", b".", b"\n.\r\n", b"x" * 1200, b"y" * 3000, b"\xff\0"]),
    max_size=10,
).map(b"".join)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", "max_message_bytes = 9000")) as running:
        yield running


def is_right(reply: Reply) -> bool:
    return reply.code // 100 in {2, 3, 4, 5} and (reply.status[:1] == str(reply.code)[0] or reply.code in {250, 354})


@given(commands=COMMANDS, body=BODIES)
def test_the_replies_are_right_and_as_many_as_they_must_be(
    receiver: RunningLmtp, commands: list[bytes], body: bytes
) -> None:
    accepted = 0
    with Client(("127.0.0.1", receiver.port("lmtp"))) as client:
        for command in commands:
            for line in command.replace(b"\r\n", b"\n").split(b"\n"):
                client.send(line + b"\r\n")
                reply = client.reply()
                assert is_right(reply), (line, reply)
                if reply.code == 421:
                    return
                accepted = accepted_after(line, reply, accepted)
                if reply.code == 354:
                    assert accepted
                    told = data(client, body, accepted)
                    assert all(is_right(each) and each.code != 354 for each in told)
                    accepted = 0
        client.send(b"QUIT\r\n")
        assert client.reply().code == 221
        with pytest.raises(ConnectionError):
            client.reply()


def accepted_after(line: bytes, reply: Reply, accepted: int) -> int:
    """How many recipients have been accepted after this command."""
    verb = line.split(b" ")[0].upper()
    if verb == b"RCPT" and reply.code == 250:
        return accepted + 1
    return 0 if verb in {b"RSET", b"LHLO"} and reply.code == 250 else accepted


def data(client: Client, body: bytes, replies: int) -> list[Reply]:
    """Send a message whose only end is the one behind it."""
    while b"\r\n.\r\n" in b"\r\n" + body:
        body = (b"\r\n" + body).replace(b"\r\n.\r\n", b"\r\n..\r\n")[2:]
    client.send(body + b"\r\n.\r\n")
    return [client.reply() for _ in range(replies)]
