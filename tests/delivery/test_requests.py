"""What a mail to a list's robots asks for."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.fields import Field, split
from gatepost_delivery.requests import (
    MAX_COMMANDS,
    MAX_OCTETS,
    Author,
    Command,
    Commands,
    Verb,
    author_of,
    commands_for,
    deliverable,
    text_of,
)
from labs.desk import mail

TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
JOIN, LEAVE, HELP, INFO = (Command(verb) for verb in (Verb.JOIN, Verb.LEAVE, Verb.HELP, Verb.INFO))
CONFIRM = Command(Verb.CONFIRM, TOKEN)


def asked(content: bytes, subaddress: str = "request", extension: str = "") -> Commands:
    return commands_for(subaddress, extension, split(content))


@pytest.mark.parametrize(
    ("subject", "command"),
    [
        ("join", JOIN),
        ("Subscribe", JOIN),
        ("leave", LEAVE),
        (" UNSUBSCRIBE ", LEAVE),
        ("help", HELP),
        ("info", INFO),
        (f"confirm {TOKEN}", CONFIRM),
        (f"Confirm  {TOKEN.upper()}", CONFIRM),
        (f"Re: confirm {TOKEN}", CONFIRM),
        (f"RE[2]: Re: confirm {TOKEN}", CONFIRM),
        (f"AW: Antw: confirm {TOKEN}", CONFIRM),
        (f"回复\uff1aconfirm {TOKEN}", CONFIRM),
        ("Re: =?utf-8?q?join?=", JOIN),
        ("=?iso-8859-1?b?" + base64.b64encode(b"join").decode() + "?=", JOIN),
        (f"confirm\r\n {TOKEN}", CONFIRM),
    ],
)
def test_a_command_in_the_subject(subject: str, command: Command) -> None:
    assert asked(mail(subject=subject)) == Commands((command,), unknown=False)


@pytest.mark.parametrize(
    "subject",
    ["", "hello", "join us", "please join", f"Out of office: confirm {TOKEN}", "confirm", "confirm a", "=?x?q?join?="],
)
def test_no_command_in_the_subject(subject: str) -> None:
    assert asked(mail(subject=subject)) == Commands((), unknown=True)


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("join\r\n", [JOIN]),
        ("join\nhelp\njoin\n", [JOIN, HELP]),
        ("join\nend\nleave\n", [JOIN]),
        ("join\nstop\nleave\n", [JOIN]),
        ("info\n-- \nleave\n", [INFO]),
        ("> leave\n\n   \ninfo\n", [INFO]),
        (f"\n  confirm {TOKEN}\n", [CONFIRM]),
    ],
)
def test_commands_in_the_body(body: str, commands: list[Command]) -> None:
    assert asked(mail(body)) == Commands(tuple(commands), unknown=False)


def test_other_lines_are_noticed() -> None:
    assert asked(mail("join\nplease\n")) == Commands((JOIN,), unknown=True)


def test_after_a_few_other_lines_nothing_is_read() -> None:
    assert asked(mail("a\nb\nc\nleave\n")) == Commands((), unknown=True)


def test_below_a_command_in_the_subject_anything_may_stand() -> None:
    assert asked(mail("Yes, please!\nAnne\n", subject=f"Re: confirm {TOKEN}")) == Commands((CONFIRM,), unknown=False)


def test_no_more_commands_than_the_limit() -> None:
    body = "".join(f"confirm {number:032}\n" for number in range(MAX_COMMANDS + 5))
    assert len(asked(mail(body)).asked) == MAX_COMMANDS


@pytest.mark.parametrize(("subaddress", "command"), [("join", JOIN), ("leave", LEAVE)])
def test_a_subaddress_asks_for_itself_whatever_is_in_the_mail(subaddress: str, command: Command) -> None:
    assert asked(mail("leave\njoin\nhelp\n", subject="info"), subaddress) == Commands((command,), unknown=False)


def test_a_token_in_the_address_needs_no_subject() -> None:
    assert asked(mail("thanks"), "confirm", TOKEN.upper()) == Commands((CONFIRM,), unknown=False)


def test_the_confirm_address_without_a_token_reads_the_mail_for_one() -> None:
    assert asked(mail("join\n", subject=f"confirm {TOKEN}"), "confirm") == Commands((CONFIRM,), unknown=False)
    assert asked(mail("join\n"), "confirm") == Commands((), unknown=True)


def encoded(body: bytes, kind: str, encoding: str) -> bytes:
    return mail("%", Content_Type=kind, Content_Transfer_Encoding=encoding).replace(b"%", body)


@pytest.mark.parametrize(
    "content",
    [
        encoded(b"jo=69n\r\n", "text/plain", "quoted-printable"),
        encoded(base64.b64encode(b"join\n"), "text/plain; charset=utf-8", "BASE64"),
        encoded(base64.b64encode("join\n".encode("utf-16")), "text/plain; charset=UTF-16", "base64"),
        encoded(b"join\r\n", "text/plain; charset=iso-8859-1", "8bit"),
        encoded(b"join\r\n", "text/plain; charset=no-such-thing", "no-such-thing"),
        encoded(b"join\r\n", "text/plain; charset=punycode", "7bit"),
        encoded(b"join\r\n", "nonsense", "7bit"),
        encoded(
            b"--b\r\nContent-Type: text/html\r\n\r\n<p>help</p>\r\n--b\r\n\r\njoin\r\n--b--\r\n",
            'multipart/alternative; boundary="b"',
            "7bit",
        ),
        encoded(
            b"--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n\r\njoin\r\n--c--\r\n--b\r\n\r\nhelp\r\n",
            "multipart/mixed; boundary=b",
            "7bit",
        ),
    ],
)
def test_the_first_plain_text_is_decoded(content: bytes) -> None:
    assert asked(content).asked == (JOIN,)


@pytest.mark.parametrize(
    "content",
    [
        encoded(b"join\r\n", "text/html", "7bit"),
        encoded(b"join\r\n", "multipart/mixed", "7bit"),
        encoded(b"--b\r\njoin\r\n", "multipart/mixed; boundary=c", "7bit"),
        encoded(b"=" * 5, "text/plain", "base64"),
        b"",
        b"\r\n",
        b"no header at all",
    ],
)
def test_a_message_without_readable_text_asks_for_nothing(content: bytes) -> None:
    assert asked(content) == Commands((), unknown=True)


def test_mime_as_deep_as_it_likes_is_read_no_further_than_the_limit() -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(400)
    )
    assert asked(nested + b"Content-Type: text/plain\r\n\r\njoin\r\n") == Commands((), unknown=True)


def test_no_more_octets_than_the_limit_are_read() -> None:
    assert len(text_of(split(b"\r\n" + b"a" * 2 * MAX_OCTETS))) <= MAX_OCTETS


def check_reading(content: bytes) -> None:
    """Whatever is asked for is a command, and whoever asks can be written to."""
    section = split(content)
    found = commands_for("request", "", section)
    assert found.asked or found.unknown
    assert all((command.verb is Verb.CONFIRM) == bool(command.token) for command in found.asked)
    author = author_of(section.fields, "bo@example.org")
    assert author is not None
    assert deliverable(author.email) == author.email


@given(st.binary(max_size=500))
def test_nothing_fails_on_any_octets(content: bytes) -> None:
    check_reading(content)


@given(
    st.lists(
        st.sampled_from(
            [b"Content-Type: multipart/mixed; boundary=", b'"', b"b", b"\r\n", b"\r\n\r\n", b"--b", b"--", b";", b"*0=",
             b"charset=", b"utf-16", b"Subject: ", b"=?utf-8?b?", b"?=", b"\xff", b"From: ", b"(", b"<", b">", b"@",
             b"Content-Transfer-Encoding: base64", b"text/plain", b"=", b"join"]
        ),
        max_size=40,
    ).map(b"".join)
)  # fmt: skip
def test_nothing_fails_on_broken_mime(content: bytes) -> None:
    check_reading(content)


def fields_with(value: str) -> list[Field]:
    return list(split(f"From: {value}\r\n\r\n".encode("utf-8", "surrogateescape")).fields)


@pytest.mark.parametrize(
    ("value", "author"),
    [
        ("bo@example.org", Author("bo@example.org", "")),
        ("Bo <Bo@Example.ORG>", Author("Bo@example.org", "Bo")),
        ('"Bo, \\"B\\"" <bo@example.org>', Author("bo@example.org", 'Bo, "B"')),
        ("=?utf-8?q?B=C3=B6?= <bo@example.org>", Author("bo@example.org", "Bö")),
        ("=?utf-8?q?B=0A=0Do?= <bo@example.org>", Author("bo@example.org", "B o")),
        ("Bo <bo@example.org>, Anne <anne@example.org>", Author("bo@example.org", "Bo")),
        ('Bo <bo@example.org>, "odd', Author("bo@example.org", "Bo")),
        ('"Bo <bo@example.org>, Anne <anne@example.org>', Author("bo@example.org", "Bo")),
        ("a@b@c, Bo <bo@example.org>", Author("bo@example.org", "Bo")),
        ("anne@example.org <bo@example.org>", Author("bo@example.org", "")),
        ("Bo bo@example.org", Author("bo@example.org", "")),
        ("=?utf-8?q?anne=40example.org=2C?= <bo@example.org>", Author("bo@example.org", "anne@example.org,")),
        ("bo@example.org (anne@example.org)", Author("bo@example.org", "anne@example.org")),
        ("Bo <b\udcf6@example.org>", Author("ce@example.net", "")),
        ("Bo <bo>", Author("ce@example.net", "")),
        ("(" * 5000 + "bo@example.org", Author("ce@example.net", "")),
        ("", Author("ce@example.net", "")),
    ],
)
def test_the_author_is_in_from_or_else_in_the_envelope(value: str, author: Author) -> None:
    assert author_of(fields_with(value), "ce@example.net") == author


def test_nobody_can_be_answered_who_has_no_address() -> None:
    assert author_of(fields_with("nobody"), "") is None
