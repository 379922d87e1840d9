"""What `gatepost conf postfix` writes, loaded by a real Postfix: each type of table, each class of domain."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_conf.postfix import maps
from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create
from mtalab import Client, Delivered, Postfix, Reply, Sink, wait_until
from mtalab.ports import Port
from running import COMMAND, PATIENCE, Gatepost

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
SENDER = "anne@people.example"
TOKEN = "+bob=people.example"
# Ordinary mail has its place before gatepost comes: local users, virtual mailboxes, another relayed domain.
BEFORE = {
    "mydestination": "example.org",
    "local_recipient_maps": "proxy:unix:passwd.byname $alias_maps",
    "local_transport": "discard:local",
    "virtual_mailbox_domains": "example.net",
    "virtual_mailbox_maps": "inline:{ carl@example.net=x }",
    "virtual_transport": "discard:virtual",
    "relay_domains": "branch.example",
    "relay_recipient_maps": "inline:{ dora@branch.example=x }",
    "smtpd_recipient_restrictions": "reject_non_fqdn_recipient, reject_unauth_destination",
    "address_verify_map": "",
    "address_verify_poll_delay": "1s",
}
# Asks no policy service, so that only the tables refuse.
BARE = {"smtpd_recipient_restrictions": "reject_unauth_destination", "smtpd_data_restrictions": ""}
ORDINARY = ["root@example.org", "carl@example.net", "dora@branch.example"]
LISTS = [
    "ann@lists.example",
    "c++@lists.example",
    "us${a}*?@lists.example",
    "ann@example.org",
    "ann@example.net",
    "bee@example.com",
    "leser@bücher.example",
]
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


class Site(NamedTuple):
    """A Postfix that has gatepost's lines, gatepost beside it, and who takes the lists' mail."""

    folder: Path
    postfix: Postfix
    delivered: list[Delivered]

    def gatepost(self, *arguments: str) -> str:
        """A command of gatepost's, as on Postfix's own machine."""
        path = f"{self.postfix.lab.postfix}/usr/sbin:{os.environ['PATH']}"
        done = subprocess.run(
            [*COMMAND, "--config", str(self.folder / "gatepost.toml"), *arguments],
            env={**os.environ, **self.postfix.environment, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert not done.stderr
        return done.stdout

    def take_lines(self, name: str) -> None:
        """Put a written snippet into main.cf, in place of lines with the same names, and have it read."""
        lines = (self.folder / "maps" / name).read_text().splitlines()
        ours = dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))
        main = self.postfix.path("etc/main.cf").read_text().splitlines()
        kept = [line for line in main if line.partition(" = ")[0] not in ours]
        self.postfix.write("etc/main.cf", "\n".join([*kept, *(f"{key} = {value}" for key, value in ours.items()), ""]))
        self.postfix.reload()

    def ask(self, recipient: str, port: str = "bare", sender: str = SENDER) -> Reply:
        with Client(("127.0.0.1", self.postfix.ports[port]), STRANGER) as client:
            client.hello()
            return client.mail(sender, [recipient], "SMTPUTF8" if not recipient.isascii() else "")[0]

    def arrives_as(self, recipient: str) -> str:
        """Post to a recipient; the recipient that comes out behind Postfix."""
        seen = len(self.delivered)
        with Client(("127.0.0.1", self.postfix.port), STRANGER) as client:
            client.hello()
            assert client.mail(SENDER, [recipient])[0].code == 250, recipient
            assert client.data(b"Subject: hi\r\n\r\nhello\r\n")[0].code == 250
        delivered = wait_until(lambda: self.delivered[seen:], PATIENCE, lambda: f"{recipient}: {self.postfix.log()}")
        return delivered[0].recipients[0]


def fill(store_path: Path) -> None:
    create(store_path)
    with Store(store_path) as store:
        store.add_domain("lists.example")
        store.add_domain("bücher.example")
        store.add_domain("example.org", shared=True)
        store.add_domain("example.net", shared=True)
        store.add_domain("example.com", "l.example.com")
        for address in LISTS:
            store.create_list(address, "default_nonmember_action=accept")
        store.create_list("closed@lists.example", "default_nonmember_action=reject")


def settings(folder: Path, map_type: str, lmtp_port: int, more: str) -> str:
    lines = [
        f'[site]\nhostname = "mx.lab.example"\n[lists]\ndirectory = "sqlite:///{folder}/gatepost.db"',
        f'[queue]\nengine = "sqlite:///{folder}/queue.db"\n[milter]\nenabled = false',
        f'[postfix]\nmaps_dir = "{folder}/maps"\nmap_type = "{map_type}"\nlmtp_service = "gatepost-lmtp"',
        f'[lmtp]\npublic_address = "localhost:{lmtp_port}"\nlisten = "inet:127.0.0.1:{lmtp_port}"',
    ]
    return "\n".join([*lines, more, ""])


def running_site(stack: ExitStack, map_type: str, part: str, lmtp_port: int, more: str) -> Site:
    """A Postfix, a part of gatepost's, and the files for them, which Postfix has not been told of yet."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-")))
    folder.chmod(0o755)
    (folder / "maps").mkdir()
    fill(folder / "gatepost.db")
    stack.enter_context(Gatepost(folder, settings(folder, map_type, lmtp_port, more), part))
    line = "gatepost-lmtp unix - - n - - lmtp -o lmtp_send_xforward_command=yes"
    postfix = stack.enter_context(Postfix(BEFORE, listeners={"bare": BARE}, master=[line]))
    site = Site(folder, postfix, [])
    site.gatepost("conf", "postfix", "--write", str(folder / "maps"))
    return site


