"""`gatepost conf postfix`, and Postfix's tables that follow the lists. No Postfix is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import CommandLine
from gatepost_conf.postfix import maps
from labs.running import COMMAND

Tables = Callable[[], dict[str, list[str]]]


@pytest.fixture
def no_postfix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Postfix this machine has is not found."""
    monkeypatch.setattr("gatepost_conf.postfix.programs._FOLDERS", ())
    monkeypatch.setenv("PATH", os.devnull)


@pytest.fixture
def tables(gatepost: CommandLine, no_postfix: None) -> Tables:
    """The keys of each table in maps_dir, which is there."""
    folder = gatepost.folder / "var" / "postfix"
    folder.mkdir()

    def read() -> dict[str, list[str]]:
        texts = {path.name: path.read_text() for path in folder.iterdir()}
        return {name: [line.partition("\t")[0] for line in text.splitlines()[2:]] for name, text in texts.items()}

    return read


def test_all_pieces_are_printed_under_their_names(gatepost: CommandLine, no_postfix: None) -> None:
    printed = gatepost("conf", "postfix")
    headings = [line.split()[2].rstrip(":") for line in printed.splitlines() if line.startswith("# == ")]
    scripts = ["main.cf.live.sh", "main.cf.tables.sh", "main.cf.verify.sh", "master.cf.sh"]
    assert headings == [*scripts, *maps.NAMES]
    folder = gatepost.folder / "var" / "postfix"
    assert "\npostconf -e 'transport_maps = socketmap:inet:127.0.0.1:8033:transport'\n" in printed
    assert f"\npostconf -e 'transport_maps = texthash:{folder}/postfix_lmtp'\n" in printed
    assert "\nann@l.example\tlmtp:[127.0.0.1]:8024\n" in printed
    assert "\nann-owner@lists.example\tann-owner@l.example\n" in printed
    assert not folder.exists()


def test_all_pieces_are_written(gatepost: CommandLine, tables: Tables) -> None:
    folder = gatepost.folder / "var" / "postfix"
    written = gatepost("conf", "postfix", "--write", str(folder)).splitlines()
    assert {Path(line).name for line in written} == tables().keys()
    assert all(Path(line).parent == folder for line in written)
    assert "ann@l.example" in tables()[maps.LMTP]


