"""The header stage behind a real Sendmail and a real Postfix: what the sender is told, and what really is delivered."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import CASES, HEADER_CASES, RELAY_DOMAINS, HeaderCase, build_store
from labs.milter import Milter, milter_settings
from labs.milter.servers import postfix_asking, sendmail_asking, stranger
from labs.milter.service import AT_HEADERS, CLOSED, OWNER, STRANGER, TEAM_OWNER, TESS
from labs.mta import Instance, Postfix, Sendmail, Sink, wait_until

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

MESSAGE_ID = re.compile(rb"^Message-I[Dd]: (<.*>)\r$", re.MULTILINE)
# Every way to name one list that a server takes.
SPELLINGS = dict.fromkeys(
    case.recipient for case in CASES if case.smtp and case.test == "closed-list" and case.mailing_list == CLOSED
)
CAN_BE_SAID = [case for case in HEADER_CASES if not case.not_smtp and not case.rules]


class Gate(NamedTuple):
    """A milter at the header stage, the two servers that ask it, and where they bring the mail."""

    milter: Milter
    postfix: Postfix
    sendmail: Sendmail
    sink: Sink

    def server(self, name: str) -> Instance:
        return self.postfix if name == "postfix" else self.sendmail

    def recipients(self, marker: str) -> set[str]:
        """Who has got the message with this text in it."""
        found = [each for each in self.sink.delivered if marker.encode() in each.message]
        return {recipient for each in found for recipient in each.recipients}

    def wait_for_recipients(self, marker: str, expected: set[str]) -> None:
        wait_until(
            lambda: expected <= self.recipients(marker),
            60,
            lambda: f"{marker} reached {self.recipients(marker)}, not {expected}",
        )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        build_store(Path(name) / "gatepost.db")
        yield Path(name)


@pytest.fixture(scope="module")
def gate(folder: Path, mtalab: object) -> Iterator[Gate]:
    with Milter(folder, milter_settings(*AT_HEADERS)) as milter, Sink() as sink:
        port, to_sink = milter.port("milter"), f"lmtp:inet:127.0.0.1:{sink.port}"
        everywhere = {domain: sink.port for domain in RELAY_DOMAINS if domain.isascii()}
        with (
            postfix_asking(port, relay_transport=to_sink) as postfix,
            sendmail_asking(port, lmtp=everywhere) as sendmail,
        ):
            yield Gate(milter, postfix, sendmail, sink)


def message(headers: tuple[tuple[str, str], ...], marker: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{lines}X-Marker: {marker}\r\n\r\n{marker}\r\n".encode("utf-8", "surrogateescape")


def marker_of(name: str, case: HeaderCase) -> str:
    return f"{name}-{CAN_BE_SAID.index(case)}-marker"


def got_through(case: HeaderCase) -> set[str]:
    """Who gets the message."""
    return set(case.recipients) - {*case.refused, *case.failed, *case.put_off} if not case.answer else set()


@pytest.mark.parametrize("case", CAN_BE_SAID, ids=lambda case: case.id)
@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_case(name: str, case: HeaderCase, gate: Gate) -> None:
    marker = marker_of(name, case)
    with stranger(gate.server(name)) as client:
        options = f"SIZE={case.size}" if case.size else ""
        replies = zip(case.recipients, client.mail(case.sender, case.recipients, options), strict=True)
        at_rcpt = {recipient: f"{reply.code} {reply.status}" for recipient, reply in replies}
        told = dict.fromkeys(case.recipients, "250 2.1.5") | dict.fromkeys(case.put_off, "452 4.5.3") | {**case.refused}
        assert at_rcpt == told
        (reply,) = client.data(message(case.headers, marker))
    assert f"{reply.code} {reply.status}" == (case.answer or "250 2.0.0")
    gate.wait_for_recipients(marker, got_through(case))


def test_nobody_else_has_got_anything(gate: Gate) -> None:
    for name in ("postfix", "sendmail"):
        for case in CAN_BE_SAID:
            assert gate.recipients(marker_of(name, case)) <= got_through(case), case.id


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
@pytest.mark.parametrize("own", ["", "<own@people.example>"], ids=["missing", "there"])
def test_a_message_id_is_added_where_there_is_none(own: str, name: str, gate: Gate) -> None:
    marker = f"{name}-{'own' if own else 'no'}-id"
    headers = (("From", STRANGER), *((("Message-ID", own),) if own else ()))
    with stranger(gate.server(name)) as client:
        client.mail(STRANGER, [OWNER])
        assert client.data(message(headers, marker))[0].code == 250
    (delivered,) = gate.sink.wait_for(marker.encode())
    (found,) = MESSAGE_ID.findall(delivered.message)
    assert found == own.encode() if own else b".gatepost@" in found


def test_failed_recipients_stay_on_the_message_by_default(folder: Path, mtalab: object) -> None:
    settings = milter_settings('stage = "headers"')
    with Milter(folder, settings) as milter, Sink() as sink:
        to_sink = f"lmtp:inet:127.0.0.1:{sink.port}"
        with postfix_asking(milter.port("milter"), relay_transport=to_sink) as postfix, stranger(postfix) as client:
            client.mail(TESS, [CLOSED, TEAM_OWNER])
            assert client.data(message((("From", TESS),), "kept"))[0].code == 250
            assert set(sink.wait_for(b"kept")[0].recipients) == {CLOSED, TEAM_OWNER}
        milter.wait_line("failed recipients.*what=kept")


@pytest.mark.parametrize("failed", SPELLINGS)
@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_a_recipient_is_removed_however_it_is_spelt(name: str, failed: str, gate: Gate) -> None:
    marker = f"{name}-spelt-{failed}-marker"
    with stranger(gate.server(name)) as client:
        assert [reply.code for reply in client.mail(TESS, [failed, TEAM_OWNER, failed])] == [250] * 3
        assert client.data(message((("From", STRANGER),), marker))[0].code == 250
        # the same server brings the next message later
        client.mail(STRANGER, [OWNER])
        assert client.data(message((("From", STRANGER),), f"{marker}-later"))[0].code == 250
    gate.wait_for_recipients(f"{marker}-later", {OWNER})
    assert gate.recipients(marker) == {TEAM_OWNER, OWNER}
