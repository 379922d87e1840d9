"""Faults of the machine itself, each found by exactly its item: names, stores, doors, DNS, clock."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gatepost_conf.doctor.case import Case, Options
from gatepost_conf.doctor.examine import GROUPS, Group, examine
from gatepost_conf.doctor.findings import Result, ok
from gatepost_conf.doctor.machine import Room
from gatepost_conf.settings import load
from gatepost_queue import engine_of
from gatepost_service.sockets import ListenAddress, open_listener
from labs.dns import Manner
from labs.doctor import Planted, Site, text_of, wrong
from labs.doctor.site import HOST_NAME
from labs.mta.ports import Port
from labs.needs import as_root

DAY = 86400.0


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """No mail server is looked at, so none is needed."""
    with Site() as running:
        yield running


@pytest.fixture
def machine(site: Site) -> Iterator[Planted]:
    """A machine without mail servers; the DNS is as it was afterwards."""
    records, manners = dict(site.dns.records), dict(site.dns.manners)
    yield site.machine()
    site.dns.records, site.dns.manners = records, manners


def test_nothing_is_wrong_without_mail_servers(site: Site, machine: Planted) -> None:
    findings = site.examine(machine)
    assert wrong(findings) == set()
    skipped = {finding.name for finding in findings if finding.state == "skipped"}
    assert skipped == {"other-doors", "socket-modes", "closed-lists", "postfix", "exim", "sendmail"}


@pytest.mark.parametrize(
    ("hosts", "said"),
    [("127.0.1.1 localhost\n", "is 127.0.1.1"), ("::1 localhost ip6\n127.0.0.1 other # localhost\n", "is ::1 alone")],
)
def test_localhost_is_somewhere_else(hosts: str, said: str, site: Site, machine: Planted) -> None:
    machine.files["/etc/hosts"] = hosts
    findings = site.examine(machine)
    assert wrong(findings) == {"localhost"}
    assert said in text_of(findings, "localhost")


@pytest.mark.parametrize("hosts", ["127.0.0.1 LOCALHOST\n", "::1 localhost\n127.0.0.1 localhost\n", ""])
def test_localhost_is_right(hosts: str, site: Site, machine: Planted) -> None:
    machine.files["/etc/hosts"] = hosts
    assert wrong(site.examine(machine)) == set()


@pytest.mark.parametrize("name", ["mx", "localhost.localdomain"])
def test_a_host_without_a_full_name(name: str, site: Site, machine: Planted) -> None:
    assert wrong(site.examine(machine, {HOST_NAME: name})) == {"host-name"}


@pytest.mark.parametrize(("mode", "found"), [(0o644, {"settings-secret"}), (0o640, set())])
def test_a_password_that_others_can_read(mode: int, found: set[str], site: Site, machine: Planted) -> None:
    with site.changed({"[postfix]": '[delivery]\nsmtp_pass = "geheim"\n[postfix]'}) as file:
        file.chmod(mode)
        findings = site.look(machine, file)
    assert wrong(findings) == found
    assert "[delivery] smtp_pass" in next(one.text for one in findings if one.name == "settings-secret")
    assert all("geheim" not in f"{one.text} {one.mend}" for one in findings)


@pytest.mark.parametrize("seconds", [0.5, 1.6e9, 8e9])
def test_a_wrong_clock(seconds: float, site: Site, machine: Planted) -> None:
    machine.clock = seconds
    # What was written at the right time is in the future then.
    assert wrong(site.examine(machine)) - {"times"} == {"clock"}


@pytest.mark.parametrize("room", [Room(2**20, 10**6, False), Room(2**40, 3, False), Room(2**40, 10**6, True)])
def test_no_room(room: Room, site: Site, machine: Planted) -> None:
    machine.free = room
    findings = site.examine(machine)
    assert wrong(findings) == {"room"}
    assert str(site.folder) in text_of(findings, "room")


def test_a_file_system_without_a_number_of_files_is_right(site: Site, machine: Planted) -> None:
    machine.free = Room(2**40, -1, False)
    assert wrong(site.examine(machine)) == set()


@contextmanager
def copies(site: Site, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Copies of store and queue that nobody uses, as changes to the settings."""
    for name in ("gatepost.db", "queue.db"):
        with closing(sqlite3.connect(site.folder / name)) as source, closing(sqlite3.connect(tmp_path / name)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = WAL")
    yield {
        "sqlite:///gatepost.db": f"sqlite:///{tmp_path}/gatepost.db",
        "sqlite:///queue.db": f"sqlite:///{tmp_path}/queue.db",
    }


def test_there_are_no_lists(site: Site, machine: Planted, tmp_path: Path) -> None:
    findings = site.examine(machine, {"sqlite:///gatepost.db": f"sqlite:///{tmp_path}/none.db"})
    assert wrong(findings) == {"lists"}
    assert "the lists cannot be read" in text_of(findings, "domains")


def test_a_store_of_another_version(site: Site, machine: Planted, tmp_path: Path) -> None:
    with copies(site, tmp_path) as changes:
        with closing(sqlite3.connect(tmp_path / "gatepost.db", isolation_level=None)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        findings = site.examine(machine, changes)
    assert wrong(findings) == {"lists"}
    assert "its schema is 9999" in text_of(findings, "lists")


def test_there_is_no_queue(site: Site, machine: Planted, tmp_path: Path) -> None:
    findings = site.examine(machine, {"sqlite:///queue.db": f"sqlite:///{tmp_path}/queue.db"})
    assert wrong(findings) == {"queue"}
    assert [finding.mend for finding in findings if finding.name == "queue"] == ["gatepost init"]
    assert not (tmp_path / "queue.db").exists()


def test_the_queue_s_version_is_told_where_nobody_needs_the_queue(site: Site, machine: Planted) -> None:
    off = {"[lmtp]": "[lmtp]\nenabled = false", "[queue]": "[delivery]\nenabled = false\n[queue]"}
    found = {finding.name: finding.text for finding in site.examine(machine, off)}
    assert ", of the queue 0002" in found["versions"]
    assert "are not enabled" in found["queue"]


def test_a_queue_of_a_newer_gatepost(site: Site, machine: Planted, tmp_path: Path) -> None:
    with copies(site, tmp_path) as changes:
        with closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as connection:
            connection.execute("UPDATE gatepost_queue_version SET version_num = '9999'")
        assert wrong(site.examine(machine, changes)) == {"queue"}


def test_a_queue_that_is_something_else(site: Site, machine: Planted, tmp_path: Path) -> None:
    (tmp_path / "queue.db").write_text("no database at all, but a text that is long enough to look like a header")
    findings = site.examine(machine, {"sqlite:///queue.db": f"sqlite:///{tmp_path}/queue.db"})
    assert wrong(findings) == {"queue", "times"}
    assert "could not look: OSError" in text_of(findings, "queue")


def test_a_message_from_the_future(site: Site, machine: Planted, tmp_path: Path) -> None:
    with copies(site, tmp_path) as changes:
        ahead = machine.now() + 30 * DAY
        with closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as connection:
            row = (ahead,)
            connection.execute("INSERT INTO message VALUES (1, 'a', '', ?, 1, x'00')", row)
        findings = site.examine(machine, changes)
    assert wrong(findings) == {"times"}
    assert "30 days in the future" in text_of(findings, "times")


def test_a_store_from_the_future(site: Site, machine: Planted, tmp_path: Path) -> None:
    with copies(site, tmp_path) as changes:
        os.utime(tmp_path / "gatepost.db", (machine.now() + 9 * DAY,) * 2)
        assert wrong(site.examine(machine, changes)) == {"times"}


@as_root
def test_a_folder_in_which_no_log_can_be_made(site: Site, machine: Planted) -> None:
    for file in site.folder.glob("*.db*"):
        file.chmod(0o666)
    findings = site.examine(machine, user="news")
    assert wrong(findings) == {"lists-writable", "queue-writable"}
    assert f"news may not write to {site.folder}" in text_of(findings, "queue-writable")
    assert "chown news" in text_of(findings, "queue-writable")


@as_root
def test_a_log_of_somebody_else(site: Site, machine: Planted, public: Path) -> None:
    folder = public
    with copies(site, folder) as changes:
        for file in (folder, folder / "gatepost.db", folder / "queue.db"):
            shutil.chown(file, "news")
        assert wrong(site.examine(machine, changes, user="news")) == set()
        (folder / "gatepost.db-wal").touch(0o600)
        findings = site.examine(machine, changes, user="news")
    assert wrong(findings) == {"lists-writable"}
    assert "gatepost.db-wal" in text_of(findings, "lists-writable")


def test_a_user_that_there_is_not(site: Site, machine: Planted) -> None:
    assert wrong(site.examine(machine, user="no-such-user")) == {"lists-writable", "queue-writable"}


@pytest.mark.parametrize("door", ["policy", "milter", "lmtp", "socketmap"])
def test_a_door_that_is_shut(door: str, site: Site, machine: Planted) -> None:
    with Port() as free:
        # The first place is the door's own address; public_address of [lmtp] is another one.
        findings = site.examine(machine, {f"inet:127.0.0.1:{site.ports[door]}": f"inet:127.0.0.1:{free.number}"})
    assert wrong(findings) == {f"door-{door}"}
    assert "nobody listens there" in text_of(findings, f"door-{door}")
    assert "gatepost run " in text_of(findings, f"door-{door}")


@pytest.mark.parametrize("door", ["policy", "milter", "lmtp", "socketmap"])
def test_a_door_with_something_else_behind_it(door: str, site: Site, machine: Planted) -> None:
    other = site.ports["policy" if door in {"milter", "lmtp"} else "lmtp"]
    machine.patience = 0.3
    findings = site.examine(machine, {f"inet:127.0.0.1:{site.ports[door]}": f"inet:127.0.0.1:{other}"})
    assert wrong(findings) == {f"door-{door}"}


def test_a_public_address_where_nobody_listens(site: Site, machine: Planted) -> None:
    with Port() as free:
        changes = {f'public_address = "127.0.0.1:{site.ports["lmtp"]}"': f'public_address = "127.0.0.1:{free.number}"'}
        assert wrong(site.examine(machine, changes)) == {"door-lmtp"}


def test_a_door_that_never_answers(site: Site, machine: Planted, tmp_path: Path) -> None:
    machine.patience = 0.3
    listener = open_listener(ListenAddress(path=str(tmp_path / "mute")))
    with listener:
        findings = site.examine(machine, {"unix:policy.sock?mode=0666": f"unix:{tmp_path}/mute"})
    assert wrong(findings) == {"door-policy"}


def test_domains_in_the_dns(site: Site, machine: Planted) -> None:
    domain, host = "l.example", "elsewhere.example"
    cases: dict[str, tuple[dict[str, dict[str, list[str]]], str]] = {
        "null MX": ({domain: {"MX": ["0 ."]}}, "null MX"),
        "nothing": ({domain: {"TXT": ["x"]}}, "neither MX nor address"),
        "no address": ({domain: {"MX": [f"5 {host}."]}}, f"its MX {host} has no address"),
        "elsewhere": (
            {domain: {"MX": [f"5 {host}."]}, host: {"A": ["192.0.2.9"]}},
            f"{host} (192.0.2.9), which is not",
        ),
        "own address elsewhere": ({domain: {"A": ["192.0.2.9"]}}, f"{domain} (192.0.2.9), which is not"),
        "IPv6 elsewhere": ({domain: {"AAAA": ["2001:db8::9"]}}, "2001:db8::9"),
    }
    for records, said in cases.values():
        site.dns.records.update(records)
        findings = site.examine(machine)
        assert wrong(findings) == {"domains"}
        assert said in text_of(findings, "domains")
        assert "lists.example" not in text_of(findings, "domains").replace(HOST_NAME, "")
    site.dns.records[domain] = {"A": ["127.0.0.1"]}
    assert wrong(site.examine(machine)) == set()


def test_a_domain_that_there_is_not(site: Site, machine: Planted) -> None:
    del site.dns.records["l.example"]
    findings = site.examine(machine)
    assert wrong(findings) == {"domains"}
    assert f"l.example. IN MX 10 {HOST_NAME}." in text_of(findings, "domains")


def test_a_dns_that_does_not_answer(site: Site, machine: Planted) -> None:
    site.dns.manners["l.example"] = Manner.SERVFAIL
    findings = site.examine(machine)
    assert wrong(findings) == {"domains"}
    assert "l.example: could not look" in text_of(findings, "domains")


def test_the_host_that_is_named_counts(site: Site, machine: Planted) -> None:
    assert wrong(site.examine(machine, host=HOST_NAME)) == set()
    assert wrong(site.examine(machine, host="192.0.2.9")) == {"domains"}
    site.dns.records[HOST_NAME] = {"A": ["192.0.2.9"]}
    assert wrong(site.examine(machine)) == {"domains"}
    assert wrong(site.examine(machine, host="192.0.2.9")) == set()
    assert wrong(site.examine(machine, host="nobody.example")) == {"domains"}


def test_one_dead_mail_exchanger_of_two_is_a_note(site: Site, machine: Planted) -> None:
    site.dns.records["l.example"] = {"MX": [f"10 {HOST_NAME}.", "20 dead.example."]}
    findings = site.examine(machine)
    assert wrong(findings) == set()
    assert "dead.example" in text_of(findings, "domains")


def test_observe_and_devmode_are_notes(site: Site, machine: Planted) -> None:
    observed = 'mode = "observe"\nprobe_senders'
    findings = site.examine(
        machine, {"probe_senders": observed, "[queue]": '[devmode]\nenabled = true\nrecipient = "a@b.example"\n[queue]'}
    )
    assert wrong(findings) == set()
    assert "nothing is refused" in text_of(findings, "mode")
    assert "a@b.example" in text_of(findings, "mode")


def test_nothing_is_changed(site: Site, machine: Planted, tmp_path: Path) -> None:
    def state() -> dict[str, tuple[int, int, bytes]]:
        found = {path.name: path.stat() for path in tmp_path.iterdir()}
        return {name: (stat.st_mode, stat.st_mtime_ns, (tmp_path / name).read_bytes()) for name, stat in found.items()}

    with copies(site, tmp_path) as changes:
        before = state()
        assert wrong(site.examine(machine, changes)) == set()
        assert state() == before


def test_an_exception_of_an_item_is_told_and_the_others_follow(site: Site, machine: Planted) -> None:
    def breaks(_: Case) -> Iterator[Result]:
        yield ok("first")
        raise ZeroDivisionError("by nought")

    def works(_: Case) -> Iterator[Result]:
        yield ok("second")

    group = Group("g", lambda _: None, (("breaks", breaks), ("works", works)))
    case = Case(machine, load(site.file), site.file, Path("/usr/bin/gatepost"), engine_of, Options())
    findings = [(finding.name, finding.state, finding.text) for finding in examine(case, [group])]
    assert findings == [
        ("breaks", "ok", "first"),
        ("breaks", "wrong", "could not look: ZeroDivisionError: by nought"),
        ("works", "ok", "second"),
    ]


def test_every_item_has_a_name_of_its_own() -> None:
    names = [name for group in GROUPS for name, _ in group.items]
    assert len(names) == len(set(names))
