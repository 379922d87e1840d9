"""What a writer puts into a message for the list alone, or to learn who reads it, reaches nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from gatepost_delivery.dmarc_record import Policy
from gatepost_delivery.fields import MAX_HEADER_OCTETS
from labs.delivery import ANNE, LIST, Mailhost, RunningDelivery, a_post, delivery_settings
from labs.mta import Client
from labs.post import POST, Site

PASSWORDS = (b"Approve", b"Approved", b"X-Approve", b"X-Approved", b"Urgent")
RECEIPTS = (
    b"Disposition-Notification-To",
    b"Disposition-Notification-Options",
    b"Return-Receipt-To",
    b"Return-Receipt-Requested",
    b"Read-Receipt-To",
    b"Delivery-Receipt-To",
    b"Generate-Delivery-Report",
    b"X-Confirm-Reading-To",
    b"X-Confirm-Delivery",
    b"X-PMRQC",
    b"Errors-To",
)
BLIND = (b"Bcc", b"Resent-Bcc")
NAMES = (*PASSWORDS, *RECEIPTS, *BLIND)
MARK = b"fishing@spy.example"
SIGNATURE = b"DKIM-Signature: v=1; d=people.example; h=from:%b; b=x\r\n" % b":".join(NAMES)
FISHING = SIGNATURE + b"".join(b"%b : 1;\r\n\t%b\r\n" % (name.upper(), MARK) for name in NAMES)
FILLER = b"X-Filler: %b\r\n" % (b"x" * 980) * (MAX_HEADER_OCTETS // 990 + 1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize("recipient", [LIST, LIST.replace("@", "-owner@")], ids=["members", "owners"])
def test_it_reaches_nobody(tmp_path: Path, recipient: str) -> None:
    receiver = '[lmtp]\nlisten = ["inet:127.0.0.1:0"]'
    with (
        Mailhost() as host,
        RunningDelivery(tmp_path, delivery_settings(host.port, receiver), "lmtp", "delivery") as running,
    ):
        for subject, fields in (("near", FISHING), ("far", FILLER + FISHING)):
            with Client(("127.0.0.1", running.port("lmtp"))) as client:
                client.hello(verb="LHLO")
                assert client.mail(ANNE, [recipient])[0].code == 250
                assert client.data(a_post(subject).replace(b"\r\n\r\n", b"\r\n" + fields + b"\r\n"))[0].code == 250
        host.wait(lambda: {one.subject for one in host.arrived} == {"near", "far"})
    heads = {one.subject: one.content.partition(b"\r\n\r\n")[0] for one in host.arrived}
    assert MARK not in heads["near"]
    assert MARK not in heads["far"]
    assert SIGNATURE in heads["near"]


@pytest.mark.parametrize("dmarc", ["munge", "wrap", "off"])
def test_it_is_in_no_copy_that_a_moderator_lets_through(site: Site, dmarc: Literal["munge", "wrap", "off"]) -> None:
    """Within a wrapped message neither."""
    site.known.policies["example.org"] = Policy.REJECT
    [put] = site.post(FISHING + POST, approved=True, dmarc=dmarc).puts
    assert isinstance(put.message.content, bytes)
    assert b"Subject: hello" in put.message.content
    assert MARK not in put.message.content
