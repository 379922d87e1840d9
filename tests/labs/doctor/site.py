"""A site in which nothing is wrong: a store with two lists, all services, a Postfix that is told about them, a DNS."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from click.testing import CliRunner

from gatepost import cli
from gatepost_conf.doctor.case import Case, Options
from gatepost_conf.doctor.examine import examine
from gatepost_conf.doctor.findings import Finding
from gatepost_conf.settings import load
from gatepost_lists.store.admin import Store
from gatepost_queue import engine_of
from labs.dns import Server
from labs.doctor.machine import Planted
from labs.mta.ports import Port
from labs.needs import pymilter
from labs.running import Gatepost

HOST_NAME = "mx.lab.example"
PARTS = ("policy", "milter", "lmtp", "socketmap")
SETTINGS = """\
[site]
hostname = "{host}"
[lists]
directory = "sqlite:///gatepost.db"
probe_senders = ["double-bounce*@*"]
[policy]
listen = ["inet:127.0.0.1:{policy}", "unix:policy.sock?mode=0666"]
[socketmap]
listen = "inet:127.0.0.1:{socketmap}"
[milter]
listen = "inet:127.0.0.1:{milter}"
[lmtp]
listen = "inet:127.0.0.1:{lmtp}"
public_address = "127.0.0.1:{lmtp}"
[queue]
engine = "sqlite:///queue.db"
[postfix]
maps_dir = "maps"
map_type = "texthash"
"""


class Site:
    """Use as a context manager: the folder, the ports, the services, the DNS. Skips where there is no pymilter."""

    def __enter__(self) -> Self:
        pymilter()
        with ExitStack() as stack:
            self._make(stack)
            self._stack = stack.pop_all()
        return self

    def _make(self, stack: ExitStack) -> None:
        enter = stack.enter_context
        self.folder = Path(enter(tempfile.TemporaryDirectory(prefix="gatepost-doctor-")))
        self.folder.chmod(0o755)
        self.ports = {part: enter(Port()).number for part in PARTS}
        self.settings = SETTINGS.format(host=HOST_NAME, **self.ports)
        (self.folder / "maps").mkdir()
        self.file = self.folder / "gatepost.toml"
        self.file.write_text(self.settings)
        self.gatepost("init")
        with Store(self.folder / "gatepost.db") as store:
            store.add_domain("lists.example", "l.example")
            store.create_list("ann@lists.example", "default_nonmember_action=reject")
            store.create_list("chat@lists.example")
        self.gatepost("conf", "postfix", "--write", str(self.folder / "maps"))
        enter(Gatepost(self.folder, self.settings, "policy", "milter", "lmtp"))
        self.dns = enter(Server())
        for domain in ("lists.example", "l.example"):
            self.dns.records[domain] = {"MX": [f"10 {HOST_NAME}."]}
        self.dns.records[HOST_NAME] = {"A": ["127.0.0.1"]}

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def gatepost(self, *arguments: str) -> str:
        """Run a command that must succeed; its output."""
        done = CliRunner().invoke(cli, ["--config", str(self.file), *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    def machine(self, *programs: str) -> Planted:
        """A machine with only those programs of mail servers."""
        return Planted(self.dns.address, programs=programs)

    def examine(self, machine: Planted, settings: Mapping[str, str] | None = None, **options: str) -> list[Finding]:
        """The findings; settings: lines of gatepost.toml, and what stands there instead."""
        with self.changed(settings or {}) as file:
            return self.look(machine, file, **options)

    def look(self, machine: Planted, file: Path, **options: str) -> list[Finding]:
        """The findings with that file of settings."""
        program = Path("/usr/bin/gatepost")
        return list(examine(Case(machine, load(file), file, program, engine_of, Options(**options))))

    @contextmanager
    def changed(self, settings: Mapping[str, str]) -> Iterator[Path]:
        """A file beside the right one, with those lines replaced."""
        text = self.settings
        for before, after in settings.items():
            assert before in text, before
            text = text.replace(before, after, 1)
        file = self.folder / "changed.toml"
        file.write_text(text)
        yield file
        file.unlink()

    def main_cf(self) -> dict[str, str]:
        """What a Postfix must be told, in a way in which nothing is wrong."""
        policy = f"check_policy_service inet:127.0.0.1:{self.ports['policy']}"
        maps = f"texthash:{self.folder}/maps"
        return {
            "relay_domains": f"{maps}/postfix_domains",
            "relay_recipient_maps": f"{maps}/postfix_relay_recipients",
            "transport_maps": f"{maps}/postfix_lmtp",
            "virtual_alias_maps": f"{maps}/postfix_vmap",
            "virtual_alias_domains": "lists.example",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "smtpd_recipient_restrictions": f"reject_unauth_destination, reject_unverified_recipient, {policy}",
            "unverified_recipient_reject_code": "550",
            "smtpd_data_restrictions": policy,
            "smtpd_milters": f"inet:127.0.0.1:{self.ports['milter']}",
            "recipient_delimiter": "+",
            "owner_request_special": "no",
        }
