"""The live tables behind a real Sendmail and a real Exim, configured with what docs/socketmap.md says."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import CASES, RELAY_DOMAINS, Case, build_store
from gatepost_lists import Answer
from gatepost_lists.store.admin import Store
from labs.milter.servers import sendmail_with, written
from labs.mta import Client, Exim, Instance, Port, Reply, Sendmail, Sink
from labs.running import RunningPolicy, socketmap_settings

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
MEMBER, OUTSIDER = "anne@people.example", "stranger@people.example"
NO_LIST, NOT_YOU, OK = (550, "5.1.1"), (550, "5.7.2"), (250, "2.1.5")


class Site(NamedTuple):
    """gatepost with the store of the cases, and what takes the lists' mail."""

    service: RunningPolicy
    store: Path
    sink: Sink


class Mail(NamedTuple):
    """A site, and a mail server that asks it."""

    site: Site
    server: Instance

    def rcpt(self, *recipients: str, sender: str = MEMBER) -> list[Reply]:
        with Client(("127.0.0.1", self.server.port), STRANGER) as client:
            client.hello()
            return client.mail(sender, list(recipients))

    def told(self, recipient: str, sender: str = MEMBER) -> tuple[int, str]:
        return self.rcpt(recipient, sender=sender)[0][:2]


@pytest.fixture(scope="module")
def site(mtalab: object) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name, Sink() as sink:
        folder = Path(name)
        folder.chmod(0o755)
        build_store(folder / "gatepost.db")
        # the harness calls its first mailer lmtp0
        more = f'[lmtp]\npublic_address = "127.0.0.1:{sink.port}"\n[postfix]\nlmtp_service = "lmtp0"'
        listen = f'["inet:127.0.0.1:0", "unix:{folder}/tables?mode=0666"]'
        with RunningPolicy(folder, socketmap_settings("sqlite:///gatepost.db", more, listen=listen)) as service:
            yield Site(service, folder / "gatepost.db", sink)


def sendmail_asking(site: Site, address: str) -> Sendmail:
    """A Sendmail that asks `verdict`, and the live mailertable, at an address as it writes them."""

    def block(kind: str, text: str) -> str:
        return written(kind, text, {"inet:8033@127.0.0.1": address}, "socketmap.md").removesuffix("\n")

    table = block("sendmail.mc", "mailertable").partition("`mailertable', `")[2].removesuffix("')dnl")
    lmtp = {"lists.example": site.sink.port}
    rules = written("sendmail.rules", "Local_check_rcpt", {}, "socketmap.md")
    return sendmail_with("", config=block("sendmail.cf", "Kverdict"), rules=rules, lmtp=lmtp, mailertable=table)


@pytest.fixture(scope="module")
def sendmail(site: Site) -> Iterator[Mail]:
    with sendmail_asking(site, f"inet:{site.service.port('socketmap')}@127.0.0.1") as server:
        yield Mail(site, server)


@pytest.fixture(scope="module")
def exim(site: Site) -> Iterator[Mail]:
    acl = written("exim", "relay_recipients", {":8033": f":{site.service.port('socketmap')}"}, "socketmap.md")
    with Exim(acl_rcpt=f"{acl}accept domains = +list_domains\ndeny") as server:
        yield Mail(site, server)


def is_plain(case: Case) -> bool:
    """Whether Sendmail hands both addresses on: it takes quotes and comments off, and refuses some senders itself."""
    text = case.sender + case.recipient
    return (
        case.smtp
        and text.isascii()
        and text.isprintable()
        and not case.size
        and not set('"\\() <>:') & set(text)
        and ("@" in case.sender[1:] or not case.sender)
        and case.recipient.rpartition("@")[2] in RELAY_DOMAINS
        and case.test != ""
    )


@pytest.mark.parametrize("case", [case for case in CASES if is_plain(case)], ids=lambda case: case.id)
def test_case(case: Case, sendmail: Mail) -> None:
    refused = case.answer is Answer.REJECT
    assert sendmail.told(case.recipient, case.sender) == ((case.code, case.status) if refused else OK)


def test_sendmail_asks_over_a_unix_socket(site: Site) -> None:
    with sendmail_asking(site, f"local:{site.service.folder}/tables") as server:
        mail = Mail(site, server)
        assert (mail.told("closed@lists.example", OUTSIDER), mail.told("closed@lists.example")) == (NOT_YOU, OK)


