"""What `conf exim` writes for Debian, put into Debian's own split configuration and loaded by a real Exim."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.conf.served import Served
from labs.mta import Client, Lab, WholeExim

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

MEMBER, STRANGER = "anne@people.example", "stranger@people.example"
LIST, UNKNOWN = "closed@lists.example", "nobody@lists.example"
# As the package's questions are answered for a host that takes mail for others.
ANSWERS = """\
dc_eximconfig_configtype='internet'
dc_other_hostnames=''
dc_local_interfaces=''
dc_readhost=''
dc_relay_nets=''
dc_smarthost=''
dc_minimaldns='false'
dc_hide_mailname='false'
dc_localdelivery='mail_spool'
dc_use_split_config='true'
CFILEMODE='644'
"""
PLACES = {
    "debian.main": "conf.d/main/15_gatepost",
    "debian.router": "conf.d/router/090_gatepost",
    "debian.transport": "conf.d/transport/30_gatepost",
    "gatepost_rcpt_acl": "gatepost_rcpt_acl",
    "gatepost_data_acl": "gatepost_data_acl",
}
# What the laboratory sets itself, or an Exim beside the machine's own cannot use.
ELSEWHERE = re.compile(
    r"^(exim_path|spool_directory|host_lookup|keep_environment|add_environment|tls_advertise_hosts|log_selector) =.*\n",
    re.MULTILINE,
)


def put_in_place(gate: Served, folder: Path, way: str) -> None:
    """Do with the written files what their comments say."""
    out = gate.written("exim")
    for name, place in PLACES.items():
        assert f"/etc/exim4/{place}" in gate.run("conf", "exim")
        shutil.copy(out / name, folder / place)
    (folder / "update-exim4.conf.conf").write_text(ANSWERS + (out / "update-exim4.conf.conf").read_text())
    acls = (f"CHECK_{when.upper()}_LOCAL_ACL_FILE = {folder}/gatepost_{when}_acl\n" for when in ("rcpt", "data"))
    (folder / "conf.d/main/000_localmacros").write_text(f"CONFDIR = {folder}\n{''.join(acls)}{way}")
    if way:
        shutil.copy(out / "local_rcpt_callout", folder / "local_rcpt_callout")


def joined(lab: Lab, folder: Path) -> str:
    """The configuration that Debian's update-exim4.conf makes; the package's user is not on this machine."""
    (folder / "bin").mkdir()
    (folder / "bin/chown").write_text("#!/bin/sh\n")
    (folder / "bin/chown").chmod(0o755)
    script = lab.exim / "usr/sbin/update-exim4.conf"
    environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    command: list[str | Path] = ["sh", script, "--confdir", folder, "--output", folder / "joined"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return ELSEWHERE.sub("", (folder / "joined").read_text())


@pytest.fixture(scope="module")
def gate(mtalab: object) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        with Served(Path(name)) as gate:
            yield gate


@pytest.fixture(scope="module", params=["", "GATEPOST_ROUTE_BY_CALLOUT = yes\n"], ids=["live", "callout"])
def exim(request: pytest.FixtureRequest, gate: Served, mtalab: Lab) -> Iterator[WholeExim]:
    with tempfile.TemporaryDirectory(prefix="exim4-") as name:
        folder = Path(name) / "exim4"
        Path(name).chmod(0o755)
        shutil.copytree(mtalab.exim / "etc/exim4", folder)
        put_in_place(gate, folder, request.param)
        with WholeExim(joined(mtalab, folder)) as exim:
            yield exim


def test_refusals(exim: WholeExim) -> None:
    with Client(("127.0.0.1", exim.port), "127.0.0.9") as client:
        client.hello()
        stranger, unknown, owner, elsewhere = client.mail(
            STRANGER, [LIST, UNKNOWN, "closed-owner@lists.example", "joe@elsewhere.example"]
        )
    assert (stranger.code, stranger.status) == (550, "5.7.2")
    assert stranger.text == "you may not post to this mailing list"
    assert unknown.code == 550
    assert "no such mailing list" in unknown.text
    assert owner.code == 250
    assert (elsewhere.code, elsewhere.text) == (550, "relay not permitted")


def test_mail_flows(gate: Served, exim: WholeExim) -> None:
    gate.take_all()
    with Client(("127.0.0.1", exim.port), "127.0.0.9") as client:
        client.hello()
        assert [reply.code for reply in client.mail(MEMBER, [LIST, "open+x@lists.example"])] == [250, 250]
        [taken] = client.data(b"From: anne@people.example\r\nSubject: hi\r\n\r\nhi\r\n")
        assert client.mail("", [LIST])[0].code == 250
        [refused] = client.data(b"From: anne@people.example\r\nSubject: bounce\r\n\r\nhi\r\n")
    assert taken.code == 250
    assert (refused.code, refused.status) == (550, "5.7.2")
    exim.wait_log(f"{taken.text.removeprefix('OK id=')} Completed")
    assert [entry.recipients for entry in gate.take_all()] == [("closed@lists.example",), ("open+x@lists.example",)]