@pytest.fixture(scope="module", params=[*maps.MAP_TYPES, "live"])
def site(request: pytest.FixtureRequest, mtalab: object) -> Iterator[Site]:
    """A site with each type of table in turn, the default of this Postfix (lmdb) for the live ones."""
    with ExitStack() as stack:
        live = request.param == "live"
        sink = stack.enter_context(Sink())
        ports = [stack.enter_context(Port()).number for _ in range(2)]
        listens = f'[policy]\nlisten = "inet:127.0.0.1:{ports[0]}"\n[socketmap]\nlisten = "inet:127.0.0.1:{ports[1]}"'
        site = running_site(stack, "" if live else request.param, "policy", sink.port, listens)
        site.take_lines("main.cf.live.snippet" if live else "main.cf.snippet")
        assert f"{'socketmap' if live else request.param}:" in site.postfix.path("etc/main.cf").read_text()
        yield site._replace(delivered=sink.delivered)


@pytest.mark.parametrize("recipient", ORDINARY)
def test_ordinary_recipients_are_still_taken(site: Site, recipient: str) -> None:
    for port in ("bare", "smtp"):
        assert site.ask(recipient, port).code == 250


@pytest.mark.parametrize("recipient", UNKNOWN)
def test_unknown_recipients_are_refused_by_the_tables(site: Site, recipient: str) -> None:
    reply = site.ask(recipient)
    assert (reply.code, reply.status) == (550, "5.1.1")
    assert "User unknown in" in reply.text


@pytest.mark.parametrize("domain", ["lists.example", "example.org", "example.net", "LISTS.example"])
@pytest.mark.parametrize("local", ["ann", "Ann-Owner", f"ann-bounces{TOKEN}", "ann+x", "ann-confirm+0aB"])
def test_lists_mail_flows(site: Site, local: str, domain: str) -> None:
    assert site.arrives_as(f"{local}@{domain}") == f"{local}@{domain}"


@pytest.mark.parametrize("part", ["", "-owner", f"-bounces{TOKEN}", "+x", "-confirm+0aB"])
def test_a_virtual_alias_domain_leads_to_its_alias_with_the_token(site: Site, part: str) -> None:
    assert site.arrives_as(f"bee{part}@example.com") == f"bee{part}@l.example.com"
    assert site.arrives_as(f"bee{part}@l.example.com") == f"bee{part}@l.example.com"