def test_sendmail_queues_mail_while_the_mailertable_is_down(mtalab: object) -> None:
    with Port() as nobody:
        table = written("sendmail.mc", "mailertable", {":8033@": f":{nobody.number}@"}, "socketmap.md")
        with Sendmail(mailertable=table.partition("`mailertable', `")[2].partition("'")[0]) as server:
            with Client(("127.0.0.1", server.port), STRANGER) as client:
                client.hello()
                assert "will queue" in client.mail(MEMBER, ["closed@lists.example"])[0].text
                assert client.data(b"Subject: later\r\n\r\nhello\r\n")[0].code == 250
            server.wait_log(r"to=<closed@lists\.example>.*stat=(?:queued|Deferred)")


def test_sendmail_says_our_text(sendmail: Mail) -> None:
    [reply] = sendmail.rcpt("closed@lists.example", sender=OUTSIDER)
    assert reply == (*NOT_YOU, ("<closed@lists.example>... you may not post to this mailing list",))


def test_sendmail_s_mail_goes_by_the_live_mailertable(sendmail: Mail) -> None:
    text = f"by mailertable at {sendmail.server.port}"
    with Client(("127.0.0.1", sendmail.server.port), STRANGER) as client:
        client.hello()
        assert client.mail(MEMBER, ["closed@lists.example", "talk@shared.example"])[0].code == 250
        assert client.data(f"Subject: {text}\r\n\r\nhello\r\n".encode())[0].code == 250
    [transaction] = sendmail.site.sink.wait_for(text.encode())
    assert transaction.recipients == ("closed@lists.example",)


@pytest.mark.parametrize("name", ["sendmail", "exim"])
def test_a_new_list_counts_at_once(name: str, request: pytest.FixtureRequest) -> None:
    mail: Mail = request.getfixturevalue(name)
    assert mail.told("fresh@lists.example")[0] == 550
    with Store(mail.site.store) as store:
        store.create_list("fresh@lists.example")
    assert mail.told("fresh@lists.example")[0] == 250
    with Store(mail.site.store) as store:
        store.remove_list("fresh@lists.example")
    assert mail.told("fresh@lists.example")[0] == 550


def test_exim_asks_before_it_takes_an_address(exim: Mail) -> None:
    known = ("closed@lists.example", "Closed-Owner+x@lists.example", "c++@lists.example")
    assert [reply.code for reply in exim.rcpt(*known)] == [250] * len(known)
    [reply] = exim.rcpt("nothing@lists.example")
    assert (reply.code, reply.status, reply.text) == (*NO_LIST, "no such mailing list")


@pytest.mark.parametrize("name", ["sendmail", "exim"])
def test_a_server_that_is_down_is_a_temporary_failure(name: str, request: pytest.FixtureRequest) -> None:
    mail: Mail = request.getfixturevalue(name)
    service = mail.site.service
    port = service.port("socketmap")
    service.stop()
    assert mail.told("closed@lists.example", OUTSIDER)[0] == 451
    fixed = service.settings.read_text().replace(
        '[socketmap]\nlisten = ["inet:127.0.0.1:0"', f'[socketmap]\nlisten = ["inet:127.0.0.1:{port}"'
    )
    service.settings.write_text(fixed)
    service.start()
    assert mail.told("closed@lists.example")[0] == 250


@pytest.mark.parametrize("name", ["sendmail", "exim"])
def test_a_store_that_is_away_is_a_temporary_failure(name: str, request: pytest.FixtureRequest) -> None:
    mail: Mail = request.getfixturevalue(name)
    service, store = mail.site.service, mail.site.store
    files = list(store.parent.glob("gatepost.db*"))
    for file in files:
        file.rename(store.with_name(f"away-{file.name}"))
    for _ in range(1000):  # a store that is away is noticed a moment later
        if (told := mail.told("closed@lists.example", OUTSIDER)[0]) == 451:
            break
    assert told == 451
    assert "TEMP" in service.look_up("relay_recipients closed@lists.example")
    for file in files:
        file.with_name(f"away-{file.name}").rename(file)
    assert service.look_up("relay_recipients closed@lists.example") == "OK closed@lists.example"
    assert mail.told("closed@lists.example")[0] == 250
