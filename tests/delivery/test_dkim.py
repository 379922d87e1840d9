"""A signature made before a post is sent on holds afterwards, unless it covers what no post may have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dkim
import pytest

from gatepost_delivery.cooked import cooked
from gatepost_delivery.fields import split
from gatepost_delivery.lookups import Lookups
from gatepost_delivery.munge import wrapped
from gatepost_delivery.verifier import Verifier
from labs.dns import Server
from labs.post import ANT, Signer, Site
from labs.post.signer import RELAXED, SIMPLE

HEAD = (
    b"Received: from there\r\n\tby here;  now\r\nFrom: Anne  <anne@example.org>\r\nTo:  ant@lists.example\r\n"
    b"Subject: a\r\n long   one\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
)
BODY = b"\r\nHello,  \xc3\xbc!\r\n-- \r\nAnne \t\r\n\r\n\r\n"
OTHERS = b"List-Id: <bee.lists.example>\r\nList-Post: NO\r\nPrecedence: bulk\r\nX-BeenThere: bee@lists.example\r\n"
MESSAGE = HEAD + OTHERS + BODY
# What Exim signs by default, there or not, of the fields of a list.
EXIM = [b"list-id", b"list-help", b"list-unsubscribe", b"list-subscribe", b"list-post", b"list-owner", b"list-archive"]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def site(tmp_path: Path, signer: Signer) -> Iterator[Site]:
    """Where the DNS is asked for keys: example.org has one."""
    with Server() as names, closing(Site(tmp_path)) as opened:
        names.records[signer.name("example.org")] = {"TXT": [signer.record]}
        opened.posts = replace(opened.posts, verifier=Verifier(Lookups([names.address])))
        yield opened


def sent(site: Site, content: bytes) -> bytes:
    """As it arrives from the receiver, and leaves for the members."""
    content = b"Return-Path: <anne@example.org>\r\nReceived: from the receiver\r\n" + content
    [put] = site.post(content, approved=True).puts
    assert isinstance(put.message.content, bytes)
    return put.message.content


def list_fields(content: bytes, names: Collection[bytes]) -> set[bytes]:
    """Those of these names that the message has."""
    return {one.name for one in split(content).fields} & {*names}


@pytest.mark.parametrize("head", [SIMPLE, RELAXED])
@pytest.mark.parametrize("body", [SIMPLE, RELAXED])
@pytest.mark.parametrize(
    "names",
    [
        [b"from"],
        [b"from", b"to", b"subject", b"message-id", b"mime-version", b"content-type"],
        [b"from", b"from", b"subject", b"subject", b"reply-to", b"cc"],
        [b"from", b"x-beenthere"],
    ],
    ids=lambda names: b"-".join(names).decode(),
)
def test_it_holds(site: Site, signer: Signer, names: list[bytes], head: bytes, body: bytes) -> None:
    """All of the list's own fields are there, and none is there twice."""
    content = signer.sign(MESSAGE, names, (head, body))
    assert signer.verifies(content)
    found = sent(site, content)
    assert signer.verifies(found)
    assert found.startswith(cooked(split(b""), ANT).removesuffix(b"\r\n"))
    assert b"bee.lists" not in found
    assert found.count(b"Precedence:") == 1


@pytest.mark.parametrize("head", [SIMPLE, RELAXED])
@pytest.mark.parametrize("body", [SIMPLE, RELAXED])
@pytest.mark.parametrize("names", [[b"from", b"to", *EXIM], [b"from", b"list-id", b"list-id"]], ids=["exim", "list-id"])
def test_it_holds_where_it_signs_that_there_are_no_list_fields(
    site: Site, signer: Signer, names: list[bytes], head: bytes, body: bytes
) -> None:
    found = sent(site, signer.sign(HEAD + BODY, names, (head, body)))
    assert signer.verifies(found)
    assert not list_fields(found, names) - {b"from", b"to"}
    assert list_fields(found, [b"x-beenthere", b"precedence"]) == {b"x-beenthere", b"precedence"}


@pytest.mark.parametrize("more", [b"precedence", b"x-beenthere"])
def test_where_it_cannot_hold_all_list_fields_are_there(site: Site, signer: Signer, more: bytes) -> None:
    found = sent(site, signer.sign(HEAD + BODY, [b"from", *EXIM, more]))
    assert list_fields(found, EXIM) == {*EXIM} - {b"list-archive"}


@pytest.mark.parametrize("often", [1, 2], ids=["once", "twice"])
def test_other_lists_fields_go_though_an_author_signed_them(site: Site, signer: Signer, often: int) -> None:
    found = sent(site, signer.sign(MESSAGE, [b"from", *EXIM * often]))
    assert list_fields(found, EXIM) == {*EXIM} - {b"list-archive"}
    assert b"bee.lists" not in found


def test_two_signatures_hold(site: Site, signer: Signer) -> None:
    once = signer.sign(HEAD + BODY, [b"from", b"list-id"])
    found = sent(site, signer.sign(once, [b"from", b"list-post", b"to"]))
    assert found.count(b"DKIM-Signature:") == 2
    assert signer.verifies(found)
    assert signer.verifies(found, 1)
    assert not list_fields(found, [b"list-id", b"list-post"])


def test_the_check_is_a_check(site: Site, signer: Signer) -> None:
    content = sent(site, signer.sign(MESSAGE, [b"from", b"subject"]))
    with pytest.raises(dkim.ValidationError, match="body hash"):
        signer.verifies(content.replace(b"Hello", b"Hullo"))
    assert not signer.verifies(content.replace(b"long", b"short"))


def test_it_holds_for_owners(site: Site, signer: Signer) -> None:
    content = b"Return-Path: <anne@example.org>\r\n" + signer.sign(MESSAGE, [b"from", b"to", *EXIM])
    [put] = site.to_owners(content).puts
    assert isinstance(put.message.content, bytes)
    assert signer.verifies(put.message.content)


def test_it_holds_within_a_wrapped_message(signer: Signer) -> None:
    content = signer.sign(MESSAGE, [b"from", b"to", b"list-id", b"list-help"])
    whole = cooked(wrapped(split(content), ANT), ANT)
    assert signer.verifies(whole.partition(b"\r\n\r\n")[2])
