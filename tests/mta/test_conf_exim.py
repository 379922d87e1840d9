"""What `conf exim` writes, loaded by a real Exim: each router, each transport, each ACL, and mail that flows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_conf.exim.list_file import list_file
from gatepost_lists.model import Domain, DomainNames
from labs.conf.served import Served
from labs.mta import Client, LabError, Reply, WholeExim

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER_HOST = "127.0.0.9"
MEMBER, STRANGER = "anne@people.example", "stranger@people.example"
LIST, UNKNOWN = "closed@lists.example", "nobody@lists.example"
NO_LIST = (550, "5.1.1", "no such mailing list")
MAY_NOT_POST = (550, "5.7.2", "you may not post to this mailing list")
# The macros of each way; {out} is where the files are, {socket} the receiver's socket.
WAYS = {
    "live": "",
    "file": "GATEPOST_ROUTE_BY_FILE = yes\nGATEPOST_LISTS = {out}/gatepost_lists\n",
    "callout": "GATEPOST_ROUTE_BY_CALLOUT = yes\nGATEPOST_JUDGE_BY_CALLOUT = yes\n",
    "live, judged by callout": "GATEPOST_JUDGE_BY_CALLOUT = yes\nGATEPOST_LMTP_SOCKET = {socket}\n",
    "live, over a socket": "GATEPOST_LMTP_SOCKET = {socket}\n",
}


class Mail(NamedTuple):
    """gatepost, and an Exim with its configuration."""

    gate: Served
    exim: WholeExim

    def client(self) -> Client:
        client = Client(("127.0.0.1", self.exim.port), STRANGER_HOST)
        client.hello()
        return client

    def send(self, recipients: list[str], message: bytes) -> str:
        """Send a member's message, and wait until Exim is done with it; what Exim calls it."""
        with self.client() as client:
            assert [reply.code for reply in client.mail(MEMBER, recipients)] == [250] * len(recipients)
            [taken] = client.data(message)
        assert taken.text.startswith("OK id=")
        name = taken.text.removeprefix("OK id=")
        self.exim.wait_log(f"{name} Completed")
        return name

    def ask(self, sender: str, *recipients: str) -> list[Reply]:
        with self.client() as client:
            return client.mail(sender, recipients)


@pytest.fixture(scope="module")
def gate(mtalab: object) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        with Served(Path(name)) as gate:
            yield gate


def whole_exim(gate: Served, macros: str) -> WholeExim:
    """An Exim whose whole configuration gatepost has written, with these macros before it."""
    out = gate.written("exim")
    values = {"{out}": str(out), "{socket}": str(gate.lmtp_socket)}
    for name, value in values.items():
        macros = macros.replace(name, value)
    return WholeExim(macros + (out / "exim.conf").read_text())


@pytest.fixture(scope="module", params=WAYS)
def mail(request: pytest.FixtureRequest, gate: Served) -> Iterator[Mail]:
    with whole_exim(gate, WAYS[request.param]) as exim:
        yield Mail(gate, exim)


@pytest.fixture(scope="module")
def live(gate: Served) -> Iterator[Mail]:
    with whole_exim(gate, WAYS["live"]) as exim:
        yield Mail(gate, exim)


def said(reply: Reply) -> tuple[int, str, str]:
    return reply.code, reply.status, reply.text


def test_who_may_not_post_is_told_by_us(mail: Mail) -> None:
    stranger, unknown, elsewhere = mail.ask(STRANGER, LIST, UNKNOWN, "joe@elsewhere.example")
    assert said(stranger) == MAY_NOT_POST
    assert said(unknown) == NO_LIST
    assert (elsewhere.code, elsewhere.text) == (550, "relay not permitted")


def test_mail_flows(mail: Mail) -> None:
    mail.gate.take_all()
    recipients = [LIST, "Closed-Confirm+ToKeN@lists.example", "open+extra@lists.example", "closed-owner@lists.example"]
    name = mail.send(recipients, b"Subject: hi\r\n\r\n.\r\nend\r\n")
    entries = mail.gate.take_all()
    assert sorted((entry.queue, entry.listid, entry.recipients[0]) for entry in entries) == [
        ("command", "closed.lists.example", "Closed-Confirm+ToKeN@lists.example"),
        ("in", "closed.lists.example", "closed-owner@lists.example"),
        ("in", "closed.lists.example", "closed@lists.example"),
        ("in", "open.lists.example", "open+extra@lists.example"),
    ]
    assert len({entry.message for entry in entries}) == 1  # one transaction for all of them
    for entry in entries:
        assert entry.content.count(f"\nMessage-ID: <E{name}@mx.lab.example>".encode()) == 1
        assert entry.content.endswith(b"\r\n\r\n.\r\nend\r\n")


