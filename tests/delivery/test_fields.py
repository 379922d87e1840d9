"""Header fields taken apart and put together: what is not meant stays octet for octet."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost_delivery.answers import may_be_answered
from gatepost_delivery.fields import MAX_HEADER_OCTETS, decoded, field, rebuilt, split, value_of
from labs.post import POST

LINES = st.sampled_from(
    [b"From: a\r\n", b"To:b\n", b" folded\r\n", b"no field\r\n", b"\r\n", b"\n", b"X:", b"\x00: \xff\r\n", b":\r\n"]
)
ODD = st.lists(LINES | st.binary(max_size=20)).map(b"".join)


def names(content: bytes) -> list[bytes]:
    return [one.name for one in split(content).fields]


@given(ODD)
@example(b"")
@example(b"Subject: no body\r\n")
@example(b"Subject: no line end")
@example(b"no header\r\n")
@example(b"From: a\nTo: b\n\nbare line feeds\n")
def test_nothing_is_changed_but_an_empty_line_that_is_missing(content: bytes) -> None:
    again = rebuilt(split(content))
    head = b"".join(one.octets for one in split(content).fields)
    body = content[len(head) :]
    assert content.startswith(head)
    assert again in (content, head + b"\r\n" + body)
    assert again[len(head) :].startswith((b"\r\n", b"\n"))


def test_a_post_comes_apart() -> None:
    fields = split(POST).fields
    assert [one.name for one in fields] == [b"return-path", b"received", b"from", b"to", b"subject", b"message-id"]
    assert fields[1].text == "from there \tby here; now"
    assert value_of(fields, b"subject") == "hello"
    assert value_of(fields, b"cc") == ""


def test_the_first_line_that_is_no_field_begins_the_body() -> None:
    assert rebuilt(split(b"From: a\r\nnot a field\r\nTo: b\r\n\r\n")) == (
        b"From: a\r\n\r\nnot a field\r\nTo: b\r\n\r\n"
    )


def test_what_stands_behind_the_limit_is_no_field() -> None:
    many = b"X-Filler: %b\r\n" % (b"x" * 984) * (MAX_HEADER_OCTETS // 1000 + 2)
    content = many + b"Subject: far below\r\n\r\nbody\r\n"
    assert b"subject" not in names(content)
    head, _, body = rebuilt(split(content)).partition(b"\r\n\r\n")
    assert content.startswith(head)
    assert head + b"\r\n" + body == content


def test_octets_that_are_no_utf_8_survive() -> None:
    content = b"From: J\xf6rg <j@example.org>\r\n\r\n"
    one = split(content).fields[0]
    assert one.text == "J\udcf6rg <j@example.org>"
    assert field("From", one.text).octets == content[:-2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?J=C3=B6rg?=", "Jörg"),
        ("=?utf-8?b?SsO2?= =?utf-8?b?cmc=?= x", "Jörg x"),
        ("=?klingon?q?qapla?=", "=?klingon?q?qapla?="),
        ("=?utf-8?b?x?=", "=?utf-8?b?x?="),
        ("\udcf6 =?", "\udcf6 =?"),
    ],
)
def test_encoded_words(text: str, expected: str) -> None:
    assert decoded(text) == expected


@given(st.text())
def test_no_text_is_too_odd_to_decode(text: str) -> None:
    assert isinstance(decoded(f"=?{text}?= =?utf-8?q?{text}?="), str)


@pytest.mark.parametrize(
    ("sender", "head", "answered"),
    [
        ("anne@example.org", b"", True),
        ("anne@example.org", b"Auto-Submitted: no\r\n", True),
        ("anne@example.org", b"Precedence: first-class\r\n", True),
        ("anne@example.org", b"Content-Type: multipart/mixed; boundary=report\r\n", True),
        ("", b"", False),
        ("anne@example.org", b"Auto-Submitted: auto-replied (vacation)\r\n", False),
        ("anne@example.org", b"AUTO-SUBMITTED: auto-generated; x=y\r\n", False),
        ("anne@example.org", b"Precedence: Bulk\r\n", False),
        ("anne@example.org", b"Precedence: list\r\n", False),
        ("anne@example.org", b"List-Unsubscribe: <mailto:a@b>\r\n", False),
        ("anne@example.org", b"X-BeenThere: bee@example.net\r\n", False),
        ("anne@example.org", b"X-Auto-Response-Suppress: OOF\r\n", False),
        ("anne@example.org", b"Content-Type: multipart/report; report-type=delivery-status\r\n", False),
        ("MAILER-DAEMON@example.org", b"", False),
        ("owner-bee@example.org", b"", False),
        ("bee-bounces+anne=example.org@example.net", b"", False),
        ("bee-request@example.net", b"", False),
        ("no-reply@example.net", b"", False),
        ("requester@example.net", b"", True),
    ],
)
def test_who_is_answered(sender: str, head: bytes, answered: bool) -> None:
    assert may_be_answered(sender, split(head + b"\r\n").fields) is answered
