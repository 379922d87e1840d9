"""The LMTP receiver behind a real Postfix: deliveries over TCP and UNIX sockets, XFORWARD, recipient verification."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import RELAY_DOMAINS, build_store
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client, Postfix, Reply

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
MEMBER, LIST, SUBADDRESS, UNKNOWN = (
    "anne@people.example",
    "closed@lists.example",
    "closed-request@lists.example",
    "nobody@lists.example",
)
MESSAGE = b"From: anne@people.example\r\nMessage-ID: <%d@people.example>\r\nSubject: hi\r\n\r\n.\r\n..\r\nend\r\n"


class Mail(NamedTuple):
    """The receiver and a Postfix with a port for each way that leads to it."""

    receiver: RunningLmtp
    postfix: Postfix

    def post(self, way: str, sender: str, recipients: list[str], message: bytes, options: str = "") -> list[Reply]:
        """Hand a message to Postfix, which takes it for every recipient."""
        with Client(("127.0.0.1", self.postfix.ports[way]), STRANGER) as client:
            client.hello()
            told = client.mail(sender, list(recipients), options)
            assert client.data(message)[0].code == 250
            return told

    def log_after(self, seen: int, pattern: str) -> str:
        return self.postfix.wait_log(pattern, after=seen)[0]


@pytest.fixture(scope="module")
def mail(mtalab: object) -> Iterator[Mail]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        build_store(folder / "gatepost.db")
        listen = f'["inet:127.0.0.1:0", "unix:{folder}/lmtp.sock?mode=0666"]'
        xforward = 'xforward = ["127.0.0.0/8"]'
        with RunningLmtp(folder, lmtp_settings("sqlite:///gatepost.db", xforward, listen=listen)) as receiver:
            tcp = f"inet:127.0.0.1:{receiver.port('lmtp')}"
            # smtpd's own settings say to which transport its mail goes: by a domain of the recipient
            ways = {"tcp": f"lmtp:{tcp}", "unix": f"lmtp:unix:{folder}/lmtp.sock", "xforward": f"lmtpx:{tcp}"}
            listeners = {way: {"content_filter": to} for way, to in ways.items()}
            # without Postfix's own Received header, what is posted twice arrives as the same octets
            (folder / "headers").write_text("/^Received:/ IGNORE\n")
            listeners |= {
                f"bare {way}": settings | {"cleanup_service_name": "bare"} for way, settings in listeners.items()
            }
            listeners["verify"] = {
                "smtpd_recipient_restrictions": "reject_unauth_destination, reject_unverified_recipient"
            }
            settings = {
                "relay_domains": " ".join(RELAY_DOMAINS),
                "relay_transport": f"lmtp:{tcp}",
                "mynetworks": "127.0.0.1",
                "unverified_recipient_reject_code": "550",
                "address_verify_map": "",
                "address_verify_poll_delay": "1s",
                "minimal_backoff_time": "1s",
            }
            lines = [
                "lmtpx unix - - n - - lmtp -o lmtp_send_xforward_command=yes",
                f"bare unix n - n - 0 cleanup -o header_checks=regexp:{folder}/headers",
            ]
            with Postfix(settings, listeners=listeners, master=lines) as postfix:
                yield Mail(receiver, postfix)


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_mixed_recipients(mail: Mail, way: str) -> None:
    mail.receiver.take_all()
    seen = len(mail.postfix.log())
    message = MESSAGE % len(way)
    mail.post(way, MEMBER, [LIST, UNKNOWN, SUBADDRESS, "patterns@lists.example"], message)
    assert "550 5.1.1 no such mailing list" in mail.log_after(seen, rf"to=<{UNKNOWN}>.*status=bounced.*")
    for recipient in (LIST, SUBADDRESS, "patterns@lists.example"):
        assert "250 2.0.0 queued as" in mail.log_after(seen, rf"to=<{recipient}>.*status=sent.*")
    entries = {entry.recipients: entry for entry in mail.receiver.take_all()}
    assert {(entry.queue, entry.listid) for entry in entries.values()} == {
        ("in", "closed.lists.example"),
        ("command", "closed.lists.example"),
        ("in", "patterns.lists.example"),
    }
    for entry in entries.values():
        assert entry.envsender == MEMBER
        assert entry.content.startswith(b"Return-Path: <anne@people.example>\r\nReceived: from mx.lab.example")
        assert entry.content.endswith(b"\r\n\r\n.\r\n..\r\nend\r\n")


def test_a_member_s_mail_passes_and_a_stranger_s_bounces_with_our_text(mail: Mail) -> None:
    seen = len(mail.postfix.log())
    mail.post("tcp", "stranger@people.example", [LIST], MESSAGE % 3)
    told = mail.log_after(seen, rf"to=<{LIST}>.*status=bounced.*")
    assert "550 5.7.2 you may not post to this mailing list" in told


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        (MEMBER, " < closed@lists.example > "),
        (MEMBER, "closed(comment)@lists.example"),
        ("anne(comment)@people.example", " closed @ lists.example."),
        ("<anne@people.example>", '"closed"@lists.example'),
    ],
)
def test_addresses_that_no_path_holds_arrive_as_paths(mail: Mail, sender: str, recipient: str) -> None:
    """So the receiver may be strict where policy and milter, which get them as they are, may not."""
    seen = len(mail.postfix.log())
    [told] = mail.post("tcp", sender, [recipient], MESSAGE % 8)
    assert told.code == 250
    mail.log_after(seen, rf"to=<{LIST}>.*status=sent.*")


def test_every_recipient_refused_is_one_503_to_data(mail: Mail) -> None:
    seen = len(mail.postfix.log())
    mail.post("tcp", "stranger@people.example", [LIST, UNKNOWN], MESSAGE % 4)
    mail.log_after(seen, rf"to=<{LIST}>.*status=bounced.*")
    mail.log_after(seen, rf"to=<{UNKNOWN}>.*status=bounced.*")


def test_a_null_sender_is_refused_after_the_dot(mail: Mail) -> None:
    seen = len(mail.postfix.log())
    mail.post("tcp", "", [LIST, "closed-bounces+anne=people.example@lists.example"], MESSAGE % 5)
    assert "550 5.7.2 the null sender" in mail.log_after(seen, rf"to=<{LIST}>.*status=bounced.*")
    mail.log_after(seen, r"to=<closed-bounces\+anne.*status=sent.*")


def test_a_message_beyond_ascii(mail: Mail) -> None:
    mail.receiver.take_all()
    seen = len(mail.postfix.log())
    mail.post("tcp", MEMBER, ["grüße@lists.example"], "Subject: Grüße\r\n\r\nhi\r\n".encode(), "SMTPUTF8")
    mail.log_after(seen, r"to=<grüße@lists.example>.*status=sent.*")
    [entry] = mail.receiver.take_all()
    assert b"with UTF8LMTP" in entry.content


def test_xforward_names_the_client_and_the_queue_id(mail: Mail) -> None:
    seen = len(mail.postfix.log())
    mail.post("xforward", MEMBER, [LIST], MESSAGE % 6)
    queue_id = mail.postfix.wait_log(rf"(\w+): to=<{LIST}>.*status=sent", after=seen)[1]
    line = mail.receiver.wait_line(rf"event=verdict .*/{queue_id}$")
    assert f"client={STRANGER} " in line


@pytest.mark.parametrize("way", ["bare tcp", "bare unix"])
def test_a_message_that_is_posted_again_is_queued_again(mail: Mail, way: str) -> None:
    """Postfix says QUIT with the dot, and closes when it has the replies: it will not send that message again."""
    mail.receiver.take_all()
    message = b"Date: Sat, 21 Nov 2026 00:00:00 +0000\r\n" + MESSAGE % len(way)
    for _ in range(2):
        seen = len(mail.postfix.log())
        mail.post(way, MEMBER, [LIST], message)
        mail.log_after(seen, rf"to=<{LIST}>.*status=sent.*")
        mail.receiver.catch_up()
    first, second = (entry.content.partition(b"; ")[2] for entry in mail.receiver.take_all())
    assert first.partition(b"\r\n")[2] == second.partition(b"\r\n")[2]


def test_while_it_is_away_mail_waits(mail: Mail) -> None:
    receiver, postfix = mail
    port = receiver.port("lmtp")
    receiver.stop()
    seen = len(postfix.log())
    mail.post("tcp", MEMBER, [LIST], MESSAGE % 7)
    mail.log_after(seen, rf"to=<{LIST}>.*status=deferred.*")
    receiver.settings.write_text(receiver.settings.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    receiver.start()
    postfix.flush()
    mail.log_after(seen, rf"to=<{LIST}>.*status=sent.*")


def test_verification_asks_for_existence_alone(mail: Mail) -> None:
    """The answer is kept by the recipient's address, so it must not depend on the sender."""
    with Client(("127.0.0.1", mail.postfix.ports["verify"]), STRANGER) as client:
        client.hello()
        for sender in ("stranger@people.example", MEMBER, "outlaw@people.example", ""):
            existing, missing = client.mail(sender, [LIST, UNKNOWN])
            assert existing.code == 250
            assert (missing.code, missing.status) == (550, "5.1.1")
            assert "550 5.1.1 no such mailing list" in missing.text
            client.command("RSET")
