"""Queues and metadata, as GNU Mailman's runners want them."""

import pytest

from gatepost_lmtp.entries import Destination, Origin, entries_for

ORIGIN = Origin("anne@people.example", 1234, 1000.5, "owner@site.example")
ALWAYS = {
    "listid": "ant.example",
    "original_size": 1234,
    "received_time": 1000.5,
    "version": 3,
    "_parsemsg": False,
}


def to(
    subaddress: str, extension: str = "", listid: str = "ant.example", recipient: str = "ant@example"
) -> Destination:
    return Destination(listid, subaddress, extension, recipient)


@pytest.mark.parametrize(
    ("subaddress", "queue", "more"),
    [
        ("", "in", {"to_list": True}),
        ("owner", "in", {"subaddress": "owner", "to_owner": True, "envsender": "owner@site.example"}),
        ("request", "command", {"subaddress": "request", "to_request": True}),
        ("confirm", "command", {"subaddress": "confirm"}),
        ("join", "command", {"subaddress": "join"}),
        ("leave", "command", {"subaddress": "leave"}),
        ("bounces", "bounces", {"subaddress": "bounces"}),
    ],
)
def test_where_it_goes(subaddress: str, queue: str, more: dict[str, object]) -> None:
    [entry] = entries_for([to(subaddress)], ORIGIN)
    assert (entry.queue, entry.listid, entry.subaddress) == (queue, "ant.example", subaddress)
    assert entry.metadata == ALWAYS | more


def test_a_recipient_named_twice_has_one_entry() -> None:
    entries = entries_for([to(""), to("owner"), to(""), to("", "x", recipient="ant+x@example")], ORIGIN)
    assert [(entry.subaddress, entry.recipients) for entry in entries] == [
        ("", ("ant@example", "ant+x@example")),
        ("owner", ("ant@example",)),
    ]
    assert "extension" not in entries[0].metadata


def test_the_extension_of_a_sub_address_is_kept_and_told_apart() -> None:
    entries = entries_for([to("bounces", "Joe=example.org"), to("bounces", "ann=example.org")], ORIGIN)
    assert [entry.metadata["extension"] for entry in entries] == ["Joe=example.org", "ann=example.org"]


def test_octets_that_are_no_utf8_can_be_kept() -> None:
    [entry] = entries_for([to("confirm", "\udcff", recipient="ant-confirm+\udcff@example")], ORIGIN)
    assert entry.metadata["extension"] == "?"
