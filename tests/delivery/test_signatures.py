"""Whose signatures count, which fields they would have left out, and whether they hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.fields import split
from gatepost_delivery.lookups import Lookups, NoAnswer
from gatepost_delivery.signatures import MAX_FIELDS, MAX_OCTETS, MAX_SIGNATURES, signatures_of
from gatepost_delivery.verifier import MAX_KEY_OCTETS, Verifier
from labs.dns import Manner, Server
from labs.post import Signer
from labs.post.signer import RELAXED, SIMPLE

HEAD = b"From: anne@example.org\r\nTo: ant@lists.example\r\nSubject: hello\r\n"
POST = HEAD + b"\r\nHello!\r\n"
NAME = "s._domainkey.example.org"
IMPATIENCE = 0.2


def signature(tags: bytes, algorithm: bytes = b"rsa-sha256") -> bytes:
    return b"DKIM-Signature: v=1; a=%b; %b; b=x\r\n" % (algorithm, tags)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def server(signer: Signer) -> Iterator[Server]:
    with Server() as running:
        running.records[NAME] = {"TXT": [signer.record]}
        yield running


def good(server: Server, content: bytes, seconds: float = 30.0) -> list[int]:
    """The numbers of the message's signatures that hold."""
    section = split(content)
    verifier = Verifier(Lookups([server.address], seconds=seconds))
    return [one.number for one in verifier.holding(section, signatures_of(section.fields))]


