"""What `gatepost conf postfix` writes, loaded by a real Postfix: each type of table, each class of domain."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gatepost_conf.postfix import maps
from labs.conf.wired import SENDER, STRANGER, Wired, beside, wired
from labs.mta import Client, wait_until
from labs.mta.ports import Port
from labs.running import PATIENCE

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

TOKEN = "+bob=people.example"
ORDINARY = ["root@example.org", "carl@example.net", "dora@branch.example"]
UNKNOWN = [
    "nobody@lists.example",
    "annx@lists.example",
    "ann-nonsense@lists.example",
    "nobody-of-that-name@example.org",
    "nobody@example.net",
    "nobody@branch.example",
    "nobody@example.com",
    "nobody@l.example.com",
]


@pytest.fixture(scope="module", params=[*maps.MAP_TYPES, "live"])
def site(request: pytest.FixtureRequest, mtalab: object) -> Iterator[Wired]:
    """A site with each type of table in turn."""
    with wired(request.param) as running:
        yield running


@pytest.mark.parametrize("recipient", ORDINARY)
def test_ordinary_recipients_are_still_taken(site: Wired, recipient: str) -> None:
    for port in ("bare", "smtp"):
        assert site.ask(recipient, port).code == 250


@pytest.mark.parametrize("recipient", UNKNOWN)
def test_unknown_recipients_are_refused_by_the_tables(site: Wired, recipient: str) -> None:
    reply = site.ask(recipient)
    assert (reply.code, reply.status) == (550, "5.1.1")
    assert "User unknown in" in reply.text


@pytest.mark.parametrize("domain", ["lists.example", "example.org", "example.net", "LISTS.example"])
@pytest.mark.parametrize("local", ["ann", "Ann-Owner", f"ann-bounces{TOKEN}", "ann+x", "ann-confirm+0aB"])
def test_lists_mail_flows(site: Wired, local: str, domain: str) -> None:
    assert site.arrives_as(f"{local}@{domain}") == f"{local}@{domain}"


@pytest.mark.parametrize("part", ["", "-owner", f"-bounces{TOKEN}", "+x", "-confirm+0aB"])
def test_a_virtual_alias_domain_leads_to_its_alias_with_the_token(site: Wired, part: str) -> None:
    assert site.arrives_as(f"bee{part}@example.com") == f"bee{part}@l.example.com"
    assert site.arrives_as(f"bee{part}@l.example.com") == f"bee{part}@l.example.com"


def test_odd_names(site: Wired) -> None:
    for recipient in ("c++@lists.example", "us${a}*?@lists.example", "us${a}*?-bounces+x@lists.example"):
        assert site.arrives_as(recipient) == recipient
    for recipient in ("c+++x@lists.example", "us@lists.example", "usaa@lists.example"):
        assert site.ask(recipient).code == 550


def test_a_domain_beyond_ascii(site: Wired) -> None:
    for domain in ("bücher.example", "xn--bcher-kva.example"):
        assert site.ask(f"leser-owner+x@{domain}").code == 250
        assert site.ask(f"nobody@{domain}").code == 550


def test_who_may_not_post_is_refused_by_the_check(site: Wired) -> None:
    reply = site.ask("closed@lists.example", "smtp")
    assert (reply.code, reply.status) == (550, "5.7.2")
    with Client(("127.0.0.1", site.postfix.port), STRANGER) as client:
        client.hello()
        assert client.mail("", ["ann@lists.example"])[0].code == 250
        assert client.command("DATA").status == "5.7.2"


def test_a_list_that_is_made_works_at_once_and_one_that_is_removed_does_not(site: Wired) -> None:
    # Postfix asks live tables for a folded name: grösse in place of größe, which is another list's
    name = "grün" if "socketmap:" in site.postfix.path("etc/main.cf").read_text() else "größe"
    for command, settings, code in (("create", ["default_nonmember_action=accept"], 250), ("remove", [], 550)):
        site.gatepost("list", command, f"{name}@lists.example", *settings)
        assert site.ask(f"{name}-owner@lists.example").code == code


def test_said_again_the_commands_are_the_same(site: Wired) -> None:
    kind = "live" if "socketmap:" in site.postfix.path("etc/main.cf").read_text() else "tables"
    script = site.folder / "maps" / f"main.cf.{kind}.sh"
    before = script.read_text()
    site.gatepost("conf", "postfix", "--write", str(site.folder / "maps"))
    assert script.read_text() == before


def test_postfix_has_nothing_to_complain_of(site: Wired) -> None:
    log = site.postfix.log()
    complaints = [line for line in log.splitlines() if "warning:" in line or "fatal:" in line or "error:" in line]
    # Since Postfix 3.11 Debian's complains of every table of hash; it is no default there.
    complaints = [line for line in complaints if "hash/btree support is deprecated" not in line]
    assert not [line for line in complaints if "table" in line or "BOTH" in line or "gatepost" in line], complaints


def test_a_dedicated_list_server_asks_about_each_address(mtalab: object) -> None:
    """No table is read: a list that is made is there at once."""
    with ExitStack() as stack:
        port = stack.enter_context(Port()).number
        site = beside(stack, "texthash", "lmtp", port, "[policy]\nenabled = false")
        site.take("main.cf.verify.sh")
        for recipient in ORDINARY:
            assert site.ask(recipient, "smtp").code == 250
        for known in ("ann@lists.example", f"ann-bounces{TOKEN}@lists.example", "bee@example.com", "bee@l.example.com"):
            assert site.ask(known, "smtp").code == 250
        for unknown in ("nobody@lists.example", "nobody@example.com", "new@lists.example"):
            reply = site.ask(unknown, "smtp")
            assert (reply.code, reply.status) == (550, "5.1.1")
        assert "550 5.1.1 no such mailing list" in reply.text
        site.create("fresh@lists.example", "new@lists.example")
        with Client(("127.0.0.1", site.postfix.port), STRANGER) as client:
            client.hello()
            assert client.mail(SENDER, ["fresh@lists.example"])[0].code == 250
            assert client.data(b"Subject: hi\r\n\r\nhello\r\n")[0].code == 250
        site.postfix.wait_log(r"to=<fresh@lists.example>.*status=sent")
        # The refusal of before is kept for ten seconds, where it would be three hours.
        wait_until(lambda: site.ask("new@lists.example", "smtp").code == 250, PATIENCE, site.postfix.log)
