"""The units: what the settings make of them, and that systemd takes them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gatepost_conf import systemd
from gatepost_conf.site import Site
from gatepost_conf.writing import write
from gatepost_lists.model import Domain
from labs.conf import site

STANDARD = """\
[lists]
directory = "sqlite:////var/lib/gatepost/gatepost.db"
[queue]
engine = "sqlite:////var/lib/gatepost/queue.db"
[log]
file = "/var/log/gatepost/gatepost.log"
"""
ODD = """\
[lists]
directory = "sqlite:////srv/my lists/50%/gatepost.db"
[queue]
engine = "sqlite:////srv/mail/queue.db"
[policy]
listen = ["unix:/var/spool/postfix/gatepost/policy", "inet:[::1]:31"]
[lmtp]
listen = ["unix:/run/gatepost/lmtp?owner=postfix"]
"""


def lines(found: Site, name: str = "gatepost.service") -> list[str]:
    [text] = [piece.text for piece in systemd.pieces(found) if piece.name == name]
    return text.splitlines()


def test_the_usual_folders_are_systemd_s() -> None:
    found = lines(site([Domain("lists.example")], (), STANDARD))
    assert {"StateDirectory=gatepost", "LogsDirectory=gatepost"} <= set(found)
    assert not any(line.startswith(("ReadWritePaths", "RuntimeDirectory")) for line in found)
    command = "ExecStart=/opt/gatepost/.venv/bin/gatepost --config /etc/gatepost/gatepost.toml run"
    assert {command, "Type=notify", "WatchdogSec=30", "CapabilityBoundingSet=", "PrivateTmp=yes"} <= set(found)


def test_other_folders_are_named() -> None:
    found = set(lines(site([], (), ODD)))
    assert 'ReadWritePaths="/srv/my lists/50%%"' in found
    assert {"ReadWritePaths=/srv/mail", "ReadWritePaths=/var/spool/postfix/gatepost"} <= found
    assert {"RuntimeDirectory=gatepost", "RuntimeDirectoryMode=0755"} <= found
    assert "CapabilityBoundingSet=CAP_CHOWN CAP_NET_BIND_SERVICE" in found


def test_a_program_at_home_can_be_run_and_none_of_its_characters_mean_anything() -> None:
    found = lines(replace(site([]), program=Path('/home/bo/a"b $HOME %h\nExecStart=/x/gatepost')))
    assert "ProtectHome=read-only" in found
    [command] = [line for line in found if line.startswith("ExecStart=")]
    assert command.startswith(r'ExecStart="/home/bo/a\x22b $$HOME %%h\x0aExecStart=/x/gatepost" --config')


def test_sockets_are_those_of_tcp() -> None:
    found = lines(site([], (), ODD), "gatepost.socket")
    assert [line for line in found if line.startswith("ListenStream")] == [
        "ListenStream=[::1]:31",
        "ListenStream=127.0.0.1:8033",
    ]
    nothing = 'listen = ["unix:/run/gatepost/{}"]'
    on_sockets = "".join(f"[{part}]\n{nothing.format(part)}\n" for part in ("policy", "socketmap", "lmtp"))
    assert [piece.name for piece in systemd.pieces(site([], (), on_sockets))] == ["gatepost.service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("settings", [STANDARD, ODD])
def test_systemd_takes_the_units(settings: str, tmp_path: Path) -> None:
    found = replace(site([], (), settings), program=Path(sys.executable).with_name("gatepost"))
    units = write(systemd.pieces(found), tmp_path)
    done = subprocess.run(["systemd-analyze", "verify", *units], text=True, capture_output=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "gatepost" in line]
    assert (done.returncode, ours) == (0, [])
