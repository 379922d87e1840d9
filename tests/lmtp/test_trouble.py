"""Trouble under a running receiver: temporary replies, one for each recipient, nothing lost, and it mends itself.

Each worker has a connection to the queue and to the lists of its own, and must get over the trouble by itself.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create
from gatepost_lmtp.spool import MEMORY_OCTETS
from gatepost_queue import create as create_queue
from labs.lmtp import RunningLmtp, as_sent, lmtp_settings
from labs.mta import Client
from labs.needs import folder_that_protects, protect
from labs.queue.disk import Disk
from labs.running import COMMAND, Gatepost
from wire.lmtp_words import DIRECTORY

ANNE, TEAM, OPEN, OWNER = "anne@example.org", "team@lists.example", "open@lists.example", "open-owner@lists.example"
RECIPIENTS = [TEAM, OPEN, TEAM, OWNER]
ENTRIES = 3
ACCEPTED, TAKEN, NO_ROOM, TROUBLE = "250 2.1.5", "250 2.0.0", "452 4.3.1", "451 4.3.0"
POLICY_TOO = '[policy]\nlisten = ["inet:127.0.0.1:0"]\n[socketmap]\nenabled = false'
LINE = b"x" * 76 + b"\r\n"
SMALL, BIG = LINE, LINE * (3_000_000 // len(LINE))

both = pytest.mark.parametrize("workers", [1, 2])


class Senders:
    """Connections to every worker, over each of which messages are handed in; those that were taken are counted."""

    def __init__(self, clients: list[Client]) -> None:
        self._clients = clients
        self._taken: Counter[bytes] = Counter()
        self._number = 0

    def told(self, body: bytes = SMALL) -> set[str]:
        """What is told after the dot to all recipients of one message over each connection."""
        return {reply for client in self._clients for reply in self._hand_in(client, body)}

    def rcpt(self) -> set[str]:
        """What is told at RCPT, over each connection."""
        return {said for client in self._clients for said in asked(client)}

    def _hand_in(self, client: Client, body: bytes) -> list[str]:
        assert asked(client) == [ACCEPTED] * len(RECIPIENTS)
        self._number += 1
        message = b"Subject: %d\r\n\r\n" % self._number + body
        replies = [f"{reply.code} {reply.status}" for reply in client.data(message, len(RECIPIENTS))]
        assert len(set(replies)) == 1
        self._taken[message] += ENTRIES * (replies[0] == TAKEN)
        return replies

    def check(self, receiver: RunningLmtp) -> None:
        """What is in the queue is what was taken, all of it and nothing else, octet for octet."""
        assert Counter(as_sent(entry.content) for entry in receiver.take_all()) == +self._taken
        self._taken.clear()


def asked(client: Client) -> list[str]:
    client.command("RSET")
    return [f"{reply.code} {reply.status}" for reply in client.mail(ANNE, RECIPIENTS)]


@contextmanager
def running(folder: Path, workers: int, directory: str = "toml:///lists.toml") -> Iterator[tuple[RunningLmtp, Senders]]:
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    settings = lmtp_settings(directory, f"workers = {workers}")
    with RunningLmtp(folder, settings) as receiver, ExitStack() as closing:
        clients = [closing.enter_context(receiver.client()) for _ in range(3 * workers)]
        yield receiver, Senders(clients)


@both
def test_a_full_disk(tmp_path: Path, workers: int) -> None:
    with Disk(tmp_path / "disk", 150) as disk, running(disk.folder, workers) as (receiver, senders):
        for body in (SMALL, BIG):
            assert senders.told(body) == {TAKEN}
            filler = disk.fill()
            assert senders.rcpt() == {ACCEPTED}
            assert senders.told(body) == {NO_ROOM}
            filler.unlink()
            assert senders.told(body) == {TAKEN}
            senders.check(receiver)


def test_a_disk_that_gets_full_of_messages(tmp_path: Path) -> None:
    with Disk(tmp_path / "disk", 60) as disk, running(disk.folder, 2) as (receiver, senders):
        while TAKEN in (told := senders.told(BIG)):
            pass
        assert told == {NO_ROOM}
        senders.check(receiver)
        assert senders.told(SMALL) == {TAKEN}
        assert TAKEN in senders.told(BIG)
        senders.check(receiver)


@pytest.mark.parametrize("before", [1000, MEMORY_OCTETS - 1000, MEMORY_OCTETS + 500_000])
def test_a_disk_that_gets_full_while_a_message_comes_in(tmp_path: Path, before: int) -> None:
    with (
        Disk(tmp_path / "disk", 60) as disk,
        running(disk.folder, 1) as (receiver, senders),
        receiver.client() as client,
    ):
        assert asked(client) == [ACCEPTED] * len(RECIPIENTS)
        assert client.command("DATA").code == 354
        client.send(b"\r\n" + LINE * (before // len(LINE)))
        receiver.catch_up()
        filler = disk.fill()
        client.send(BIG + b".\r\n")
        assert {f"{reply.code} {reply.status}" for reply in (client.reply() for _ in RECIPIENTS)} == {NO_ROOM}
        assert not [name for name in receiver.descriptors if "gatepost-" in name], "the file that it was kept in"
        assert asked(client) == [ACCEPTED] * len(RECIPIENTS)
        filler.unlink()
        assert client.data(BIG, len(RECIPIENTS))[-1].code == 250
        assert len(receiver.take_all()) == ENTRIES
        assert senders.told(BIG) == {TAKEN}


@both
def test_a_disk_that_is_read_only_for_a_while(tmp_path: Path, workers: int) -> None:
    with Disk(tmp_path / "disk", 100) as disk, running(disk.folder, workers) as (receiver, senders):
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
        assert senders.rcpt() == {ACCEPTED}
        assert senders.told() == {TROUBLE}
        assert senders.told(BIG) == {TROUBLE}
        subprocess.run(["mount", "-o", "remount,rw", disk.folder], check=True)
        assert senders.told() == {TAKEN}
        assert senders.told(BIG) == {TAKEN}
        senders.check(receiver)


@both
def test_files_that_become_read_only_while_they_are_open(tmp_path: Path, workers: int) -> None:
    with folder_that_protects(tmp_path) as folder, running(folder, workers) as (receiver, senders):
        assert senders.told() == {TAKEN}
        files = [folder / "queue.db", folder / "queue.db-wal"]
        protect(files, "+i")
        try:
            assert senders.rcpt() == {ACCEPTED}
            assert senders.told() == {TROUBLE}
        finally:
            protect(files, "-i")
        assert senders.told() == {TAKEN}
        senders.check(receiver)


def queue_files(folder: Path) -> list[Path]:
    return [file for file in folder.glob("queue.db*") if not file.name.endswith("-holders")]


@both
def test_a_queue_that_is_moved_away_and_back(tmp_path: Path, workers: int) -> None:
    away = tmp_path / "away"
    away.mkdir()
    with running(tmp_path, workers) as (receiver, senders):
        assert senders.told() == {TAKEN}
        for file in queue_files(tmp_path):
            file.rename(away / file.name)
        assert senders.rcpt() == {ACCEPTED}
        assert senders.told() == {TROUBLE}
        assert senders.told(BIG) == {TROUBLE}
        assert queue_files(tmp_path) == []
        for file in queue_files(away):
            file.rename(tmp_path / file.name)
        assert senders.told() == {TAKEN}
        senders.check(receiver)


@both
def test_a_queue_that_is_removed_and_made_anew(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers) as (receiver, senders):
        assert senders.told() == {TAKEN}
        senders.check(receiver)
        for file in queue_files(tmp_path):
            file.unlink()
        assert senders.told() == {TROUBLE}
        assert queue_files(tmp_path) == []
        create_queue(receiver.queue_url)
        assert senders.told() == {TAKEN}
        senders.check(receiver)


@both
def test_a_queue_that_is_lost_comes_back_by_init(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers) as (receiver, senders):
        assert senders.told() == {TAKEN}
        senders.check(receiver)
        for file in queue_files(tmp_path):
            file.unlink()
        assert senders.told() == {TROUBLE}
        receiver.wait_line("not queued.*No such file")
        assert init(receiver) == f"{tmp_path}/queue.db: an empty queue, made"
        assert senders.told() == {TAKEN}
        assert senders.told(BIG) == {TAKEN}
        senders.check(receiver)


@both
@pytest.mark.parametrize("is_there", [True, False])
def test_no_queue_is_made_where_a_disk_may_be_missing(tmp_path: Path, workers: int, is_there: bool) -> None:
    """The folder is empty, as a mount point is without its disk, or there is none."""
    disk = tmp_path / "disk"
    if is_there:
        disk.mkdir()
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    settings = lmtp_settings("toml:///lists.toml", f"workers = {workers}").replace("queue.db", "disk/queue.db")
    with Gatepost(tmp_path, settings, "lmtp") as receiver, ExitStack() as closing:
        receiver.wait_line(r'"the queue cannot be used" part=lmtp .*disk not mounted.* hint=".*gatepost init"')
        clients = [closing.enter_context(Client(("127.0.0.1", receiver.port("lmtp")))) for _ in range(3 * workers)]
        for client in clients:
            client.hello(verb="LHLO")
        senders = Senders(clients)
        assert senders.told() == {TROUBLE}
        assert senders.told(BIG) == {TROUBLE}
        assert disk.exists() == is_there
        assert list(disk.glob("*")) == []
        assert init(receiver) == f"{disk}/queue.db: an empty queue, made"
        assert senders.told() == {TAKEN}
        assert senders.told(BIG) == {TAKEN}


def test_a_queue_that_is_missing_at_the_start_is_made_beside_other_files_and_told_of(tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    with Gatepost(tmp_path, lmtp_settings("toml:///lists.toml"), "lmtp") as receiver:
        receiver.wait_line(f'warning event="there was no queue, a new one was made" part=lmtp file={tmp_path}/queue.db')
        with Client(("127.0.0.1", receiver.port("lmtp"))) as client:
            client.hello(verb="LHLO")
            assert Senders([client]).told() == {TAKEN}


def test_a_queue_that_cannot_be_used_at_the_start_stops_no_other_door(tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    (tmp_path / "queue.db").mkdir()
    settings = lmtp_settings("toml:///lists.toml", POLICY_TOO)
    with Gatepost(tmp_path, settings, "policy", "lmtp") as receiver:
        receiver.wait_line("the queue cannot be used")
        with receiver.connect("policy") as connection:
            connection.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=team@lists.example\n\n")
            assert connection.recv(1000).startswith(b"action=")
        with Client(("127.0.0.1", receiver.port("lmtp"))) as client:
            client.hello(verb="LHLO")
            assert Senders([client]).told() == {TROUBLE}
            (tmp_path / "queue.db").rmdir()
            init(receiver)
            assert Senders([client]).told() == {TAKEN}


def init(receiver: Gatepost) -> str:
    """Make what is missing, by the command that every hint names; what it says of the queue."""
    command = [*COMMAND, "--config", str(receiver.settings), "init"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]


@both
def test_a_queue_in_whose_place_another_is_put(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers) as (receiver, senders):
        shutil.copy(tmp_path / "queue.db", tmp_path / "empty")
        assert senders.told() == {TAKEN}
        senders.check(receiver)
        for file in queue_files(tmp_path):
            file.unlink()
        (tmp_path / "empty").rename(tmp_path / "queue.db")
        assert senders.told() == {TAKEN}
        senders.check(receiver)


@both
def test_something_else_stands_in_the_place_of_the_queue(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers) as (receiver, senders):
        good = (tmp_path / "queue.db").read_bytes()
        for octets in (b"", b"no database at all" * 2000, good[:16384] + b"\xff" * (len(good) - 16384)):
            for file in queue_files(tmp_path):
                file.unlink()
            (tmp_path / "queue.db").write_bytes(octets)
            assert senders.told() == {TROUBLE}
        for file in queue_files(tmp_path):
            file.unlink()
        (tmp_path / "queue.db").write_bytes(good)
        assert senders.told() == {TAKEN}
        senders.check(receiver)


def remove(path: Path) -> None:
    path.unlink()


def replace_by(octets: bytes) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        other = path.with_name("other")
        other.write_bytes(octets)
        other.rename(path)

    return replace


def damage(path: Path) -> None:
    whole = path.read_bytes()
    replace_by(whole[:4096] + b"\xff" * (len(whole) - 4096))(path)


SPOILERS = (remove, replace_by(b""), replace_by(b"no database at all" * 2000), damage)


@both
def test_lists_that_are_lost(tmp_path: Path, workers: int) -> None:
    store = tmp_path / "gatepost.db"
    create(store)
    with Store(store) as lists, lists.transaction():
        lists.add_domain("lists.example")
        for name in (TEAM, OPEN):
            lists.create_list(name, "default_nonmember_action=accept")
    with running(tmp_path, workers, "sqlite:///gatepost.db") as (receiver, senders), receiver.client() as begun:
        assert senders.told() == {TAKEN}
        for spoil in SPOILERS:
            assert asked(begun) == [ACCEPTED] * len(RECIPIENTS)
            whole = store.read_bytes()
            spoil(store)
            wait_for(senders, TROUBLE)
            assert [f"{reply.code} {reply.status}" for reply in begun.data(SMALL, len(RECIPIENTS))] == [TROUBLE] * 4
            replace_by(whole)(store)
            wait_for(senders, ACCEPTED)
            assert senders.told() == {TAKEN}
        senders.check(receiver)


def wait_for(senders: Senders, answer: str) -> None:
    """Ask until all say so: a file that is open is looked for by its name only now and then."""
    for _ in range(10_000):
        told = senders.rcpt()
        assert told <= {ACCEPTED, TROUBLE}
        if told == {answer}:
            return
    pytest.fail(f"never {answer}")