def test_a_message_keeps_its_message_id(mail: Mail) -> None:
    mail.gate.take_all()
    mail.send([LIST], b"Message-Id: <its-own@people.example>\r\n\r\nhi\r\n")
    [entry] = mail.gate.take_all()
    assert entry.content.lower().count(b"\nmessage-id: ") == 1


def test_postmaster_is_taken_and_led_to_the_owner(mail: Mail) -> None:
    name = mail.send(["postmaster@lists.example"], b"Subject: hi\r\n\r\nhi\r\n")
    mail.exim.wait_log(rf"{name} \*\* olga@people.example <postmaster@lists.example>")


def test_the_null_sender_is_refused_after_the_data(live: Mail) -> None:
    with live.client() as client:
        assert client.mail("", [LIST])[0].code == 250
        assert said(client.data(b"Subject: bounce\r\n\r\nhi\r\n")[0])[:2] == (550, "5.7.2")
        assert client.mail("", ["closed-bounces@lists.example"])[0].code == 250
        assert client.data(b"Subject: bounce\r\n\r\nhi\r\n")[0].code == 250


@pytest.mark.parametrize(
    ("recipients", "told"),
    [
        ([LIST], (550, "5.7.2")),
        ([LIST, LIST.upper()], (550, "5.7.2")),
        ([LIST, "closed-owner@lists.example"], (452, "4.5.3")),
        (["closed-owner@lists.example", "closed-bounces@lists.example"], (250, "")),
    ],
)
def test_who_has_a_probe_s_name_and_brings_mail_is_refused(
    live: Mail, recipients: list[str], told: tuple[int, str]
) -> None:
    with live.client() as client:
        assert [reply.code for reply in client.mail("double-bounce@evil.example", recipients)] == [250] * len(
            recipients
        )
        assert said(client.data(b"Subject: forged\r\n\r\nhi\r\n")[0])[:2] == told


def test_the_true_size_counts(live: Mail) -> None:
    with live.client() as client:
        assert client.mail(MEMBER, ["small@lists.example"])[0].code == 250
        assert said(client.data(b"Subject: big\r\n\r\n" + b"x" * 78 + b"\r\n" * 12_000)[0])[:2] == (552, "5.2.3")


def test_a_list_that_comes_needs_no_new_file(live: Mail) -> None:
    assert said(live.ask(MEMBER, "newcomer@lists.example")[0]) == NO_LIST
    live.gate.run("list", "create", "newcomer@lists.example")
    assert live.ask(MEMBER, "newcomer@lists.example")[0].code == 250
    live.gate.run("list", "remove", "newcomer@lists.example")
    assert said(live.ask(MEMBER, "newcomer@lists.example")[0]) == NO_LIST


ODD = ("a b", "a:b", 'a"b', "a\\b", "#a", "{a}", "$a", "a|b", "/a", "größe", "a!b%c", "plus+name", "the-owner")


def test_lists_with_odd_names_are_found_in_the_file(gate: Served) -> None:
    with whole_exim(gate, WAYS["file"]) as exim:
        lists = [DomainNames(Domain("lists.example"), ODD)]
        (gate.folder / "exim" / "gatepost_lists").write_text(list_file(lists)[0])
        command = (exim.lab.exim / "usr/sbin/exim4", "-C", exim.path("exim.conf"), "-bv")
        for name in (*ODD, *(f"{name}-request+x" for name in ODD)):
            quoted = re.sub(r'(["\\\\])', r"\\\1", name)
            assert "verified" in exim.run(*command, f'"{quoted}"@lists.example')
        with pytest.raises(LabError, match="no such mailing list"):
            exim.run(*command, "other@lists.example")


@contextmanager
def nobody_listening(macros: str) -> Iterator[Client]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        gate = Served(Path(name))
        with gate.held(), whole_exim(gate, macros) as exim, Client(("127.0.0.1", exim.port), STRANGER_HOST) as client:
            client.hello()
            yield client


@pytest.mark.parametrize("way", ["live", "file", "callout"])
def test_mail_waits_while_gatepost_is_down(way: str, mtalab: object) -> None:
    with nobody_listening(WAYS[way]) as client:
        lists, elsewhere = client.mail(MEMBER, [LIST, "joe@elsewhere.example"])
        assert (lists.code, elsewhere.code) == (451, 550)
