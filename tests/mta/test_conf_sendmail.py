"""What `conf sendmail` writes, loaded by a real Sendmail: milter, socket map, mailers, and mail that flows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from labs.conf.served import Served
from labs.mta import Client, Sendmail

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER_HOST = "127.0.0.9"
MEMBER, STRANGER = "anne@people.example", "stranger@people.example"
LIST, UNKNOWN = "closed@lists.example", "nobody@lists.example"


class Mail(NamedTuple):
    """gatepost, and a Sendmail with its configuration."""

    gate: Served
    sendmail: Sendmail

    def client(self) -> Client:
        client = Client(("127.0.0.1", self.sendmail.port), STRANGER_HOST)
        client.hello()
        return client


def sendmail_of(gate: Served, asking: str) -> Sendmail:
    """A Sendmail with the lines that gatepost has written, and its mailertable; asking: milter.mc or verdict.mc.

    The lab has the line `FEATURE(mailertable)` itself, for a table in another place, and relays for lists.example.
    """
    out = gate.written("sendmail")
    lines = {path.name: path.read_text() for path in out.iterdir()}
    before = lines["lists.mc"].replace("FEATURE(`mailertable')dnl\n", "")
    behind = lines["mailers.mc"]
    if asking == "milter.mc":
        before += lines[asking]
    else:
        behind += lines[asking]
    return Sendmail(macros=before, rules=behind, mailertable=f"text -k0 -v1 {out}/mailertable")


@contextmanager
def served(*, sockets: bool) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        with Served(Path(name), sockets=sockets) as gate:
            yield gate


@pytest.fixture(scope="module", params=["inet", "unix"])
def gate(request: pytest.FixtureRequest, mtalab: object) -> Iterator[Served]:
    with served(sockets=request.param == "unix") as gate:
        yield gate


@pytest.fixture(scope="module", params=["milter.mc", "verdict.mc"])
def mail(request: pytest.FixtureRequest, gate: Served) -> Iterator[Mail]:
    with sendmail_of(gate, request.param) as sendmail:
        yield Mail(gate, sendmail)


def test_who_may_not_post_is_told_by_us(mail: Mail) -> None:
    with mail.client() as client:
        stranger, unknown, owner, elsewhere = client.mail(
            STRANGER, [LIST, UNKNOWN, "closed-owner@lists.example", "joe@elsewhere.example"]
        )
    assert (stranger.code, stranger.status) == (550, "5.7.2")
    assert stranger.text.endswith("you may not post to this mailing list")
    assert (unknown.code, unknown.status) == (550, "5.1.1")
    assert unknown.text.endswith("no such mailing list")
    assert owner.code == 250
    assert "Relaying denied" in elsewhere.text


def test_mail_flows(mail: Mail) -> None:
    mail.gate.take_all()
    with mail.client() as client:
        recipients = [LIST, "Closed-Confirm+ToKeN@lists.example", "open+extra@lists.example"]
        assert [reply.code for reply in client.mail(MEMBER, recipients)] == [250] * 3
        [taken] = client.data(b"Subject: hi\r\n\r\n.\r\nend\r\n")
        assert taken.code == 250
    name = taken.text.split()[0]
    for recipient in recipients:
        mail.sendmail.wait_log(rf"(?i){name}: to=[^\n]*{recipient.replace('+', '.')}[^\n]*stat=Sent")
    entries = mail.gate.take_all()
    assert sorted((entry.queue, entry.listid, entry.recipients[0]) for entry in entries) == [
        ("command", "closed.lists.example", "Closed-Confirm+ToKeN@lists.example"),
        ("in", "closed.lists.example", "closed@lists.example"),
        ("in", "open.lists.example", "open+extra@lists.example"),
    ]
    assert all(entry.content.endswith(b"\r\n\r\n.\r\nend\r\n") for entry in entries)


def test_a_list_that_comes_needs_no_new_file(mail: Mail) -> None:
    with mail.client() as client:
        assert client.mail(MEMBER, ["newcomer@lists.example"])[0].status == "5.1.1"
        mail.gate.run("list", "create", "newcomer@lists.example")
        client.command("RSET")
        assert client.mail(MEMBER, ["newcomer@lists.example"])[0].code == 250
    mail.gate.run("list", "remove", "newcomer@lists.example")


@pytest.mark.parametrize("asking", ["milter.mc", "verdict.mc"])
def test_mail_waits_while_gatepost_is_down(asking: str, mtalab: object) -> None:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        gate = Served(Path(name))
        with gate.held(), sendmail_of(gate, asking) as sendmail, Mail(gate, sendmail).client() as client:
            assert client.mail(MEMBER, [LIST])[0].code == 451
