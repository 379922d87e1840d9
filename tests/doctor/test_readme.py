"""README's commands for Postfix, pasted on a machine whose Postfix is as Debian installs it: nothing is left to say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_conf.doctor.case import Case, Options
from gatepost_conf.doctor.examine import examine
from gatepost_conf.doctor.findings import Finding
from gatepost_conf.settings import load
from gatepost_queue import engine_of
from labs.conf import debian
from labs.dns import Server
from labs.doctor import PROGRAMS, Planted, wrong
from labs.mta import Client, Lab, Postfix, complaints
from labs.mta.ports import Port
from labs.mta.postfix import SETTINGS
from labs.running import ROOT, Gatepost

pytestmark = [pytest.mark.mta]

README = (ROOT / "README.md").read_text(encoding="utf-8")
# Where the unpacked Postfix is, and as whom it runs.
PLACES = [
    *(name for name in SETTINGS if name.endswith(("_directory", "_environment", "_owner", "_group"))),
    *("maillog_file", "maillog_file_prefixes", "sendmail_path", "smtpd_peername_lookup"),
]
PARTS = {"policy": 8031, "milter": 8032, "socketmap": 8033, "lmtp": 8024}
# What the example cannot have: its domain is nobody's, and no DNS knows it.
OF_THE_EXAMPLE = {"domains"}


class Pasted(NamedTuple):
    """A Postfix into whose shell README's commands are pasted, and the service of `make run` beside it."""

    folder: Path
    postfix: Postfix
    ports: dict[int, int]
    dns: Server

    @property
    def main_cf(self) -> Path:
        return self.postfix.path("etc/main.cf")

    def paste(self, commands: str) -> None:
        """Type what README has, but for the ports; nothing may be complained of."""
        for written, ours in self.ports.items():
            commands = commands.replace(f":{written}", f":{ours}")
        environment = {**os.environ, **self.postfix.environment}
        done = subprocess.run(
            ["sh", "-e"], input=commands, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, complaints(done.stderr)) == (0, "", ""), self.postfix.log()
        self.reload()

    def reload(self) -> None:
        # Postfix reads a file anew until it has not changed for a second, to be sure that it has all of it.
        os.utime(self.main_cf, (time.time() - 60,) * 2)
        self.postfix.reload()

    def findings(self) -> list[Finding]:
        file = self.folder / "gatepost.toml"
        machine = Planted(self.dns.address, programs=PROGRAMS)
        options = Options(postfix_config=str(self.main_cf.parent))
        return list(examine(Case(machine, load(file), file, Path("/usr/bin/gatepost"), engine_of, options)))


def settings_of(ports: dict[int, int]) -> str:
    """Those that `make run` writes, but for the ports, and without the milter, for which README has no line."""
    listen = {part: f'[{part}]\nlisten = "inet:127.0.0.1:{ports[port]}"\n' for part, port in PARTS.items()}
    listen["milter"] += "enabled = false\n"
    listen["lmtp"] += f'public_address = "127.0.0.1:{ports[PARTS["lmtp"]]}"\n'
    return '[site]\nhostname = "mx.lab.example"\n' + "".join(listen.values())


@pytest.fixture
def pasted(public: Path, programs: Lab) -> Iterator[Pasted]:
    held = {port: Port() for port in PARTS.values()}
    ports = {port: each.number for port, each in held.items()}
    file = public / "gatepost.toml"
    file.write_text(settings_of(ports))
    environment = {**os.environ, "GATEPOST_CONFIG": str(file)}
    subprocess.run([sys.executable, ROOT / "tools" / "example.py"], env=environment, check=True, capture_output=True)
    with Gatepost(public, file.read_text(), "policy", "lmtp"), Postfix() as postfix, Server() as dns:
        places = [line for line in postfix.path("etc/main.cf").read_text().splitlines() if line.split()[0] in PLACES]
        mailname = postfix.write("etc/mailname", "lab.example\n")
        main_cf = debian.MAIN_CF.replace("/etc/mailname", str(mailname))
        postfix.write("etc/main.cf", main_cf + "\n".join([*places, ""]))
        site = Pasted(public, postfix, ports, dns)
        site.reload()
        yield site
    for each in held.values():
        each.release()


def commands() -> str:
    [block] = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(block)


def test_after_readme_nothing_is_wrong_but_the_example_s_dns(pasted: Pasted) -> None:
    assert {"postfix-policy", "postfix-domains"} <= wrong(pasted.findings())
    pasted.paste(commands())
    assert wrong(pasted.findings()) == OF_THE_EXAMPLE
    assert "overriding earlier entry" not in pasted.postfix.log()


def test_after_readme_strangers_are_refused_and_members_may_post(pasted: Pasted) -> None:
    pasted.paste(commands())
    with Client(("127.0.0.1", pasted.postfix.port), "127.0.0.9") as client:
        client.hello()
        assert client.mail("stranger@example.net", ["announce@lists.example"])[0].status == "5.7.2"
        client.command("RSET")
        assert client.mail("anne@example.org", ["announce@lists.example"])[0].code == 250
        assert client.data(b"Subject: hi\r\n\r\nhello\r\n")[0].code == 250
    pasted.postfix.wait_log(r"to=<announce@lists.example>.*status=sent")


def test_the_commands_can_be_taken_back(pasted: Pasted) -> None:
    before = pasted.main_cf.read_text()
    pasted.paste(commands())
    assert pasted.main_cf.read_text() != before
    back = re.findall(r"^    (postconf -X .*|postfix reload)$", README, re.MULTILINE)
    pasted.paste("\n".join([*back, ""]))
    assert pasted.main_cf.read_text() == before
