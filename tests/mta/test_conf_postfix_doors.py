"""The door that `gatepost conf postfix` has a real Postfix ask: it answers, and it is the right one."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases import build_store
from labs.conf.served import Served
from labs.milter.service import ANNE, CLOSED, OWNER, STRANGER
from labs.mta import Client, Port, Postfix
from labs.running import Gatepost

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGERS_HOST = "127.0.0.9"
# As on a machine where only pymilter is missing.
WITHOUT_PYMILTER = "import sys; sys.modules['milter'] = None; from gatepost import main; main()"
SETTINGS = """\
[lists]
directory = "sqlite:///gatepost.db"
[policy]
listen = "inet:127.0.0.1:{policy}"
[milter]
listen = "inet:127.0.0.1:{milter}"
[lmtp]
enabled = false
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' users can reach."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def postfix_told(written: Path) -> Postfix:
    """A Postfix with the lines that have been written to a folder."""
    commands = (written / "main.cf.tables.sh").read_text()
    return Postfix(dict(re.findall(r"^postconf -e '(\w+) = ?(.*)'$", commands, re.MULTILINE)))


def post(postfix: Postfix, sender: str, author: str) -> list[str]:
    """What a stranger's host is told at RCPT to a closed list, and after the message where it comes to that."""
    with Client(("127.0.0.1", postfix.port), STRANGERS_HOST) as client:
        client.hello()
        replies = client.mail(sender, [CLOSED])
        if replies[0].code == 250:
            replies += client.data(f"From: {author}\r\nSubject: hi\r\n\r\nhello\r\n".encode())
    return [f"{reply.code} {reply.status}" for reply in replies]


def test_by_the_headers_whom_they_let_in_nobody_refuses(folder: Path) -> None:
    with Served(folder, stage="headers") as gate, postfix_told(gate.written("postfix")) as postfix:
        assert post(postfix, STRANGER, STRANGER) == ["250 2.1.5", "550 5.7.2"]
        assert post(postfix, STRANGER, ANNE) == ["250 2.1.5", "250 2.0.0"]
        postfix.wait_log(r"to=<closed@.*status=sent")
        assert [entry.listid for entry in gate.take_all()] == ["closed.lists.example"]


def test_by_the_envelope_the_policy_service_refuses(folder: Path) -> None:
    with Served(folder) as gate, postfix_told(gate.written("postfix")) as postfix:
        assert post(postfix, STRANGER, ANNE) == ["550 5.7.2"]
        assert post(postfix, ANNE, ANNE) == ["250 2.1.5", "250 2.0.0"]


def test_without_pymilter_mail_does_not_wait_for_a_milter(folder: Path) -> None:
    build_store(folder / "gatepost.db")
    written = folder / "postfix"
    written.mkdir()
    with Port() as policy, Port() as milter:
        settings = SETTINGS.format(policy=policy.number, milter=milter.number)
        with Gatepost(folder, settings, "policy") as gate:
            command = [sys.executable, "-c", WITHOUT_PYMILTER, "--config", str(gate.settings)]
            subprocess.run([*command, "conf", "postfix", "--write", str(written)], check=True, capture_output=True)
            with postfix_told(written) as postfix:
                assert post(postfix, STRANGER, ANNE) == ["550 5.7.2"]
                with Client(("127.0.0.1", postfix.port), STRANGERS_HOST) as client:
                    client.hello()
                    assert client.mail(ANNE, [CLOSED])[0].code == 250


@pytest.fixture(scope="module")
def asking() -> Iterator[tuple[Served, Postfix]]:
    """A Postfix with all lines for the policy service, and gatepost with all parts."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        with Served(Path(name)) as gate, postfix_told(gate.written("postfix")) as postfix:
            yield gate, postfix


TEAM = "team@lists.example"
FORGED = "double-bounce@evil.example"


@pytest.mark.parametrize(
    ("recipients", "told"),
    [
        ([CLOSED], "550 5.7.2"),
        ([CLOSED.upper()], "550 5.7.2"),
        ([CLOSED, CLOSED], "550 5.7.2"),
        ([CLOSED, TEAM], "550 5.7.2"),
        ([CLOSED, OWNER], "452 4.5.3"),
        ([OWNER, CLOSED], "452 4.5.3"),
        ([OWNER, CLOSED, TEAM], "452 4.5.3"),
        ([OWNER], "354 "),
    ],
    ids=lambda value: "-".join(each.partition("@")[0] for each in value) if isinstance(value, list) else "",
)
def test_who_has_a_probe_s_name_and_brings_mail_is_refused_at_data(
    asking: tuple[Served, Postfix], recipients: list[str], told: str
) -> None:
    """So nothing is taken that the receiver would refuse, and no bounce is sent to whoever is named as the sender."""
    gate, postfix = asking
    with Client(("127.0.0.1", postfix.port), STRANGERS_HOST) as client:
        client.hello()
        assert [reply.code for reply in client.mail(FORGED, recipients)] == [250] * len(recipients)
        reply = client.command("DATA")
        assert f"{reply.code} {reply.status}" == told
    assert postfix.queue() == []
    assert gate.take_all() == []


def test_the_null_sender_s_message_passes_for_those_who_may_get_it(asking: tuple[Served, Postfix]) -> None:
    """It gets no bounce."""
    with Client(("127.0.0.1", asking[1].port), STRANGERS_HOST) as client:
        client.hello()
        assert [reply.code for reply in client.mail("", [CLOSED, TEAM])] == [250, 250]
        assert client.command("DATA").code == 550
        client.command("RSET")
        assert [reply.code for reply in client.mail("", [CLOSED, OWNER])] == [250, 250]
        assert client.command("DATA").code == 354
