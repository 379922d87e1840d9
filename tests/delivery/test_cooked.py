"""What a list puts above a post, and what it takes off."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest

from gatepost_delivery.cooked import cleansed, cooked, may_be_left_out, without_lists
from gatepost_delivery.fields import rebuilt, split
from labs.post import ANT, POST, Called

ABOVE = (
    b"X-BeenThere: ant@lists.example\r\n"
    b"Precedence: list\r\n"
    b"List-Id: Ant\r\n <ant.lists.example>\r\n"
    b"List-Help: <mailto:ant-request@lists.example?subject=help>\r\n"
    b"List-Subscribe: <mailto:ant-join@lists.example>\r\n"
    b"List-Unsubscribe: <mailto:ant-leave@lists.example>\r\n"
    b"List-Post: <mailto:ant@lists.example>\r\n"
    b"List-Owner: <mailto:ant-owner@lists.example>\r\n"
)


def sent(content: bytes, mailing_list: Called = ANT) -> bytes:
    return cooked(without_lists(cleansed(split(content))), mailing_list)


def test_the_list_s_fields_stand_above_all_others() -> None:
    assert sent(POST) == ABOVE + POST.removeprefix(b"Return-Path: <anne@example.org>\r\n")


def test_other_lists_fields_go_but_for_the_way_that_they_tell() -> None:
    before = (
        b"X-BeenThere: bee@lists.example\r\nList-Id: <bee.lists.example>\r\nlist-archive: <http://bee>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nPRECEDENCE: bulk\r\nErrors-To: <x@example.net>\r\n"
    )
    stay = b"Auto-Submitted: auto-generated\r\nSender: s@example.net\r\nX-Listen: 1\r\n\r\nbody\r\n"
    assert sent(before + stay) == ABOVE + b"X-BeenThere: bee@lists.example\r\n" + stay


def test_other_lists_fields_go_signed_or_not() -> None:
    signature = b"DKIM-Signature: v=1; h=from:list-id:list-id:precedence:precedence; b=x\r\n"
    content = b"List-Id: <bee.lists.example>\r\nPrecedence: bulk\r\nArchived-At: <http://bee>\r\nFrom: a@b\r\n\r\n"
    assert sent(signature + content) == ABOVE + signature + b"From: a@b\r\n\r\n"


def test_some_of_the_list_s_fields_may_be_left_out() -> None:
    above = cooked(split(b"From: a@b\r\n\r\n"), ANT, {b"list-id", b"list-help"}).partition(b"From:")[0]
    assert above == b"".join(
        one for one in ABOVE.splitlines(keepends=True) if not one.startswith((b"List-Id", b" <", b"List-Help"))
    )


@pytest.mark.parametrize(
    ("unwanted", "left_out"),
    [
        (set(), set()),
        ({b"list-id", b"list-archive", b"to", b"list-post"}, {b"list-id", b"list-post"}),
        ({b"list-id", b"x-beenthere"}, set()),
        ({b"list-id", b"precedence"}, set()),
    ],
)
def test_where_another_of_ours_breaks_a_signature_none_is_left_out(unwanted: set[bytes], left_out: set[bytes]) -> None:
    assert may_be_left_out(unwanted) == left_out


@pytest.mark.parametrize(
    ("description", "display_name", "expected"),
    [
        ("", "", b"List-Id: <ant.lists.example>\r\n"),
        ("All about ants", "Ant", b"List-Id: All about ants\r\n <ant.lists.example>\r\n"),
        ("", 'Ants, "red"', b'List-Id: "Ants, \\"red\\""\r\n <ant.lists.example>\r\n'),
        ("Ants <bee.lists.example>", "", b'List-Id: "Ants <bee.lists.example>"\r\n <ant.lists.example>\r\n'),
    ],
)
def test_list_id(description: str, display_name: str, expected: bytes) -> None:
    assert expected in sent(POST, replace(ANT, description=description, display_name=display_name))


def test_a_name_that_is_not_ascii() -> None:
    description = "Über Ameisen, Bienen und andere staatenbildende Insekten, ihre Lebensräume und ihre Königinnen"
    content = sent(POST, replace(ANT, description=description))
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 76
    value = message_from_bytes(content, policy=default)["List-Id"]
    assert value == f"{description} <ant.lists.example>"


def test_a_list_s_name_in_addresses() -> None:
    content = sent(POST, Called(list_name="a+b=c&d?e", list_id="x.lists.example"))
    assert b"<mailto:a%2Bb%3Dc%26d%3Fe-leave@lists.example>" in content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no header at all\r\n",
        b"From: a@b\r\n",
        b"From: a@b\r\n\r\n",
        b"From: J\xf6rg\r\n\r\n\x00\xff\r\n",
        b"From: a@b\r\n" + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 400,
        b"From: a@b\r\n\r\n" + b"x" * 30_000_000,
    ],
    ids=["nothing", "no-header", "no-end", "no-body", "8-bit", "nested", "30-mb"],
)
def test_malformed_messages_are_sent_as_they_are(content: bytes) -> None:
    found = sent(content)
    head, empty_line, body = content.partition(b"\r\n\r\n")
    assert found.startswith(ABOVE)
    assert found[len(ABOVE) :] in (content, content + b"\r\n", b"\r\n" + content)
    assert not empty_line or found == ABOVE + head + empty_line + body


def test_return_path_goes_signed_or_not() -> None:
    whole = b"DKIM-Signature: h=return-path\r\n" + POST
    assert rebuilt(cleansed(split(whole))) == whole.replace(b"Return-Path: <anne@example.org>\r\n", b"")
