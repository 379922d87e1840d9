"""A Postfix that has what `gatepost conf postfix` prints, gatepost beside it, and who takes the lists' mail."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from gatepost import cli
from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create
from labs.mta import Client, Delivered, Postfix, Reply, Sink, complaints, wait_until
from labs.mta.ports import Port
from labs.running import PATIENCE, Gatepost

STRANGER = "127.0.0.9"
SENDER = "anne@people.example"
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
LISTS = [
    "ann@lists.example",
    "c++@lists.example",
    "us${a}*?@lists.example",
    "ann@example.org",
    "ann@example.net",
    "bee@example.com",
    "leser@bücher.example",
]


class Wired(NamedTuple):
    """A Postfix with gatepost beside it; what has been delivered."""

    folder: Path
    postfix: Postfix
    delivered: list[Delivered]

    @property
    def environment(self) -> dict[str, str]:
        """That of Postfix's own machine."""
        path = f"{self.postfix.lab.postfix}/usr/sbin:{os.environ['PATH']}"
        return {**os.environ, **self.postfix.environment, "PATH": path}

    def gatepost(self, *arguments: str) -> str:
        """A command that must succeed and has nothing to complain of; its output."""
        words = ["--config", str(self.folder / "gatepost.toml"), *arguments]
        done = CliRunner().invoke(cli, words, env=self.environment)
        assert (done.exit_code, done.stderr) == (0, ""), words
        return done.stdout

    def create(self, *lists: str) -> None:
        """Create lists that are open to all, in domains that are added where they are not there."""
        there = self.gatepost("domain", "ls")
        for address in lists:
            if (domain := address.rpartition("@")[2]) not in there:
                self.gatepost("domain", "add", domain)
            self.gatepost("list", "create", address, "default_nonmember_action=accept")

    def take(self, script: str) -> None:
        """Type one of the scripts that were written."""
        command: list[str | Path] = ["sh", self.folder / "maps" / script]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        assert complaints(done.stderr) == "", command
        # Postfix reads a file anew until it has not changed for a second, to be sure that it has all of it.
        os.utime(self.postfix.path("etc/main.cf"), (time.time() - 60,) * 2)
        self.postfix.reload()

    def ask(self, recipient: str, port: str = "bare", sender: str = SENDER) -> Reply:
        """The answer to RCPT, from a stranger."""
        with Client(("127.0.0.1", self.postfix.ports[port]), STRANGER) as client:
            client.hello()
            return client.mail(sender, [recipient], "SMTPUTF8" if not recipient.isascii() else "")[0]

    def arrives_as(self, recipient: str) -> str:
        """Post to a recipient; the recipient that comes out behind Postfix."""
        seen = len(self.delivered)
        with Client(("127.0.0.1", self.postfix.port), STRANGER) as client:
            client.hello()
            reply = client.mail(SENDER, [recipient])[0]
            assert reply.code == 250, (recipient, reply)
            assert client.data(b"Subject: hi\r\n\r\nhello\r\n")[0].code == 250
        delivered = wait_until(lambda: self.delivered[seen:], PATIENCE, lambda: f"{recipient}: {self.postfix.log()}")
        return delivered[0].recipients[0]


@contextmanager
def wired(kind: str, before: Mapping[str, str] = BEFORE) -> Iterator[Wired]:
    """With tables of this type, or `live` ones beside written ones of this Postfix's default type, which is lmdb.

    before: what Postfix has in main.cf already.
    """
    with ExitStack() as stack:
        live = kind == "live"
        sink = stack.enter_context(Sink())
        ports = [stack.enter_context(Port()).number for _ in range(2)]
        listens = f'[policy]\nlisten = "inet:127.0.0.1:{ports[0]}"\n[socketmap]\nlisten = "inet:127.0.0.1:{ports[1]}"'
        site = beside(stack, "" if live else kind, "policy", sink.port, listens, before)
        site.take("main.cf.live.sh" if live else "main.cf.tables.sh")
        assert f"{'socketmap' if live else kind}:" in site.postfix.path("etc/main.cf").read_text()
        yield site._replace(delivered=sink.delivered)


def beside(
    stack: ExitStack, map_type: str, part: str, lmtp_port: int, more: str, before: Mapping[str, str] = BEFORE
) -> Wired:
    """A Postfix, a part of gatepost's, and the files for them, which Postfix has not been told of yet."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-")))
    folder.chmod(0o755)
    (folder / "maps").mkdir()
    _fill(folder / "gatepost.db")
    stack.enter_context(Gatepost(folder, _settings(folder, map_type, lmtp_port, more), part))
    line = "gatepost-lmtp unix - - n - - lmtp -o lmtp_send_xforward_command=yes"
    postfix = stack.enter_context(Postfix(before, listeners={"bare": BARE}, master=[line]))
    site = Wired(folder, postfix, [])
    site.gatepost("conf", "postfix", "--write", str(folder / "maps"))
    return site


def _fill(store_path: Path) -> None:
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


def _settings(folder: Path, map_type: str, lmtp_port: int, more: str) -> str:
    lines = [
        f'[site]\nhostname = "mx.lab.example"\n[lists]\ndirectory = "sqlite:///{folder}/gatepost.db"',
        f'[queue]\nengine = "sqlite:///{folder}/queue.db"\n[milter]\nenabled = false',
        f'[postfix]\nmaps_dir = "{folder}/maps"\nmap_type = "{map_type}"\nlmtp_service = "gatepost-lmtp"',
        f'[lmtp]\npublic_address = "localhost:{lmtp_port}"\nlisten = "inet:127.0.0.1:{lmtp_port}"',
    ]
    return "\n".join([*lines, more, ""])