@pytest.mark.parametrize(
    ("head", "unwanted"),
    [
        (signature(b"d=x; h=From:To;\r\n\tbh=h=Cc"), [{b"to"}]),
        (signature(b"d=x; h = From : FROM\r\n\t: List-\r\n Id") + b"List-ID: x\r\n", [{b"from"}]),
        (b"dkim-signature:a=ed25519-sha256;b=x;d=x;h=from\r\n", [set()]),
        (signature(b"d=x; h=cc") + signature(b"d=x; h=cc:dkim-signature:dkim-signature"), [{b"cc"}, {b"cc"}]),
        (signature(b"h=cc"), []),
        (signature(b"d=; h=cc"), []),
        (signature(b"d=\xc3\xbc; h=cc"), []),
        (signature(b"d=x; h=cc", b"rsa-sha1"), []),
        (signature(b"d=x; h=cc" + b":cc" * (MAX_OCTETS // 3)), []),
        (signature(b"d=x; h=cc") + b"A: b\r\n" * MAX_FIELDS, []),
        (b"DKIM-Signature: nothing of the kind\r\nARC-Message-Signature: i=1; a=rsa-sha256; d=x; h=cc\r\n", []),
        (signature(b"d=x; h=cc") * (MAX_SIGNATURES + 1), [{b"cc"}] * MAX_SIGNATURES),
    ],
)
def test_what_they_allow_no_more_of(head: bytes, unwanted: list[set[bytes]]) -> None:
    fields = split(head + b"From: a@b\r\n\r\n").fields
    assert [one.allows_no_more_of(fields) for one in signatures_of(fields)] == unwanted


@pytest.mark.parametrize(
    ("domain", "authors", "aligned"),
    [
        ("example.org", ["example.org"], True),
        ("Example.ORG", ["example.org"], True),
        ("mail.example.org", ["example.org"], True),
        ("example.org", ["example.net", "news.example.org"], True),
        ("example.org", ["example.net"], False),
        ("ample.org", ["example.org"], False),
        ("example.org", ["ample.org"], False),
        ("example.org", [], False),
    ],
)
def test_whose_they_are(domain: str, authors: list[str], aligned: bool) -> None:
    [one] = signatures_of(split(signature(f"d={domain}; h=from".encode()) + b"\r\n").fields)
    assert one.is_aligned(authors) is aligned


@pytest.mark.parametrize("head", [SIMPLE, RELAXED])
@pytest.mark.parametrize("body", [SIMPLE, RELAXED])
def test_a_good_one_holds_and_a_bad_one_does_not(server: Server, signer: Signer, head: bytes, body: bytes) -> None:
    content = signer.sign(POST, [b"from", b"to", b"list-id"], (head, body))
    assert good(server, content) == [0]
    assert good(server, signature(b"d=example.org; s=s; h=from; bh=x") + content) == [1]
    assert good(server, b"X: above\r\n" + content) == [0]
    assert good(server, b"List-Id: above\r\n" + content) == []
    assert good(server, content.replace(b"ant@", b"bee@")) == []
    assert good(server, content.replace(b"Hello", b"Hullo")) == []
    assert good(server, signer.sign(POST, [b"from"], domain="example.net")) == []


@pytest.mark.parametrize(
    "records", [[], ["v=DKIM1; p="], ["v=spf1 -all"], ["rubbish"], ["\N{SNOWMAN}"], ["v=DKIM1; p=!"]]
)
def test_without_a_key_none_holds(server: Server, signer: Signer, records: list[str]) -> None:
    server.records[NAME] = {"TXT": records}
    assert good(server, signer.sign(POST, [b"from"])) == []


def test_two_keys_at_one_name_are_none(server: Server, signer: Signer) -> None:
    server.records[NAME] = {"TXT": [signer.record, f"{signer.record}; n=other"]}
    assert good(server, signer.sign(POST, [b"from"])) == []


def test_a_key_out_of_proportion_is_none(server: Server, signer: Signer) -> None:
    """What its exponent and modulus are is its owner's choice, and it is we who compute with them."""
    server.records[NAME] = {"TXT": [f"{signer.record}; n={'x' * MAX_KEY_OCTETS}"]}
    assert good(server, signer.sign(POST, [b"from"])) == []


def test_a_weak_key_is_none(server: Server) -> None:
    weak = Signer(512)
    server.records[NAME] = {"TXT": [weak.record]}
    assert good(server, weak.sign(POST, [b"from"])) == []


@pytest.mark.parametrize("manner", [Manner.SERVFAIL, Manner.SILENT, Manner.GARBAGE])
def test_a_key_that_cannot_be_had_is_trouble(server: Server, signer: Signer, manner: Manner) -> None:
    server.manners[NAME] = manner
    with pytest.raises(NoAnswer, match=NAME):
        good(server, signer.sign(POST, [b"from"]), IMPATIENCE)


def test_all_of_a_message_share_one_time_limit(server: Server, signer: Signer) -> None:
    """After the first that is not answered no other is asked for: the time is over."""
    server.manners.update({f"s._domainkey.{name}.example.org": Manner.SILENT for name in ("one", "two")})
    content = POST
    for name in ("two", "one"):
        content = signer.sign(content, [b"from"], domain=f"{name}.example.org")
    with pytest.raises(NoAnswer, match="one"):
        good(server, content, IMPATIENCE)
    assert {*server.names_asked()} == {"s._domainkey.one.example.org"}


def test_white_space_takes_no_time_out_of_proportion(server: Server, signer: Signer) -> None:
    """As it comes, so much of it takes dkimpy an hour; in relaxed form it is one blank."""
    signed = signer.sign(HEAD + b"\r\n x\r\n", [b"from"])
    longer = signed.replace(b"\r\n\r\n x", b"\r\n\r\n" + b" \t" * 2_000_000 + b"x")
    assert len(longer) > 4_000_000
    assert good(server, longer) == [0]
    assert good(server, longer + b"x") == []


TAGS = st.dictionaries(
    st.sampled_from([b"v", b"a", b"b", b"bh", b"c", b"d", b"h", b"i", b"l", b"q", b"s", b"t", b"x"]),
    st.sampled_from([b"", b"1", b"rsa-sha256", b"example.org", b"relaxed/relaxed", b"from:to", b"s", b"A" * 44])
    | st.binary(max_size=20),
)


@given(TAGS)
def test_nothing_is_too_odd_to_be_read(tags: dict[bytes, bytes]) -> None:
    written = {b"a": b"rsa-sha256", b"d": b"example.org", b"s": b"s"} | tags
    value = b"; ".join(b"%b=%b" % one for one in written.items()).replace(b"\n", b"")
    content = b"DKIM-Signature: %b\r\n%b" % (value, POST)
    section = split(content)
    with Server() as server:
        server.records[NAME] = {"TXT": ["v=DKIM1; p=AAAA"]}
        verifier = Verifier(Lookups([server.address]))
        assert verifier.holding(section, signatures_of(section.fields)) == []


def test_ed25519_is_no_trouble(server: Server) -> None:
    """Without PyNaCl, which nothing else needs, it cannot be checked."""
    server.records[NAME] = {"TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]}
    tags = b"d=example.org; s=s; c=relaxed/relaxed; h=from; bh=%b" % (b"A" * 43 + b"=")
    assert good(server, signature(tags, b"ed25519-sha256").replace(b"b=x", b"b=AAAA") + POST) == []
