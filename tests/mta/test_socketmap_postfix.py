"""The live tables behind a real Postfix, configured with what docs/socketmap.md says, over TCP and a UNIX socket."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create
from labs.milter.servers import written
from labs.mta import Client, Port, Postfix, Reply, Sink
from labs.running import RunningPolicy, socketmap_settings

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
SENDER = "anne@people.example"
# What smtpd says to a list that there is not, by the class of its domain.
UNKNOWN = {
    "lists.example": "User unknown in relay recipient table",
    "alias.example": "User unknown in relay recipient table",
    "real.example": "User unknown in virtual alias table",
    "shared.example": "User unknown in local recipient table",
}
LOCAL_USER = "news@shared.example"


class Mail(NamedTuple):
    """gatepost with its store, a Postfix that looks everything up in it, and what brings the lists' mail."""

    service: RunningPolicy
    store: Path
    postfix: Postfix
    sink: Sink

    def rcpt(self, *recipients: str) -> list[Reply]:
        with Client(("127.0.0.1", self.postfix.port), STRANGER) as client:
            client.hello()
            return client.mail(SENDER, list(recipients))

    def post(self, text: str, *recipients: str) -> None:
        with Client(("127.0.0.1", self.postfix.port), STRANGER) as client:
            client.hello()
            assert {reply.code for reply in client.mail(SENDER, list(recipients))} == {250}
            assert client.data(f"Subject: {text}\r\n\r\nhello\r\n".encode())[0].code == 250


def settings_of(listen: str) -> dict[str, str]:
    """main.cf as the page has it: for domains of lists, and for a domain of mydestination."""
    address = listen.partition("?")[0]
    blocks = [
        written("main.cf", what, {"inet:127.0.0.1:8033": address}, "socketmap.md")
        for what in ("relay_domains", "local_recipient_maps")
    ]
    pairs = (line.partition(" = ") for line in "".join(blocks).splitlines())
    return {name: value for name, _, value in pairs}


@pytest.fixture(scope="module", params=["inet", "unix"])
def mail(request: pytest.FixtureRequest, mtalab: object) -> Iterator[Mail]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name, Sink() as sink:
        folder = Path(name)
        folder.chmod(0o755)
        create(folder / "gatepost.db")
        with Store(folder / "gatepost.db") as store:
            store.add_domain("lists.example")
            store.add_domain("real.example", "alias.example")
            store.add_domain("shared.example", shared=True)
            for address in ("closed@lists.example", "ann@real.example", "talk@shared.example"):
                store.create_list(address)
        listen = {"inet": "inet:127.0.0.1:0", "unix": f"unix:{folder}/tables?mode=0666"}[request.param]
        more = f'[lmtp]\npublic_address = "127.0.0.1:{sink.port}"\n[site]\nowner = "{LOCAL_USER}"'
        settings = socketmap_settings("sqlite:///gatepost.db", more, listen=f'["{listen}"]')
        with RunningPolicy(folder, settings) as service:
            more_of_main = {"mydestination": "shared.example", "local_transport": "discard:"}
            with Postfix(settings_of(service.addresses("socketmap")[0]) | more_of_main) as postfix:
                yield Mail(service, folder / "gatepost.db", postfix, sink)


def test_known_addresses_are_taken_and_unknown_ones_refused(mail: Mail) -> None:
    known = (
        "closed@lists.example",
        "Closed+tag@Lists.Example",
        "closed-bounces+bob=people.example@lists.example",
        "ann-owner@real.example",
        "ann@alias.example",
        "talk-join@shared.example",
        LOCAL_USER,
        "postmaster@lists.example",
        "postmaster@real.example",
    )
    assert [(reply.code, reply.text) for reply in mail.rcpt(*known)] == [(250, "Ok")] * len(known)
    for domain, text in UNKNOWN.items():
        [reply] = mail.rcpt(f"nothing@{domain}")
        assert text in reply.text
        assert (reply.code, reply.status) == (550, "5.1.1")
    [elsewhere] = mail.rcpt("closed@elsewhere.example")
    assert "Relay access denied" in elsewhere.text
    assert "do not list domain" not in mail.postfix.log()


