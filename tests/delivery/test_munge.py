"""From written anew, or the whole message wrapped, whatever From looks like."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.fields import rebuilt, split
from gatepost_delivery.munge import author_domains, munged, wrapped
from labs.post import ANT, POST, Called


def from_field(content: bytes, name: str = "From") -> str:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return str(message[name])


def head(*fields: bytes) -> bytes:
    return b"\r\n".join((*fields, b"", b"body\r\n"))


def as_munged(content: bytes, mailing_list: Called = ANT) -> bytes:
    return rebuilt(munged(split(content), mailing_list))


def test_a_plain_from() -> None:
    assert as_munged(POST) == POST.replace(
        b"From: Anne <anne@example.org>\r\n", b"From: Anne via Ant <ant@lists.example>\r\n"
    ).replace(b"\r\n\r\nHello", b"\r\nReply-To: Anne <anne@example.org>\r\n\r\nHello")


@pytest.mark.parametrize(
    ("field", "author", "reply_to"),
    [
        (b"From: anne@example.org", "anne via Ant", "anne@example.org"),
        (b"From: <anne@example.org>", "anne via Ant", "anne@example.org"),
        (b"From: anne@example.org (Anne)", "Anne via Ant", "Anne <anne@example.org>"),
        (b'From: "Bee, Anne" <anne@example.org>', '"Bee, Anne via Ant"', '"Bee, Anne" <anne@example.org>'),
        (b"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>", "Jörg via Ant", "Jörg <j@example.org>"),
        (b"From: =?iso-8859-1?q?J=F6rg?=\r\n\t<j@example.org>", "Jörg via Ant", "Jörg <j@example.org>"),
        ("From: Jörg <j@example.org>".encode(), "Jörg via Ant", "Jörg <j@example.org>"),
        (b"From: J\xf6rg <j@example.org>", "J rg via Ant", "J rg <j@example.org>"),
        (b"From: A <a@b.c>, D <d@e.f>", '"A, D via Ant"', "A <a@b.c>, D <d@e.f>"),
        (b"From: A <a@b.c>\r\nFrom: D <d@e.f>", '"A, D via Ant"', "A <a@b.c>, D <d@e.f>"),
        (b"From: Board: A <a@b.c>, D <d@e.f>;", '"A, D via Ant"', "A <a@b.c>, D <d@e.f>"),
        (
            b"From: a@b, c@d, e@f, g@h",
            '"a, c, e via Ant"',
            "a@b, c@d, e@f, g@h",
        ),
        (b"From: Anne Bee, Jr. <anne@example.org>", '"Jr. via Ant"', '"Jr." <anne@example.org>'),
        (b'From: "a b"@example.org', '"\\"a b\\" via Ant"', '"a b"@example.org'),
        (b"From: Anne <anne@example.org", "Anne via Ant", "Anne <anne@example.org>"),
        (b"From: a@b.c via d@e.f", '"a, d via Ant"', "a@b.c, d@e.f"),
        (b"From: a@b.c <d@e.f>", '"d, a via Ant"', "d@e.f, a@b.c"),
        (b"From: a@b.c <a@b.c>", "a via Ant", "a@b.c"),
        (b"From: A a@b.c <A@b.c>, a@b.c", "A via Ant", "A <A@b.c>"),
        (b"From: Anne @ Work <a@b.c>", '"Anne @ Work via Ant"', '"Anne @ Work" <a@b.c>'),
        (b"From: Anne a@b.c (at work)", "at work via Ant", "at work <a@b.c>"),
        (b'From: "Odd, A <a@b.c>, D <d@e.f>', '"A, D via Ant"', "A <a@b.c>, D <d@e.f>"),
        (b'From: "Odd, a@b.c\r\nFrom: "Dee" <d@e.f>', '"a, Dee via Ant"', "a@b.c, Dee <d@e.f>"),
        (b"From: x@y@z, A <a@b.c>", "A via Ant", "A <a@b.c>"),
        (b"From: =?utf-8?q?Bee,_A?= <a@b.c>", '"Bee, A via Ant"', '"Bee, A" <a@b.c>'),
        (b"From: =?utf-8?q?d=40e.f=2C?= <a@b.c>", '"d@e.f, via Ant"', '"d@e.f," <a@b.c>'),
    ],
)
def test_every_kind_of_from(field: bytes, author: str, reply_to: str) -> None:
    content = as_munged(head(field, b"Subject: s"))
    assert from_field(content) == f"{author} <ant@lists.example>"
    assert from_field(content, "Reply-To") == reply_to
    assert content.count(b"\nReply-To:") == content.count(b"From:") == 1
    assert content.endswith(b"\r\n\r\nbody\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Reply-To: list@example.net", "list@example.net, A <a@b.c>"),
        (b"Reply-To: Other <A@B.C>", "A <a@b.c>"),
        (b"Reply-To: x@y.z\r\nReply-To: v@w.x", "x@y.z, v@w.x, A <a@b.c>"),
        (b"Reply-To:", "A <a@b.c>"),
        (b"Reply-To: nobody", "A <a@b.c>"),
    ],
)
def test_an_existing_reply_to_is_kept(before: bytes, after: str) -> None:
    assert from_field(as_munged(head(before, b"From: A <a@b.c>")), "Reply-To") == after


def test_a_list_s_name_that_is_not_ascii() -> None:
    content = as_munged(head(b"From: A <a@b.c>"), replace(ANT, display_name="Über-Ameisen, rot"))
    assert content.isascii()
    assert from_field(content) == '"A via Über-Ameisen, rot" <ant@lists.example>'


def test_a_long_name_does_not_make_a_long_line() -> None:
    content = as_munged(head("From: {} <a@b.c>".format("Jörg " * 2000).encode()))
    assert max(map(len, content.splitlines())) < 200


@pytest.mark.parametrize(
    ("field", "domains"),
    [
        (b"From: A <a@Example.ORG.>", ["example.org"]),
        ("From: A <a@Übung.example>".encode(), ["xn--bung-zra.example"]),
        (b"From: a@b.c, d@B.C, e@f.g", ["b.c", "f.g"]),
        (b"From: a@b.c\r\nFrom: e@f.g", ["b.c", "f.g"]),
        (b"From: a@b.c <d@e.f>", ["e.f", "b.c"]),
        (b'From: "a@b.c, " <d@e.f> (x@y.z)', ["e.f"]),
        (b'From: "odd, a@b.c, d@e.f', ["b.c", "e.f"]),
        (b"From: x@y@z, a@b.c", ["b.c"]),
        (b"From: a@b.c," + b"x" * 10_000 + b"@e.f", ["b.c"]),
        (b"From: a@b.c\r\nFrom:" + b"x" * 10_000 + b"@e.f, d@e.f\r\nFrom: g@h.i", ["b.c"]),
        (b"From: undisclosed:;", []),
        (b"From: nobody", []),
        (b"From:", []),
        (b"Sender: a@b.c", []),
        (b"From: " + b"(" * 100_000, []),
        (b"From: " + b", ".join(b"a@%d.example" % number for number in range(1000)), None),
    ],
)
def test_the_domains_that_are_asked_about(field: bytes, domains: list[str] | None) -> None:
    found = author_domains(split(head(field)).fields)
    assert found == domains if domains is not None else len(found) == 20


def test_a_wrapped_message_is_whole() -> None:
    content = rebuilt(wrapped(split(POST), ANT))
    outer = message_from_bytes(content, policy=default)
    assert outer.get_content_type() == "message/rfc822"
    assert content.endswith(b"\r\n\r\n" + POST)
    assert outer["Content-Transfer-Encoding"] == "7bit"
    assert {name: outer[name] for name in ("From", "Reply-To", "To", "Subject", "Message-ID", "MIME-Version")} == {
        "From": "Anne via Ant <ant@lists.example>",
        "Reply-To": "Anne <anne@example.org>",
        "To": "ant@lists.example",
        "Subject": "hello",
        "Message-ID": "<1@example.org>",
        "MIME-Version": "1.0",
    }


def test_a_wrapped_message_keeps_what_tells_of_its_way() -> None:
    content = head(b"Received: a", b"Received: b", b"X-BeenThere: bee@x.y", b"From: A <a@b.c>", "X: ü".encode())
    outer = message_from_bytes(rebuilt(wrapped(split(content), ANT)))
    assert outer.get_all("Received") == ["a", "b"]
    assert outer["X-BeenThere"] == "bee@x.y"
    assert outer["Content-Transfer-Encoding"] == "8bit"
    assert "X" not in outer


@given(st.binary(max_size=60).map(lambda value: value.replace(b"\n", b"\r\n ")), st.binary(max_size=20))
def test_no_from_is_too_odd(value: bytes, name: bytes) -> None:
    content = head(b"From: " + value.rstrip(), b"Reply-To: " + name.replace(b"\n", b""), b"Subject: s")
    for changed in (munged(split(content), ANT), wrapped(split(content), ANT)):
        assert [one.name for one in changed.fields].count(b"from") == 1
        assert list(split(rebuilt(changed)).fields) == list(changed.fields)
