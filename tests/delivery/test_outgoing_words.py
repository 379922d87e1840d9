"""What goes over the wire and what comes back, without a wire: contents, paths, replies."""

from __future__ import annotations

import re
import smtplib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.outgoing import Kind, prepared, trouble
from gatepost_delivery.outgoing.paths import Unwritable, path
from gatepost_delivery.outgoing.trouble import Reply


@pytest.mark.parametrize(
    ("message", "wire", "size"),
    [
        (b"", b".\r\n", 0),
        (b"a\r\n", b"a\r\n.\r\n", 3),
        (b"a", b"a\r\n.\r\n", 3),
        (b".", b"..\r\n.\r\n", 3),
        (b".\r\n.\r\n..\r\nx.\r\n", b"..\r\n..\r\n...\r\nx.\r\n.\r\n", 14),
        (b"a\nb\rc\r\n", b"a\r\nb\r\nc\r\n.\r\n", 9),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n", 9),
        (b"a\r\r\n.\r\n", b"a\r\n\r\n..\r\n.\r\n", 8),
    ],
)
def test_contents(message: bytes, wire: bytes, size: int) -> None:
    content = prepared(message)
    assert (content.wire, content.size, content.eight_bit) == (wire, size, False)


def test_octets_beyond_ascii() -> None:
    assert prepared(b"\xff\r\n").eight_bit


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"x", b"\x00", b"\xe4"])).map(b"".join))
def test_a_message_ends_where_it_ends(message: bytes) -> None:
    """No CR or LF stands alone, nothing but the last line is a dot, and undoubling the dots gives the lines again."""
    content = prepared(message)
    *lines, dot, rest = content.wire.split(b"\r\n")
    assert (dot, rest) == (b".", b"")
    assert b"." not in lines
    assert not any(end in line for line in lines for end in (b"\r", b"\n"))
    plain = [line.removeprefix(b".") for line in lines]
    expected = re.split(rb"\r\n|\r|\n", message)
    assert plain == (expected[:-1] if expected[-1] == b"" else expected)
    assert content.size == sum(len(line) + 2 for line in plain)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("bo@example.org", "<bo@example.org>"),
        ("bo", "<bo>"),
        ("ann-bounces+bo=example.org@lists.example", "<ann-bounces+bo=example.org@lists.example>"),
        ('"b o"@example.org', '<"b o"@example.org>'),
        ('"b>o\\""@example.org', '<"b>o\\""@example.org>'),
        ("bo@[192.0.2.1]", "<bo@[192.0.2.1]>"),
        ("bo@münchen.example", "<bo@xn--mnchen-3ya.example>"),
    ],
)
def test_paths(address: str, written: str) -> None:
    assert path(address, smtputf8=False) == written
    assert path(address, smtputf8=True) == written


def test_a_path_that_needs_smtputf8() -> None:
    assert path("jürgen@münchen.example", smtputf8=True) == "<jürgen@münchen.example>"
    with pytest.raises(Unwritable, match=r"^553 5\.6\.7 "):
        path("jürgen@münchen.example", smtputf8=False)


UNWRITABLE = [
    "",
    "@example.org",
    "bo@@example.org",
    "b o@example.org",
    "bo>@example.org",
    "bo@example.org> SIZE=1",
    "bo\r\n@x",
    '"b\r\no"@x',
    "bo\udce4@example.org",
    "bo@exa\x7fmple.org",
    'bo"@example.org',
    "bo@münchen.example> x",
    "bo\x85@x",
]


@pytest.mark.parametrize("address", UNWRITABLE)
@pytest.mark.parametrize("smtputf8", [False, True])
def test_what_cannot_be_written_in_a_path(address: str, smtputf8: bool) -> None:
    with pytest.raises(Unwritable, match=r"^553 5\.1\.3 "):
        path(address, smtputf8=smtputf8)


