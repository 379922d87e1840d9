"""Signed posts through the receiver and out to a member, as an operator runs it; keys are asked of a DNS server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from labs.delivery import ANNE, LIST, Mailhost, RunningDelivery, a_post, delivery_settings
from labs.dns import Manner, Server
from labs.mta import Client
from labs.post import Signer

OWN = ("List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner")
NAMES = [name.lower().encode() for name in OWN]
DOMAIN = ANNE.partition("@")[2]
EVIL = b"List-Unsubscribe: <https://evil.example/>\r\nList-Id: <bank.example>\r\nPrecedence: first-class\r\n"


class Signed:
    """A running gatepost, the DNS that it asks, and what reaches the member."""

    def __init__(self, host: Mailhost, running: RunningDelivery, names: Server) -> None:
        self.names = names
        self._host = host
        self._running = running
        self._sent = 0

    def through(self, head: bytes, signer: Signer | None = None, domain: str = DOMAIN) -> Message:
        """What the member gets of a post with more fields, signed as to the list's where there is somebody to sign."""
        self._sent += 1
        content = head + a_post(f"number {self._sent}")
        if signer is not None:
            content = signer.sign(content, [b"from", *NAMES], domain=domain)
        with Client(("127.0.0.1", self._running.port("lmtp"))) as client:
            client.hello(verb="LHLO")
            assert client.mail(ANNE, [LIST])[0].code == 250
            assert client.data(content)[0].code == 250
        self._host.wait(lambda: len(self._host.arrived) == self._sent)
        self.content = self._host.arrived[-1].content
        return message_from_bytes(self.content)

    def wait_line(self, text: str) -> str:
        return self._running.wait_line(text)


@contextmanager
def running(folder: Path) -> Iterator[Signed]:
    with Mailhost() as host, Server() as names:
        more = (f'nameservers = ["{names.address}"]', '[lmtp]\nlisten = ["inet:127.0.0.1:0"]')
        with RunningDelivery(folder, delivery_settings(host.port, *more), "lmtp", "delivery") as delivery:
            yield Signed(host, delivery, names)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def gatepost(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[Signed]:
    with running(tmp_path_factory.mktemp("signed")) as signed:
        for domain in (DOMAIN, "evil.example"):
            signed.names.records[signer.name(domain)] = {"TXT": [signer.record]}
        signed.names.manners[signer.name(f"silent.{DOMAIN}")] = Manner.SERVFAIL
        yield signed


def all_are_the_lists_own(message: Message) -> bool:
    fields = {name: message.get_all(name, []) for name in (*OWN, "Precedence")}
    return (
        all(len(values) == 1 for values in fields.values())
        and all("ant" in fields[name][0] and "lists.example" in fields[name][0] for name in OWN)
        and fields["Precedence"] == ["list"]
        and message["X-BeenThere"] == LIST
    )


@pytest.mark.parametrize("domain", [DOMAIN, "evil.example"])
@pytest.mark.parametrize("more", [b"", EVIL], ids=["plain", "evil"])
def test_a_bogus_signature_has_no_say(gatepost: Signed, domain: str, more: bytes) -> None:
    names = b":".join((*NAMES, b"precedence") * 2)
    bogus = b"DKIM-Signature: v=1; a=rsa-sha256; d=%b; s=s; h=from:%b; bh=AAAA; b=AAAA\r\n" % (domain.encode(), names)
    assert all_are_the_lists_own(gatepost.through(bogus + more))


def test_a_stranger_s_good_signature_has_no_say(gatepost: Signed, signer: Signer) -> None:
    assert all_are_the_lists_own(gatepost.through(b"", signer, "evil.example"))


def test_an_author_s_good_signature_does_not_bring_other_fields_in(gatepost: Signed, signer: Signer) -> None:
    assert all_are_the_lists_own(gatepost.through(EVIL, signer))


def test_a_signature_that_cannot_be_checked_has_no_say(gatepost: Signed, signer: Signer) -> None:
    domain = f"silent.{DOMAIN}"
    assert all_are_the_lists_own(gatepost.through(b"", signer, domain))
    assert f"s._domainkey.{domain}" in gatepost.wait_line("a signature cannot be checked")


def test_an_author_s_good_signature_holds_afterwards(gatepost: Signed, signer: Signer) -> None:
    message = gatepost.through(b"", signer)
    assert signer.verifies(gatepost.content)
    assert not [name for name in OWN if name in message]
    assert (message["Precedence"], message["X-BeenThere"]) == ("list", LIST)


def test_no_key_is_asked_for_where_nothing_hangs_on_it(gatepost: Signed) -> None:
    asked = len(gatepost.names.asked)
    gatepost.through(b"DKIM-Signature: v=1; a=rsa-sha256; d=people.example; s=s; h=from:to:subject; bh=AA; b=AA\r\n")
    assert len(gatepost.names.asked) == asked
