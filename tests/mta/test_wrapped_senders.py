"""Senders that somebody else has wrapped, through a real Postfix that asks policy and brings its mail over LMTP."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import RELAY_DOMAINS, build_store
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client, Postfix

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
ANNE, CLOSED = "anne@people.example", "closed@lists.example"
WRAPPED = "SRS0=ab=cd=people.example={}@{}.example"
POLICY = '[policy]\nlisten = ["inet:127.0.0.1:0"]\n[socketmap]\nenabled = false'


class Mail(NamedTuple):
    receiver: RunningLmtp
    postfix: Postfix


@pytest.fixture(scope="module")
def mail(mtalab: object) -> Iterator[Mail]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        build_store(folder / "gatepost.db")
        settings = lmtp_settings("sqlite:///gatepost.db", POLICY, lists='forwarders = ["forwarder.example"]')
        with RunningLmtp(folder, settings, "policy") as receiver:
            asks = f"check_policy_service inet:127.0.0.1:{receiver.port('policy')}"
            lines = {
                "relay_domains": " ".join(RELAY_DOMAINS),
                "relay_transport": f"lmtp:inet:127.0.0.1:{receiver.port('lmtp')}",
                "mynetworks": "127.0.0.1",
                "smtpd_recipient_restrictions": f"reject_unauth_destination, {asks}",
                "smtpd_data_restrictions": asks,
            }
            with Postfix(lines) as postfix:
                yield Mail(receiver, postfix)


@pytest.mark.parametrize(
    ("name", "wrapper", "author", "gets_in"),
    [
        ("anne", "attacker", "attacker@attacker.example", False),
        ("anne", "attacker", WRAPPED.format("anne", "attacker"), False),
        ("anne", "attacker", f"Anne <{ANNE}>", True),
        ("cris", "attacker", "cris@work.example", True),
        ("anne", "forwarder", "somebody@else.example", True),
    ],
)
def test_at_rcpt_he_passes_and_the_receiver_judges_by_the_headers(
    name: str, wrapper: str, author: str, gets_in: bool, mail: Mail
) -> None:
    mail.receiver.take_all()
    seen = len(mail.postfix.log())
    with Client(("127.0.0.1", mail.postfix.port), STRANGER) as client:
        client.hello()
        assert client.mail(WRAPPED.format(name, wrapper), [CLOSED])[0].code == 250
        assert client.data(f"From: {author}\r\nSubject: hi\r\n\r\nhi\r\n".encode())[0].code == 250
    outcome = mail.postfix.wait_log(rf"to=<{CLOSED}>.*status=(\w+) (.*)", after=seen)
    assert outcome[1] == ("sent" if gets_in else "bounced")
    assert gets_in or "550 5.7.2 you may not post to this mailing list" in outcome[2]
    assert [entry.listid for entry in mail.receiver.take_all()] == ["closed.lists.example"] * gets_in


@pytest.mark.parametrize(("name", "told"), [("stranger", "550 5.7.2"), ("banned", "550 5.7.1")])
def test_at_rcpt_he_is_refused_as_whoever_was_wrapped_would_be(name: str, told: str, mail: Mail) -> None:
    with Client(("127.0.0.1", mail.postfix.port), STRANGER) as client:
        client.hello()
        (reply,) = client.mail(WRAPPED.format(name, "attacker"), [CLOSED])
    assert f"{reply.code} {reply.status}" == told
