"""A signature made before a post is sent on holds afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

import dkim
import pytest

from gatepost_delivery.cooked import cleansed, cooked
from gatepost_delivery.fields import rebuilt, signed, split
from gatepost_delivery.munge import wrapped
from postlab import ANT

MESSAGE = (
    b"Received: from there\r\n\tby here;  now\r\nFrom: Anne  <anne@example.org>\r\nTo:  ant@lists.example\r\n"
    b"Subject: a\r\n long   one\r\nList-Id: <bee.lists.example>\r\nList-Post: NO\r\nPrecedence: bulk\r\n"
    b"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Hello,  \xc3\xbc!\r\n-- \r\nAnne \t\r\n\r\n\r\n"
)
SIMPLE, RELAXED = b"simple", b"relaxed"
Sign = Callable[..., bytes]
Holds = Callable[..., bool]


@pytest.fixture(scope="module")
def private_key() -> bytes:
    return subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout


@pytest.fixture
def sign(private_key: bytes) -> Sign:
    def sign(content: bytes, names: Sequence[bytes], how: tuple[bytes, bytes] = (RELAXED, RELAXED)) -> bytes:
        signature = dkim.sign(content, b"s", b"example.org", private_key, canonicalize=how, include_headers=names)
        assert isinstance(signature, bytes)
        return signature + content

    return sign


@pytest.fixture
def holds(private_key: bytes) -> Holds:
    pem = subprocess.run(["openssl", "rsa", "-pubout"], input=private_key, check=True, capture_output=True).stdout
    record = b"v=DKIM1; k=rsa; p=" + b"".join(pem.splitlines()[1:-1])

    def holds(content: bytes, number: int = 0) -> bool:
        """Of several signatures, the one that is so far below the first."""
        return bool(dkim.DKIM(content).verify(number, dnsfunc=lambda name, timeout=5: record))

    return holds


def sent(content: bytes) -> bytes:
    """As it arrives from the receiver, and leaves."""
    section = split(b"Return-Path: <anne@example.org>\r\nReceived: from the receiver\r\n" + content)
    return cooked(cleansed(section), ANT, signed(section.fields))


@pytest.mark.parametrize("head", [SIMPLE, RELAXED])
@pytest.mark.parametrize("body", [SIMPLE, RELAXED])
@pytest.mark.parametrize(
    "names",
    [
        [b"from"],
        [b"from", b"to", b"subject", b"message-id", b"mime-version", b"content-type"],
        [b"from", b"from", b"subject", b"subject", b"reply-to", b"cc"],
        [b"from", b"list-id", b"list-post", b"precedence"],
        [b"from", b"list-id", b"list-id"],
        [b"from", b"list-id", b"list-help", b"list-unsubscribe", b"list-unsubscribe-post", b"list-archive"],
    ],
    ids=lambda names: b"-".join(names).decode(),
)
def test_it_holds(sign: Sign, holds: Holds, names: list[bytes], head: bytes, body: bytes) -> None:
    content = sign(MESSAGE, names, (head, body))
    assert holds(content)
    assert holds(sent(content))


def test_the_check_is_a_check(sign: Sign, holds: Holds) -> None:
    content = sent(sign(MESSAGE, [b"from", b"subject"]))
    with pytest.raises(dkim.ValidationError, match="body hash"):
        holds(content.replace(b"Hello", b"Hullo"))
    assert not holds(content.replace(b"long", b"short"))


def test_two_signatures_hold(sign: Sign, holds: Holds) -> None:
    once = sign(MESSAGE, [b"from", b"list-id"])
    twice = sent(sign(once, [b"from", b"list-post", b"precedence", b"precedence"]))
    assert twice.count(b"DKIM-Signature:") == 2
    assert holds(twice)
    assert holds(twice, 1)


def test_it_holds_for_owners(sign: Sign, holds: Holds) -> None:
    section = split(b"Return-Path: <anne@example.org>\r\n" + sign(MESSAGE, [b"from", b"to", b"subject"]))
    assert holds(rebuilt(cleansed(section)))


def test_it_holds_within_a_wrapped_message(sign: Sign, holds: Holds) -> None:
    content = sign(MESSAGE, [b"from", b"to", b"list-id", b"list-help"])
    whole = cooked(wrapped(split(content), ANT), ANT, {})
    assert holds(whole.partition(b"\r\n\r\n")[2])
