"""Dialogues that are made up, sent in one go in chunks of any size: as many replies as must be, and the right ones.

What is right says lmtp_model. Nothing permanent is said for trouble of the receiver's, and nothing shows in its log.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.lmtp_model import ANNE, CLOSED, LIMIT, NOBODY, OPEN, RECIPIENTS, SENDERS, Kind, Model, Step
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.running import receive_all
from wire.lmtp_replies import statuses
from wire.lmtp_words import DIRECTORY

pytestmark = pytest.mark.slow


def line(kind: Kind, text: bytes, code: int = 0, value: str = "") -> Step:
    return Step(kind, text + b"\r\n", code, value)


def mail(sender: str, parameters: bytes = b"") -> Step:
    return line(Kind.MAIL, b"MAIL FROM:<%b>%b" % (sender.encode(), parameters), value=sender)


def rcpt(recipient: str) -> Step:
    return line(Kind.RCPT, b"RCPT TO:<%b>" % recipient.encode(), value=recipient)


def message(octets: bytes, code: int = 250) -> Step:
    return Step(Kind.MESSAGE, octets + b".\r\n", code)


LHLO = line(Kind.LHLO, b"LHLO mx.example.org", 250)
DATA = line(Kind.DATA, b"DATA")
GOOD = [
    LHLO,
    line(Kind.RSET, b"rset", 250),
    line(Kind.OTHER, b"NOOP", 250),
    line(Kind.OTHER, b"HELP me", 214),
    *(line(Kind.VERIFY, b"VRFY <%b>" % recipient.encode(), value=recipient) for recipient in RECIPIENTS),
    *(mail(sender) for sender in SENDERS),
    mail(ANNE, b" SIZE=500 BODY=8BITMIME SMTPUTF8"),
    *(rcpt(recipient) for recipient in RECIPIENTS),
]
BAD = [
    *(
        line(Kind.BAD, text, 500)
        for text in (b"", b" ", b"FOO", b"EHLO x", b"BDAT 0 LAST", b".", b"..", b"\xff\0", b"NO\rOP")
    ),
    Step(Kind.BAD, b"NOOP\n", 500),
    line(Kind.BAD, b"NOOP " + b"x" * 3000, 500),
    *(line(Kind.BAD, text, 501) for text in (b"LHLO", b"RSET x", b"QUIT x", b"DATA x", b"VRFY")),
    *(line(Kind.BAD, text, 502) for text in (b"EXPN x", b"AUTH PLAIN AAAA", b"STARTTLS")),
    line(Kind.BAD, b"XFORWARD NAME=x", 550),
    *(line(Kind.BAD_PATH, text, 501, "MAIL") for text in (b"MAIL", b"MAIL FROM:x", b"MAIL FROM:<> SIZE=x")),
    *(line(Kind.BAD_PATH, text, 553, "MAIL") for text in (b"MAIL FROM:<a b>", "MAIL FROM:<ü@x>".encode())),
    line(Kind.BAD_PATH, b"MAIL FROM:<> SIZE=999999", 552, "MAIL"),
    *(line(Kind.BAD_PATH, text, 501, "RCPT") for text in (b"RCPT", b"RCPT TO:x", b"RCPT TO:<x@y> =")),
    *(line(Kind.BAD_PATH, text, 553, "RCPT") for text in (b"RCPT TO:<>", b"RCPT TO:<a b@lists.example>")),
]
# Lines of a message that look like its end, and others.
LINES = st.sampled_from(
    [b"Subject: x\r\n", b"\r\n", b"a\n.\r\n", b"..\r\n", b"...\r\n", b"a\r.\r\n", b"\n.\n\r\n", b". \r\n", b".\n\r\n",
     b"a\r\n..\r\n", b"\0\xff\r\n", b"QUIT\r\n", b"x" * 700 + b"\r\n", b"List-Id: <team.lists.example>\r\n"]
)  # fmt: skip
MESSAGES = st.one_of(
    st.lists(LINES, min_size=1, max_size=8).map(lambda lines: message(b"".join(lines))),
    st.sampled_from([
        message(b"", 554),
        message(b"Subject: long\r\n\r\n" + b"y" * 999 + b"\r\n", 554),
        message((b"z" * 998 + b"\r\n") * (LIMIT // 1000 + 1), 552),
    ]),
)  # fmt: skip
STEPS = st.one_of(st.sampled_from(GOOD), st.sampled_from(GOOD), st.sampled_from(BAD)).map(lambda step: [step])
TRANSACTIONS = st.tuples(
    st.sampled_from(SENDERS).map(mail), st.lists(st.sampled_from(RECIPIENTS).map(rcpt), max_size=6), MESSAGES
).map(lambda drawn: [drawn[0], *drawn[1], DATA, drawn[2]])
LAST_ONES = st.sampled_from([[], [line(Kind.QUIT, b"QUIT", 221)], [LHLO, line(Kind.QUIT, b"QUIT", 221), LHLO]])
DIALOGUES = st.builds(
    lambda first, steps, last: [*first, *(step for group in steps for step in group), *last],
    st.sampled_from([[LHLO], [LHLO], []]),
    st.lists(st.one_of(TRANSACTIONS, STEPS), max_size=12),
    LAST_ONES,
)
CUTS = st.lists(st.integers(0, 30_000), max_size=12)


@pytest.fixture(scope="module", params=["all is well", "no lists", "no queue"])
def receiver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningLmtp, Model]]:
    """A receiver, and what it can reach."""
    folder: Path = tmp_path_factory.mktemp("pipelines")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", f"max_message_bytes = {LIMIT}")) as running:
        if request.param == "no lists":
            (folder / "lists.toml").unlink()
        elif request.param == "no queue":
            for file in folder.glob("queue.db*"):
                file.unlink()
        yield running, Model(lists=request.param != "no lists", queue=request.param != "no queue")
        assert "Traceback" not in running.output


def played(receiver: RunningLmtp, octets: bytes, cuts: Sequence[int]) -> list[str]:
    """Code and status of every reply when the octets are sent in pieces, and then nothing more."""
    places = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    with receiver.connect("lmtp") as connection:
        with suppress(OSError):  # the receiver may have ended it
            for start, end in pairwise(places):
                connection.sendall(octets[start:end])
            connection.shutdown(socket.SHUT_WR)
        return statuses(receive_all(connection))


@example(dialogue=[LHLO, *[mail(ANNE), rcpt(CLOSED), rcpt(OPEN), DATA, message(b"\r\n")] * 3], cuts=[])
@example(
    dialogue=[LHLO, mail(ANNE), rcpt(NOBODY), rcpt(NOBODY), DATA, message(b"\r\n"), rcpt(OPEN), DATA, message(b"\r\n")],
    cuts=[],
)
@given(dialogue=DIALOGUES, cuts=CUTS)
def test_as_the_model_says(receiver: tuple[RunningLmtp, Model], dialogue: list[Step], cuts: list[int]) -> None:
    running, reach = receiver
    model = Model(reach.lists, reach.queue)
    octets, codes = b"", []
    for step in dialogue:
        if step.kind is not Kind.MESSAGE or model.asked_for_data:
            octets += step.octets
        codes += model.replies(step)
    told = played(running, octets, cuts)
    assert [int(status[:3]) for status in told] == codes
    # what is permanent has been found out; trouble is not
    assert all(status.startswith("451 4.3.0") for status in told if status[:3] == "451")
