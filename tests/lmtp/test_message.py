"""What is read in a message's headers, what is put to them, and what stays as it came."""

from base64 import b32encode
from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lmtp.message import read_section, rebuilt, received, return_path
from gatepost_lmtp.spool import MEMORY_OCTETS, Spool


def hashed(message_id: bytes) -> bytes:
    return b32encode(sha1(message_id).digest())


def kept(octets: bytes, made: bytes = b"<made@x>", sender: str = "anne@people.example", *, cut: bool = False) -> bytes:
    section = read_section(octets, cut=cut)
    return rebuilt(section, b"Above: x\r\n", b"" if section.message_id else made, sender)


def below(message_id: bytes, sender: bytes = b"anne@people.example") -> bytes:
    digest = hashed(message_id)
    return b"Message-ID-Hash: %b\r\nX-Message-ID-Hash: %b\r\nX-MailFrom: %b\r\n" % (digest, digest, sender)


def test_everything_else_stays_octet_for_octet() -> None:
    came = b"SUBJECT :  a\r\n\t folded\r\nX: \xff\0\r\nMessage-Id:<a@b>\r\nFrom: \r\n\r\nbody\r\n"
    assert kept(came) == b"Above: x\r\n" + came.replace(b"\r\n\r\n", b"\r\n" + below(b"a@b") + b"\r\n")


@pytest.mark.parametrize(
    ("value", "stays", "identity"),
    [
        (b" <a@b>", b"Message-ID: <a@b>\r\n", b"a@b"),
        (b" a@b", b"Message-ID: a@b\r\n", b"a@b"),
        (b"\r\n <a@b>", b"Message-ID:\r\n <a@b>\r\n", b"a@b"),
        (b" [a@b]", b"Message-ID: <a@b>\r\n", b"a@b"),
        (b" <[a@b]>", b"Message-ID: <a@b>\r\n", b"a@b"),
        (b" <a@[192.0.2.1]>", b"Message-ID: <a@[192.0.2.1]>\r\n", b"a@[192.0.2.1]"),
        (b" <\xe9@b>", b"Message-ID: <\xe9@b>\r\n", b"\xe9@b"),
    ],
)
def test_message_ids(value: bytes, stays: bytes, identity: bytes) -> None:
    assert kept(b"Message-ID:" + value + b"\r\n\r\n") == b"Above: x\r\n" + stays + below(identity) + b"\r\n"


@pytest.mark.parametrize("came", [b"\r\n", b"Message-ID:\r\n\r\n", b"Message-ID: \r\n\t\r\n\r\n"])
def test_a_missing_message_id_is_made(came: bytes) -> None:
    assert kept(came) == b"Above: x\r\nMessage-ID: <made@x>\r\n" + below(b"made@x") + b"\r\n"


def test_the_first_of_two_message_ids_counts_and_both_stay() -> None:
    came = b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n"
    assert kept(came + b"\r\n") == b"Above: x\r\n" + came + below(b"a@b") + b"\r\n"


def test_hashes_that_came_are_replaced() -> None:
    came = b"message-id-hash: A\r\nMessage-ID: <a@b>\r\nX-Message-ID-Hash:\r\n B\r\n\r\n"
    assert kept(came) == b"Above: x\r\nMessage-ID: <a@b>\r\n" + below(b"a@b") + b"\r\n"


def test_the_null_sender() -> None:
    assert b"X-MailFrom: <>\r\n" in kept(b"\r\n", sender="")
    assert return_path("") == b"Return-Path: <>\r\n"


def test_what_is_no_header_ends_the_section() -> None:
    came = b"Subject: a\r\nno header\r\nFrom: b\r\n\r\nbody"
    section = read_section(came)
    assert section.fields == [b"Subject: a\r\n"]
    assert section.rest == b"\r\nno header\r\nFrom: b\r\n\r\nbody"


def test_a_mailbox_line_is_taken_out() -> None:
    assert read_section(b"From anne Sat Nov 21\r\nSubject: a\r\n\r\n").fields == [b"Subject: a\r\n"]


def test_a_section_that_is_cut_is_not_ended() -> None:
    assert kept(b"Message-ID: <a@b>\r\nX: begun", cut=True).endswith(below(b"a@b") + b"X: begun")


def test_senders_are_read() -> None:
    came = b"From: Anne <anne@x>\r\nReply-To: bo@x\r\nList-Id: <a.b>\r\n\r\n"
    assert read_section(came).headers.senders == ("anne@x", "bo@x")


@pytest.mark.parametrize(
    ("peer", "shown"), [("192.0.2.1", "[192.0.2.1]"), ("fe80::1%eth0", "[IPv6:fe80::1]"), ("", "local")]
)
def test_received(peer: str, shown: str) -> None:
    line = received("mx.example", peer, "here.example", "LMTP", "1.2", "Sat, 21 Nov 2026 00:00:00 +0000")
    assert line.startswith(b"Received: from mx.example (%b)\r\n\tby here.example" % shown.encode())
    assert line.endswith(b"\r\n\tid 1.2; Sat, 21 Nov 2026 00:00:00 +0000\r\n")


@given(st.lists(st.sampled_from([b"a: b\r\n", b" c\r\n", b"\r\n", b"Message-ID:", b" [x]", b"\0\xff:", b"From "])))
def test_nothing_is_lost(pieces: list[bytes]) -> None:
    came = b"".join([*pieces, b"\r\n"])
    section = read_section(came)
    assert section.rest.startswith(b"\r\n")
    assert len(came) <= sum(map(len, section.fields)) + len(section.rest) + len(came) * (
        b"ID" in came or b"From " in came
    )


@pytest.mark.parametrize("octets", [0, 10, MEMORY_OCTETS, MEMORY_OCTETS + 1, 3 * MEMORY_OCTETS])
@pytest.mark.parametrize("step", [977, 300_000])
def test_a_spool_gives_back_what_it_was_given(octets: int, step: int) -> None:
    came = b"Subject: a\r\n\r\n" + b"0123456789" * (octets // 10)
    spool = Spool(None)
    for at in range(0, len(came), step):
        spool.add(came[at : at + step])
    digest = spool.seal()
    assert spool.head == b"Subject: a\r\n\r\n"
    spool.head = b"Head: b\r\n\r\n"
    whole = came.replace(b"Subject: a", b"Head: b")
    assert [b"".join(spool.blocks()) for _ in range(2)] == [whole] * 2
    assert (spool.size, spool.in_memory in {None, whole}) == (len(whole), True)
    other = Spool(None)
    other.add(came)
    assert other.seal() == digest
    for each in (spool, other):
        each.close()


def test_a_spool_reads_no_head_beyond_its_limit() -> None:
    spool = Spool(None)
    for _ in range(400):
        spool.add(b"X: %b\r\n" % (b"y" * 990))
    spool.seal()
    assert spool.head_cut
    assert len(b"".join(spool.blocks())) == spool.size == 400 * 995