def test_odd_names(site: Site) -> None:
    for recipient in ("c++@lists.example", "us${a}*?@lists.example", "us${a}*?-bounces+x@lists.example"):
        assert site.arrives_as(recipient) == recipient
    for recipient in ("c+++x@lists.example", "us@lists.example", "usaa@lists.example"):
        assert site.ask(recipient).code == 550


def test_a_domain_beyond_ascii(site: Site) -> None:
    for domain in ("bücher.example", "xn--bcher-kva.example"):
        assert site.ask(f"leser-owner+x@{domain}").code == 250
        assert site.ask(f"nobody@{domain}").code == 550


def test_who_may_not_post_is_refused_by_the_check(site: Site) -> None:
    reply = site.ask("closed@lists.example", "smtp")
    assert (reply.code, reply.status) == (550, "5.7.2")
    with Client(("127.0.0.1", site.postfix.port), STRANGER) as client:
        client.hello()
        assert client.mail("", ["ann@lists.example"])[0].code == 250
        assert client.command("DATA").status == "5.7.2"


def test_a_list_that_is_made_works_and_one_that_is_removed_does_not(site: Site) -> None:
    main = site.postfix.path("etc/main.cf").read_text()
    read_once = any(f"{each}:{site.folder}" in main for each in ("texthash", "regexp"))
    # Postfix asks live tables for a folded name: grösse in place of größe, which is another list's
    name = "grün" if "socketmap:" in main else "größe"
    for command, settings, code in (("create", ["default_nonmember_action=accept"], 250), ("remove", [], 550)):
        site.gatepost("list", command, f"{name}@lists.example", *settings)
        if read_once:
            site.postfix.reload()
        wait_until(lambda: site.ask(f"{name}-owner@lists.example").code == code, PATIENCE, lambda: command)  # noqa: B023


def test_said_again_the_lines_are_the_same(site: Site) -> None:
    kind = "live.snippet" if "socketmap:" in site.postfix.path("etc/main.cf").read_text() else "snippet"
    before = (site.folder / "maps" / f"main.cf.{kind}").read_text()
    site.gatepost("conf", "postfix", "--write", str(site.folder / "maps"))
    assert (site.folder / "maps" / f"main.cf.{kind}").read_text() == before


def test_postfix_has_nothing_to_complain_of(site: Site) -> None:
    log = site.postfix.log()
    complaints = [line for line in log.splitlines() if "warning:" in line or "fatal:" in line or "error:" in line]
    assert not [line for line in complaints if "table" in line or "BOTH" in line or "gatepost" in line], complaints


def test_a_dedicated_list_server_asks_about_each_address(mtalab: object) -> None:
    """No table is read: a list that is made is there at once."""
    with ExitStack() as stack:
        port = stack.enter_context(Port()).number
        site = running_site(stack, "texthash", "lmtp", port, "[policy]\nenabled = false")
        site.take_lines("main.cf.verify.snippet")
        for recipient in ORDINARY:
            assert site.ask(recipient, "smtp").code == 250
        for known in ("ann@lists.example", f"ann-bounces{TOKEN}@lists.example", "bee@example.com", "bee@l.example.com"):
            assert site.ask(known, "smtp").code == 250
        for unknown in ("nobody@lists.example", "nobody@example.com", "new@lists.example"):
            reply = site.ask(unknown, "smtp")
            assert (reply.code, reply.status) == (550, "5.1.1")
        assert "550 5.1.1 no such mailing list" in reply.text
        site.gatepost("list", "create", "fresh@lists.example", "default_nonmember_action=accept")
        with Client(("127.0.0.1", site.postfix.port), STRANGER) as client:
            client.hello()
            assert client.mail(SENDER, ["fresh@lists.example"])[0].code == 250
            assert client.data(b"Subject: hi\r\n\r\nhello\r\n")[0].code == 250
        site.postfix.wait_log(r"to=<fresh@lists.example>.*status=sent")
