"""What GNU Mailman's LMTP runner does with addresses and messages, through our door. Why we differ says docs/lmtp.md.

The lists are those of wire.lmtp_words: `closed` and `open`, and `team` beside `team-owner`, whose name ends in a
sub-address; l.example is an alias of their domain.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterator
from hashlib import sha1
from typing import Any

import pytest

from gatepost_queue import Claimed
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client
from wire.lmtp_words import DIRECTORY

ANNE = "anne@example.org"
MESSAGE = b"From: anne@example.org\r\nMessage-ID: <a@example.org>\r\n\r\nHello.\r\n"
OWNER = "owner@site.example"
COMMON = {"original_size", "received_time", "version", "_parsemsg"}

TO_LIST: dict[str, Any] = {"to_list": True}
TO_OWNER = {"subaddress": "owner", "to_owner": True, "envsender": OWNER}
TO_REQUEST = {"subaddress": "request", "to_request": True}
# local part; queue, list, metadata beside what all entries have
PLACES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("open", "in", "open", TO_LIST),
    ("OPEN", "in", "open", TO_LIST),
    ("open+x", "in", "open", TO_LIST),
    ("open+x+y", "in", "open", TO_LIST),
    ("open+x-owner", "in", "open", TO_LIST),
    ("open+", "in", "open", TO_LIST),
    ("open-owner", "in", "open", TO_OWNER),
    ("Open-OWNER", "in", "open", TO_OWNER),
    ("open-owner+x", "in", "open", TO_OWNER | {"extension": "x"}),
    ("open-request", "command", "open", TO_REQUEST),
    ("open-request+x", "command", "open", TO_REQUEST | {"extension": "x"}),
    ("open-confirm", "command", "open", {"subaddress": "confirm"}),
    ("open-confirm+0123aBcD", "command", "open", {"subaddress": "confirm", "extension": "0123aBcD"}),
    ("open-join", "command", "open", {"subaddress": "join"}),
    ("open-subscribe", "command", "open", {"subaddress": "join"}),
    ("open-leave", "command", "open", {"subaddress": "leave"}),
    ("open-unsubscribe", "command", "open", {"subaddress": "leave"}),
    ("open-bounces", "bounces", "open", {"subaddress": "bounces"}),
    ("open-bounces+Joe=example.org", "bounces", "open", {"subaddress": "bounces", "extension": "Joe=example.org"}),
    ("team", "in", "team", TO_LIST),
    ("team-owner", "in", "team-owner", TO_LIST),
    ("team-owner+x", "in", "team-owner", TO_LIST),
    ("team-owner-owner", "in", "team-owner", TO_OWNER),
    ("team-request", "command", "team", TO_REQUEST),
]
UNKNOWN = [
    "open-admin", "open-help", "open-owner-bounces", "postmaster", "noreply", "nobody", "nobody-owner", "-owner",
    "owner", "+open", "open_owner", "x+open",
]  # fmt: skip


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    folder = tmp_path_factory.mktemp("mailman")
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    settings = lmtp_settings("toml:///lists.toml").replace("[site]", f'[site]\nowner = "{OWNER}"')
    with RunningLmtp(folder, settings) as running:
        yield running


@pytest.fixture
def client(receiver: RunningLmtp) -> Iterator[Client]:
    receiver.take_all()
    with receiver.client() as client:
        yield client


def hand_in(client: Client, message: bytes, *recipients: str, sender: str = ANNE) -> None:
    assert [reply.code for reply in client.mail(sender, recipients)] == [250] * len(recipients)
    assert [reply.code for reply in client.data(message, len(recipients))] == [250] * len(recipients)


def kept(receiver: RunningLmtp) -> Claimed:
    [entry] = receiver.take_all()
    return entry


@pytest.mark.parametrize("domain", ["lists.example", "l.example", "LISTS.Example"])
@pytest.mark.parametrize(("local", "queue", "name", "metadata"), PLACES, ids=str)
def test_where_mail_goes(
    receiver: RunningLmtp, client: Client, local: str, queue: str, name: str, metadata: dict[str, Any], domain: str
) -> None:
    hand_in(client, MESSAGE, f"{local}@{domain}")
    entry = kept(receiver)
    assert (entry.queue, entry.listid, entry.envsender) == (queue, f"{name}.lists.example", ANNE)
    assert entry.metadata == metadata | {"listid": f"{name}.lists.example"} | {
        key: entry.metadata[key] for key in COMMON
    }
    assert entry.metadata["original_size"] == len(MESSAGE)
    assert (entry.metadata["version"], entry.metadata["_parsemsg"]) == (3, False)
    assert entry.metadata["received_time"] == entry.received


@pytest.mark.parametrize("domain", ["lists.example", "l.example"])
@pytest.mark.parametrize("local", UNKNOWN)
def test_what_is_no_address_of_a_list(client: Client, local: str, domain: str) -> None:
    [told] = client.mail(ANNE, [f"{local}@{domain}"])
    assert (told.code, told.status) == (550, "5.1.1")


def test_a_recipient_named_twice_is_queued_once(receiver: RunningLmtp, client: Client) -> None:
    hand_in(client, MESSAGE, "open@lists.example", "OPEN@l.example", "open+x@lists.example", "open@lists.example")
    assert kept(receiver).recipients == (
        "open@lists.example",
        "OPEN@l.example",
        "open+x@lists.example",
    )


def test_several_addresses_of_one_list(receiver: RunningLmtp, client: Client) -> None:
    """Each sub-address has an entry, and each user of a VERP address."""
    locals_ = ["open", "open-join", "open-subscribe", "open-bounces+a=x", "open-bounces+b=x", "open-owner"]
    hand_in(client, MESSAGE, *(f"{local}@lists.example" for local in locals_))
    assert sorted((entry.queue, entry.metadata.get("extension", "")) for entry in receiver.take_all()) == [
        ("bounces", "a=x"),
        ("bounces", "b=x"),
        ("command", ""),
        ("in", ""),
        ("in", ""),
    ]


def header(entry: Claimed, name: bytes) -> list[bytes]:
    """The values of all headers of a name."""
    lines = entry.content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [line.partition(b": ")[2] for line in lines if line.lower().startswith(name.lower() + b": ")]


@pytest.mark.parametrize(
    ("came", "message_id"),
    [
        (b"<a@example.org>", b"<a@example.org>"),
        (b"[a@example.org]", b"<a@example.org>"),
        (b"<[a@example.org]>", b"<a@example.org>"),
        (b"a@example.org", b"a@example.org"),
        (b"<\xe4@example.org>", b"<\xe4@example.org>"),
    ],
)
def test_the_message_id_and_its_hash(receiver: RunningLmtp, client: Client, came: bytes, message_id: bytes) -> None:
    hand_in(
        client, b"Message-ID: " + came + b"\r\nMessage-ID-Hash: X\r\nX-Message-ID-Hash: Y\r\n\r\n", "open@lists.example"
    )
    entry = kept(receiver)
    digest = b32encode(sha1(message_id.strip(b"<>")).digest())
    assert header(entry, b"Message-ID") == [message_id]
    assert header(entry, b"Message-ID-Hash") == header(entry, b"X-Message-ID-Hash") == [digest]


@pytest.mark.parametrize("headers", [b"", b"Message-ID:\r\n", b"Message-ID: \r\n"])
def test_a_message_id_is_made_where_there_is_none(receiver: RunningLmtp, client: Client, headers: bytes) -> None:
    hand_in(client, headers + b"Subject: x\r\n\r\n", "open@lists.example")
    entry = kept(receiver)
    [message_id] = header(entry, b"Message-ID")
    assert message_id.startswith(b"<")
    assert message_id.endswith(b"@mx.lab.example>")
    assert header(entry, b"Message-ID-Hash") == [b32encode(sha1(message_id[1:-1]).digest())]


@pytest.mark.parametrize(("sender", "shown"), [(ANNE, b"anne@example.org"), ("", b"<>")])
def test_x_mailfrom_is_put_behind_what_is_there(
    receiver: RunningLmtp, client: Client, sender: str, shown: bytes
) -> None:
    hand_in(client, b"X-MailFrom: mallory@example.net\r\n" + MESSAGE, "open-owner@lists.example", sender=sender)
    assert header(kept(receiver), b"X-MailFrom") == [b"mallory@example.net", shown]


def test_a_message_with_defects_is_kept(receiver: RunningLmtp, client: Client) -> None:
    broken = b"Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: rot13\r\n\r\n--y\r\n\xff\r\n"
    hand_in(client, broken, "open@lists.example")
    assert kept(receiver).content.endswith(b"\r\n\r\n--y\r\n\xff\r\n")