@pytest.mark.parametrize(
    ("recipient", "delivered"),
    [
        ("closed@lists.example", "closed@lists.example"),
        ("closed-bounces+bob=people.example@lists.example", "closed-bounces+bob=people.example@lists.example"),
        ("ann@real.example", "ann@alias.example"),
        ("ann-bounces+bob=people.example@real.example", "ann-bounces+bob=people.example@alias.example"),
        ('"ann+a,b c"@real.example', '"ann+a,b c"@alias.example'),
        ("ann-confirm+0a1b2c@alias.example", "ann-confirm+0a1b2c@alias.example"),
        ("talk@shared.example", "talk@shared.example"),
    ],
)
def test_mail_goes_where_the_tables_say(mail: Mail, recipient: str, delivered: str) -> None:
    text = f"to {recipient} by {mail.postfix.port}"
    mail.post(text, recipient)
    [transaction] = mail.sink.wait_for(text.encode())
    assert transaction.recipients == (delivered,)


@pytest.mark.parametrize("recipient", [LOCAL_USER, "postmaster@lists.example"])
def test_what_is_no_list_s_mail_goes_its_own_way(mail: Mail, recipient: str) -> None:
    seen = len(mail.postfix.log())
    mail.post(f"own way of {recipient}", recipient)
    assert "relay=none" in mail.postfix.wait_log(rf"to=<{LOCAL_USER}>.*status=sent.*", after=seen)[0]


def test_a_new_list_and_a_new_domain_count_at_once(mail: Mail) -> None:
    fresh, there = "fresh@lists.example", "first@new.example"
    assert mail.rcpt(fresh)[0].code == 550
    with Store(mail.store) as store:
        store.create_list(fresh)
        store.add_domain("new.example")
        store.create_list(there)
    assert [reply.code for reply in mail.rcpt(fresh, there)] == [250, 250]
    text = f"at once by {mail.postfix.port}"
    mail.post(text, fresh, there)
    assert {recipient for each in mail.sink.wait_for(text.encode()) for recipient in each.recipients} == {fresh, there}
    with Store(mail.store) as store:
        store.remove_list(fresh)
    assert mail.rcpt(fresh)[0].code == 550


def wait_rcpt(mail: Mail, recipient: str, code: int) -> Reply:
    """The first reply with this code: a store that is away is noticed a moment later."""
    for _ in range(1000):
        [reply] = mail.rcpt(recipient)
        if reply.code == code:
            return reply
    pytest.fail(f"never {code}, at last {reply}")


def test_a_store_that_is_away_is_a_temporary_failure(mail: Mail) -> None:
    away = mail.store.with_name("away")
    away.mkdir()
    files = list(mail.store.parent.glob("gatepost.db*"))
    for file in files:
        file.rename(away / file.name)
    reply = wait_rcpt(mail, "nothing@lists.example", 451)
    assert (reply.status, "Temporary lookup failure" in reply.text) == ("4.3.0", True)
    assert mail.rcpt("closed@lists.example")[0].code == 451
    for file in away.iterdir():
        file.rename(mail.store.with_name(file.name))
    assert wait_rcpt(mail, "nothing@lists.example", 550).status == "5.1.1"
    wait_rcpt(mail, "closed@lists.example", 250)
    away.rmdir()


def test_an_ipv6_address_is_dialled(tmp_path: Path, mtalab: object) -> None:
    with Port() as nobody:
        (tmp_path / "lists.toml").write_text('[domains."lists.example"]\n[lists."closed@lists.example"]\n')
        more = f'[lmtp]\npublic_address = "[::1]:{nobody.number}"'
        with (
            RunningPolicy(tmp_path, socketmap_settings("toml:///lists.toml", more)) as service,
            Postfix(settings_of(service.addresses("socketmap")[0]), ipv6=True) as postfix,
        ):
            with Client(("127.0.0.1", postfix.port), STRANGER) as client:
                client.hello()
                assert client.mail(SENDER, ["closed@lists.example"])[0].code == 250
                assert client.data(b"Subject: six\r\n\r\nhello\r\n")[0].code == 250
            postfix.wait_log(rf"connect to ::1\[::1\]:{nobody.number}: Connection refused")