@given(st.text(st.characters(codec=None)), st.booleans())
def test_no_path_ends_its_command(address: str, smtputf8: bool) -> None:
    try:
        written = path(address, smtputf8=smtputf8)
    except Unwritable:
        return
    assert written.encode("utf-8" if smtputf8 else "ascii")
    assert not re.search(r"[\x00-\x1f\x7f]", written)
    assert ">" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", written)[:-1]


@pytest.mark.parametrize(
    ("code", "recipient", "before", "behind"),
    [
        (450, Kind.LATER, Kind.LATER, Kind.LATER),
        (452, Kind.LATER, Kind.LATER, Kind.LATER),
        (499, Kind.LATER, Kind.LATER, Kind.LATER),
        (500, Kind.UNCLEAR, Kind.CLIENT_REFUSED, Kind.MESSAGE_REFUSED),
        (550, Kind.UNCLEAR, Kind.CLIENT_REFUSED, Kind.MESSAGE_REFUSED),
        (552, Kind.LATER, Kind.MESSAGE_REFUSED, Kind.MESSAGE_REFUSED),
        (599, Kind.UNCLEAR, Kind.CLIENT_REFUSED, Kind.MESSAGE_REFUSED),
        (530, Kind.CLIENT_REFUSED, Kind.CLIENT_REFUSED, Kind.CLIENT_REFUSED),
        (538, Kind.CLIENT_REFUSED, Kind.CLIENT_REFUSED, Kind.CLIENT_REFUSED),
    ],
)
def test_what_a_no_means(code: int, recipient: Kind, before: Kind, behind: Kind) -> None:
    """At RCPT, at MAIL and DATA, and behind the dot."""
    assert trouble.at_recipient(Reply(code, "")) is recipient
    assert trouble.before_content(Reply(code, "")) is before
    assert trouble.behind_content(Reply(code, "")) is behind


@given(st.integers().filter(lambda code: code // 100 != 5))
def test_only_a_5xx_is_for_ever(code: int) -> None:
    assert trouble.at_recipient(Reply(code, "")) is Kind.LATER
    assert trouble.before_content(Reply(code, "")) is Kind.LATER
    assert trouble.behind_content(Reply(code, "")) is Kind.LATER


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("554 5.7.1 <bo@x>: Relay access denied", "554 5.7.1"),
        ("550 relay not permitted", "550"),
        ("553 no (#5.7.1)", "553 5.7.1"),
        ("550 see 5.1.1", "550"),
        ("", ""),
    ],
)
def test_what_is_said_to_many_in_the_same_words(line: str, said: str) -> None:
    assert trouble.code_and_status(line) == said


@pytest.mark.parametrize(
    ("code", "ends"), [(250, False), (421, True), (550, False), (354, True), (-1, True), (600, True)]
)
def test_what_ends_a_session(code: int, ends: bool) -> None:
    assert trouble.ends_session(Reply(code, "")) is ends


def test_a_yes_to_data() -> None:
    assert not trouble.ends_session(Reply(354, ""), trouble.INTERMEDIATE)
    assert trouble.ends_session(Reply(250, ""), trouble.INTERMEDIATE)


@given(st.binary(max_size=3000))
def test_a_reply_is_one_printable_line(octets: bytes) -> None:
    text = trouble.reply_of(550, octets).text
    assert text.isprintable()
    assert len(text) <= trouble.MAX_TEXT


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (smtplib.SMTPConnectError(554, b"go\naway"), "451 4.4.1 mx:25: the mail server said 554 go away"),
        (
            smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
            "451 4.4.1 mx:25: Connection unexpectedly closed",
        ),
        (TimeoutError("timed out"), "451 4.4.1 mx:25: timed out"),
        (OSError(111, "Connection refused"), "451 4.4.1 mx:25: Connection refused"),
        (trouble.Unusable("no STARTTLS"), "451 4.7.0 mx:25: no STARTTLS"),
        (ValueError(), "451 4.4.1 mx:25: ValueError"),
    ],
)
def test_why_a_server_cannot_be_used(error: Exception, told: str) -> None:
    assert trouble.unreachable("mx:25", error) == told
