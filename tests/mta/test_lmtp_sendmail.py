"""The LMTP receiver behind a real Sendmail, by an LMTP mailer over TCP and over a UNIX socket."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import build_store
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client, Port, Sendmail

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

MEMBER, LIST, UNKNOWN = "anne@people.example", "closed@lists.example", "nobody@lists.example"


class Mail(NamedTuple):
    """The receiver and a Sendmail that delivers to it."""

    receiver: RunningLmtp
    sendmail: Sendmail


@pytest.fixture(scope="module", params=["tcp", "unix"])
def mail(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mtalab: object) -> Iterator[Mail]:
    folder: Path = tmp_path_factory.mktemp("sendmail")
    build_store(folder / "gatepost.db")
    with Port() as port:
        over_tcp = request.param == "tcp"
        sendmail = Sendmail(lmtp={"lists.example": port.number if over_tcp else "{dir}/lmtp.sock"})
        path = sendmail.path("lmtp.sock")
        listen = f'["inet:127.0.0.1:{port.number}"]' if over_tcp else f'["unix:{path}?mode=0666"]'
        with RunningLmtp(folder, lmtp_settings("sqlite:///gatepost.db", listen=listen)) as receiver, sendmail:
            yield Mail(receiver, sendmail)


def test_mixed_recipients(mail: Mail) -> None:
    seen = len(mail.sendmail.log())
    recipients = [LIST, UNKNOWN, "closed-request@lists.example"]
    with Client(("127.0.0.1", mail.sendmail.port), "127.0.0.9") as client:
        client.hello()
        assert [reply.code for reply in client.mail(MEMBER, list(recipients))] == [250] * 3
        assert client.data(b"Subject: hi\r\n\r\n.\r\n..\r\nend\r\n")[0].code == 250
    mail.sendmail.wait_log(rf"to=<{UNKNOWN}>.*dsn=5\.1\.1", after=seen)
    mail.sendmail.wait_log(rf"to=.*{LIST}>.*stat=Sent", after=seen)
    mail.sendmail.wait_log(r"to=.*closed-request@lists.example>.*stat=Sent", after=seen)
    entries = mail.receiver.take_all()
    assert sorted((entry.queue, entry.listid) for entry in entries) == [
        ("command", "closed.lists.example"),
        ("in", "closed.lists.example"),
    ]
    assert all(entry.content.endswith(b"\r\n\r\n.\r\n..\r\nend\r\n") for entry in entries)


def test_a_stranger_s_refusal_keeps_its_status(mail: Mail) -> None:
    seen = len(mail.sendmail.log())
    with Client(("127.0.0.1", mail.sendmail.port), "127.0.0.9") as client:
        client.hello()
        client.mail("stranger@people.example", [LIST, UNKNOWN])
        assert client.data(b"Subject: hi\r\n\r\nhi\r\n")[0].code == 250
    mail.sendmail.wait_log(rf"to=<{LIST}>.*dsn=5\.7\.2", after=seen)
