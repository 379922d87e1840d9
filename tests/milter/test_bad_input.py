"""Whatever a mail server sends: odd addresses and headers, rubbish, and connections that end anywhere."""

import os
import struct
from collections.abc import Callable
from functools import partial

import pytest

from labs.milter import Milter, MilterClient
from labs.milter.client import SILENT_MAIL
from labs.milter.service import ANNE, CLOSED, MAY_NOT_POST, NO_LIST, NOBODY, OWNER, PUT_OFF, STRANGER

LONG = "x" * 5000


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        (b"closed\xff@lists.example", NO_LIST),
        (b"closed@lists\xff.example", ""),
        ("", "553 5.1.3 the recipient address cannot be read"),
        (f"{LONG}@lists.example", NO_LIST),
        (f"closed+{LONG}@lists.example", MAY_NOT_POST),
        (f"closed@{LONG}.example", ""),
        ("closed", ""),
        ("%s%n%%@lists.example", NO_LIST),
        ("closed@lists.example>", MAY_NOT_POST),
        (" ", "553 5.1.3 the recipient address cannot be read"),
    ],
    ids=["no UTF-8", "domain no UTF-8", "empty", "5,000", "extension", "domain", "bare", "percent", "bracket", "space"],
)
def test_recipients_of_every_kind(recipient: str | bytes, reply: str, milter: Milter) -> None:
    with milter.client() as client:
        client.mail(STRANGER)
        assert client.rcpt(recipient) == reply
        assert client.rcpt(CLOSED) == MAY_NOT_POST


@pytest.mark.parametrize("sender", [b"\xff\xfe@people.example", LONG, "no address", "<<>>", "%n%s", "a" * 60_000])
def test_senders_of_every_kind(sender: str | bytes, milter: Milter) -> None:
    with milter.client() as client:
        client.mail(sender, "SIZE=x", "SIZE", "BODY=\x01")
        assert client.rcpt(OWNER) == ""
        assert client.rcpt(CLOSED) in (MAY_NOT_POST, PUT_OFF)


def test_addresses_without_brackets_count_the_same(milter: Milter) -> None:
    with milter.client() as client:
        for sender, reply in ((STRANGER, MAY_NOT_POST), (ANNE, "")):
            client.step("M", sender, silent=SILENT_MAIL)
            assert client.step("R", CLOSED) == reply


RUBBISH = {
    "noise": os.urandom(5000),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a packet of 4 GB": struct.pack("!I", 0xFFFFFFFF) + b"M",
    "an empty packet": struct.pack("!I", 0),
    "an unknown letter": struct.pack("!I", 1) + b"z",
    "a short option packet": struct.pack("!I", 3) + b"Oxx",
    "a header of nothing": struct.pack("!I", 3) + b"L\0\0",
    "MAIL without an end": struct.pack("!I", 6) + b"M<a@b>",
    "MAIL of nothing": struct.pack("!I", 1) + b"M",
    "RCPT before MAIL": struct.pack("!I", 7) + b"R<a@b>\0",
    "a macro without a value": struct.pack("!I", 4) + b"DMi\0",
    "half a packet": struct.pack("!I", 500) + b"M<a",
}


@pytest.mark.parametrize("octets", RUBBISH.values(), ids=RUBBISH)
@pytest.mark.parametrize("greeted", [False, True], ids=["at once", "after negotiation"])
def test_rubbish_disturbs_nobody(octets: bytes, greeted: bool, milter: Milter) -> None:
    with milter.client() as other:
        other.mail(STRANGER)
        if greeted:
            with milter.client() as client:
                client.send_octets(octets)
        else:
            with milter.connect("milter") as raw:
                raw.sendall(octets)
        assert other.rcpt(CLOSED) == MAY_NOT_POST


@pytest.mark.parametrize("taken", range(6))
def test_a_server_that_aborts_or_vanishes_at_any_step(taken: int, at_headers: Milter) -> None:
    for how in (MilterClient.abort, MilterClient.vanish, MilterClient.close):
        client = at_headers.client()
        steps: list[Callable[[], object]] = [
            partial(client.mail, STRANGER),
            partial(client.rcpt, CLOSED),
            partial(client.header, "From", ANNE),
            client.end_of_headers,
            client.end_of_message,
        ]
        for step in steps[:taken]:
            step()
        how(client)
        if how is MilterClient.abort:
            client.mail(STRANGER)
            assert client.rcpt(NOBODY) == NO_LIST
            client.close()
    assert at_headers.ask(recipient=NOBODY) == NO_LIST


def test_two_hundred_connections_are_held_open(milter: Milter) -> None:
    clients = [milter.client() for _ in range(200)]
    for client in clients:
        client.mail(STRANGER)
    assert {client.rcpt(CLOSED) for client in clients} == {MAY_NOT_POST}
    for client in clients:
        client.close()