def test_tables_elsewhere_do_not_follow(gatepost: CommandLine, no_postfix: None, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    result = gatepost.run("conf", "postfix", "--write", str(folder))
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: the tables in {folder} do not follow the lists")
    assert f"texthash:{folder}/postfix_lmtp" in (folder / "main.cf.tables.sh").read_text()


def test_a_folder_that_is_missing(gatepost: CommandLine, no_postfix: None, tmp_path: Path) -> None:
    result = gatepost.run("conf", "postfix", "--write", str(tmp_path / "missing"))
    assert (result.exit_code, result.stdout) == (73, "")
    assert f"nothing was written: {tmp_path / 'missing'}: No such file or directory" in result.stderr


def test_tables_follow_the_lists(gatepost: CommandLine, tables: Tables) -> None:
    gatepost("list", "create", "bee@lists.example")
    assert {"ann@l.example", "bee@l.example", "bee-bounces@l.example"} <= set(tables()[maps.LMTP])
    gatepost("list", "remove", "ann@lists.example")
    assert "ann@l.example" not in tables()[maps.RELAY_RECIPIENTS]


def test_tables_follow_the_domains(gatepost: CommandLine, tables: Tables) -> None:
    gatepost("domain", "add", "example.org")
    assert tables()[maps.DOMAINS] == ["example.org", "l.example"]
    gatepost("domain", "add", "example.org", "--shared")
    gatepost("domain", "add", "lists.example", "--alias-domain", "")
    assert tables()[maps.DOMAINS] == ["lists.example"]
    assert tables()[maps.VMAP] == []
    assert "ann@lists.example" in tables()[maps.LMTP]
    gatepost("domain", "remove", "example.org")
    gatepost("domain", "add", "lists.example", "--alias-domain", "new.example")
    assert tables()[maps.VMAP][0] == "ann@lists.example"


def test_tables_follow_a_domain_that_goes_with_its_lists(gatepost: CommandLine, tables: Tables) -> None:
    gatepost("domain", "add", "example.org")
    gatepost("domain", "remove", "lists.example", "--with-lists")
    assert tables() == {
        maps.LMTP: ["example.org"],
        maps.DOMAINS: ["example.org"],
        maps.RELAY_RECIPIENTS: [],
        maps.VMAP: [],
    }


def test_what_changes_no_name_writes_no_table(gatepost: CommandLine, tables: Tables) -> None:
    gatepost("list", "set", "ann@lists.example", "description=all about ants")
    gatepost("list", "create", "ann@lists.example", "emergency=yes")
    gatepost("domain", "add", "lists.example")
    gatepost("member", "add", "ann@lists.example", "bob@people.example")
    assert tables() == {}


def test_tables_that_cannot_be_written_are_told_of_and_the_list_stands(gatepost: CommandLine, tables: Tables) -> None:
    (gatepost.folder / "var" / "postfix" / maps.LMTP).mkdir()
    result = gatepost.run("list", "create", "bee@lists.example")
    assert result.exit_code == 0
    assert result.stdout == "bee@lists.example: created\n"
    assert result.stderr.startswith("warning: Postfix's tables in ")
    assert result.stderr.endswith("postfix_lmtp: it is a folder\n")
    assert "bee@lists.example" in gatepost("list", "ls")


def test_a_name_that_no_table_holds_is_told_of(gatepost: CommandLine, tables: Tables) -> None:
    result = gatepost.run("list", "create", "a..b@lists.example")
    assert "warning: 'a..b' in lists.example is left out of Postfix's tables: its dots" in result.stderr
    assert not [key for key in tables()[maps.LMTP] if ".." in key]


def test_changes_at_once_are_all_in_the_tables(gatepost: CommandLine, tables: Tables) -> None:
    lists = [f"list{number}@lists.example" for number in range(6)]
    command = [*COMMAND, "--config", str(gatepost.settings), "list", "create"]
    running = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in lists]
    assert [process.wait() for process in running] == [0] * len(lists)
    assert {name.replace("lists.", "l.") for name in lists} <= set(tables()[maps.LMTP])


def test_a_unit_is_printed_alone_and_can_be_put_into_a_file_as_it_is(
    gatepost: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [sys.executable])  # systemd-analyze looks whether it can be run
    printed = {name: gatepost("conf", "systemd", name) for name in ("gatepost.service", "gatepost.socket")}
    assert gatepost("conf", "systemd") == printed["gatepost.service"]
    sections = [re.findall(r"^\[.*\]$", text, re.MULTILINE) for text in printed.values()]
    assert sections == [["[Unit]", "[Service]", "[Install]"], ["[Unit]", "[Socket]", "[Install]"]]
    for name, text in printed.items():
        (gatepost.folder / name).write_text(text)
    if shutil.which("systemd-analyze"):
        command = ["systemd-analyze", "verify", *(str(gatepost.folder / name) for name in printed)]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        assert (done.returncode, [line for line in done.stderr.splitlines() if "gatepost" in line]) == (0, [])


def test_both_units_are_written_or_the_one_that_is_named(gatepost: CommandLine) -> None:
    for named, written in (([], ["service", "socket"]), (["gatepost.socket"], ["socket"])):
        folder = gatepost.folder / f"units-{len(written)}"
        folder.mkdir()
        gatepost("conf", "systemd", *named, "--write", str(folder))
        assert sorted(path.name for path in folder.iterdir()) == [f"gatepost.{kind}" for kind in written]


def test_a_unit_that_the_settings_do_not_need(gatepost: CommandLine) -> None:
    listen = "".join(f"[{part}]\nlisten = ['unix:{part}.sock']\n" for part in ("policy", "socketmap", "lmtp"))
    gatepost.settings.write_text(listen)
    assert "there is no gatepost.socket: no door listens" in gatepost.refused(64, "conf", "systemd", "gatepost.socket")
    assert "[Service]" in gatepost("conf", "systemd")
