"""The policy service behind a real Postfix: a client speaks SMTP to it as a sending host does."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import CASES, RELAY_DOMAINS, Case, build_store
from gatepost_lists import Answer
from labs.mta import Client, Postfix, Reply
from labs.running import COMMAND, RunningPolicy, policy_settings

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
# spawn(8) runs nothing as root, nor as Postfix's own user.
SPAWN_USER = "news"


class Gate(NamedTuple):
    """A policy service and a Postfix that asks it: by `smtp` at RCPT and DATA, by `tcp`, `unix`, `spawn` at RCPT."""

    service: RunningPolicy
    postfix: Postfix


@cache
def command_for_others() -> tuple[str, ...]:
    """gatepost as SPAWN_USER can run it, () if that user cannot reach it.

    Where the interpreter is below a closed home directory, the system's own one of the same version does with the
    modules of this one.
    """
    by_system = ("/usr/bin/env", f"PYTHONPATH={':'.join(filter(None, sys.path))}", "/usr/bin/python3", COMMAND[1])
    for command in (COMMAND, by_system):
        with suppress(PermissionError, subprocess.CalledProcessError):
            line = [*command, "check", "--help"]
            subprocess.run(line, cwd="/", env={}, user=SPAWN_USER, group="nogroup", extra_groups=[], check=True)
            return command
    return ()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that Postfix's and the spawned service's users can reach, with the store of the cases."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        path = Path(name)
        path.chmod(0o755)
        build_store(path / "gatepost.db")
        shutil.chown(path, SPAWN_USER)
        for file in path.glob("gatepost.db*"):
            shutil.chown(file, SPAWN_USER)
        yield path


@pytest.fixture(scope="module")
def gate(folder: Path, mtalab: object) -> Iterator[Gate]:
    listen = f'["inet:127.0.0.1:0", "unix:{folder}/policy.sock?mode=0666"]'
    with RunningPolicy(folder, policy_settings("sqlite:///gatepost.db", listen=listen)) as service:
        tcp = f"check_policy_service inet:127.0.0.1:{service.port('policy')}"
        ways = {
            "tcp": tcp,
            "unix": f"check_policy_service unix:{folder}/policy.sock",
            "spawn": "check_policy_service unix:private/gatepost",
        }
        settings = {
            "relay_domains": " ".join(RELAY_DOMAINS),
            "mynetworks": "127.0.0.1",
            "mydestination": "here.example",
            "smtpd_recipient_restrictions": f"reject_unauth_destination, {tcp}",
            "smtpd_data_restrictions": tcp,
        }
        at_rcpt_alone = {
            way: {"smtpd_recipient_restrictions": f"reject_unauth_destination, {check}", "smtpd_data_restrictions": ""}
            for way, check in ways.items()
        }
        spawned = f"{' '.join(command_for_others())} --config {service.settings} run policy --stdio"
        line = f"gatepost unix - n n - 0 spawn user={SPAWN_USER} argv={spawned}"
        with Postfix(settings, listeners=at_rcpt_alone, master=[line]) as postfix:
            yield Gate(service, postfix)


def plain_case(test: str) -> Case:
    """A case that this test decides, in ASCII, with a sender."""
    return next(case for case in CASES if case.smtp and case.test == test and case.sender and not case.utf8)


MEMBER, STRANGERS = plain_case("member"), plain_case("closed-list")


def ask(port: int, sender: str, recipient: str, options: str = "") -> Reply:
    with Client(("127.0.0.1", port), STRANGER) as client:
        client.hello()
        return client.mail(sender, [recipient], options)[0]


@pytest.mark.parametrize("case", [case for case in CASES if case.smtp], ids=lambda case: case.id)
def test_case(case: Case, gate: Gate) -> None:
    options = " ".join([*([f"SIZE={case.size}"] if case.size else []), *(["SMTPUTF8"] if case.utf8 else [])])
    reply = ask(gate.postfix.port, case.sender, case.recipient, options)
    if case.answer is Answer.REJECT:
        assert (reply.code, reply.status) == (case.code, case.status)
        assert "Recipient address rejected: " in reply.text
    elif case.answer is Answer.NOT_OURS:
        # what is not ours is left to Postfix, which takes it or relays it not
        assert (reply.code, reply.text) == (250, "Ok") or "Relay access denied" in reply.text
    else:
        assert (reply.code, reply.status) == (250, "2.1.5")


@pytest.mark.parametrize("utf8", ["", "SMTPUTF8"], ids=["ascii", "smtputf8"])
@pytest.mark.parametrize("way", ["tcp", "unix", "spawn"])
def test_each_way_of_asking(way: str, utf8: str, gate: Gate) -> None:
    if way == "spawn" and not command_for_others():
        pytest.skip("this checkout, or every Python for it, is in a folder that other users may not enter")
    port = gate.postfix.ports[way]
    assert ask(port, MEMBER.sender, MEMBER.recipient, utf8).code == 250
    reply = ask(port, STRANGERS.sender, STRANGERS.recipient, utf8)
    assert (reply.code, reply.status) == (550, "5.7.2")


@pytest.mark.parametrize("route", ["{}%{}@here.example", "{1}!{0}@here.example", '"{}@{}"@here.example'])
def test_a_route_through_a_domain_of_postfix_itself(route: str, gate: Gate) -> None:
    recipient = route.format(*STRANGERS.recipient.split("@"))
    reply = ask(gate.postfix.port, STRANGERS.sender, recipient)
    assert (reply.code, reply.status) == (550, "5.7.2")
    assert ask(gate.postfix.port, MEMBER.sender, recipient).code == 250


def test_mixed_recipients_of_one_message(gate: Gate) -> None:
    known, unknown = plain_case("subaddress"), plain_case("list-known")
    with Client(("127.0.0.1", gate.postfix.port), STRANGER) as client:
        client.hello()
        replies = client.mail("somebody@people.example", [known.recipient, unknown.recipient])
        assert [(reply.code, reply.status) for reply in replies] == [(250, "2.1.5"), (550, "5.1.1")]
        assert client.data(b"Subject: mixed\r\n\r\nhello\r\n")[0].code == 250


def test_a_null_sender_is_refused_at_data_and_not_before(gate: Gate) -> None:
    with Client(("127.0.0.1", gate.postfix.port), STRANGER) as client:
        client.hello()
        assert client.mail("", [MEMBER.recipient])[0].code == 250
        reply = client.command("DATA")
        assert (reply.code, reply.status) == (550, "5.7.2")


def test_a_stop_defers_mail_and_a_start_takes_it(gate: Gate) -> None:
    service, postfix = gate
    port = service.port("policy")
    service.stop()
    reply = ask(postfix.port, MEMBER.sender, MEMBER.recipient)
    assert (reply.code, reply.status) == (451, "4.3.5")
    service.settings.write_text(service.settings.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    service.start()
    assert ask(postfix.port, MEMBER.sender, MEMBER.recipient).code == 250


def test_a_kill_between_two_messages_of_one_session_is_invisible(gate: Gate) -> None:
    service, postfix = gate
    with Client(("127.0.0.1", postfix.port), STRANGER) as client:
        client.hello()
        assert client.mail(MEMBER.sender, [MEMBER.recipient])[0].code == 250
        service.kill()
        service.start()
        assert client.command("RSET").code == 250
        assert client.mail(MEMBER.sender, [MEMBER.recipient])[0].code == 250


def test_a_lost_store_defers_and_never_refuses(gate: Gate) -> None:
    service, postfix = gate
    service.stop()
    away = service.folder / "away"
    away.mkdir()
    for file in service.folder.glob("gatepost.db*"):
        file.rename(away / file.name)
    service.start()
    reply = ask(postfix.port, STRANGERS.sender, STRANGERS.recipient)
    assert (reply.code, reply.status) == (450, "4.3.0")
    for file in away.iterdir():
        file.rename(service.folder / file.name)
    assert ask(postfix.port, STRANGERS.sender, STRANGERS.recipient).code == 550
