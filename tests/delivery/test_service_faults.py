"""Delivery in trouble: with the mail server, the disk, the lists, and messages that were made to harm."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gatepost_queue import QueueFull, Waiting, create
from labs.delivery import (
    ANNE,
    CLOSE,
    LIST,
    Mailhost,
    RunningDelivery,
    a_post,
    delivery_settings,
    members,
    usual,
)
from labs.mta import Client, wait_until
from labs.queue.disk import Disk
from labs.running import PATIENCE

FEW = 'connections = 2\nmax_recipients = 4\ntimeout = "1s"'


def all_wait(recipients: int) -> Callable[[list[Waiting]], bool]:
    """Whether so many recipients, and nothing else, are to be tried again."""

    def holds(waiting: list[Waiting]) -> bool:
        return {one.queue for one in waiting} == {"retry"} and sum(len(one.recipients) for one in waiting) == recipients

    return holds


def everybody_once(host: Mailhost, subject: str, everybody: list[str]) -> Callable[[], bool]:
    return lambda: host.copies[subject] == dict.fromkeys(everybody, 1)


class Site(NamedTuple):
    """A mail server, delivery by it, and all the members of the list."""

    host: Mailhost
    delivery: RunningDelivery
    everybody: list[str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For tests that leave nothing behind, and nothing against any address."""
    folder = tmp_path_factory.mktemp("site")
    with Mailhost() as host, RunningDelivery(folder, delivery_settings(host.port, FEW)) as delivery:
        yield Site(host, delivery, [ANNE, *delivery.add_members(members(9))])


def test_a_mail_server_that_is_away_for_a_while(site: Site) -> None:
    host, delivery, everybody = site
    with host.away():
        delivery.post("away")
        waiting = delivery.wait_queue(all_wait(10))
        assert {state for one in waiting for state in one.metadata["states"].values()} == {
            f"451 4.4.1 127.0.0.1:{host.port}: Connection refused"
        }
    delivery.retry()
    host.wait(everybody_once(host, "away", everybody))
    delivery.wait_empty()


def closes_after_each_command(command: str) -> str:
    return f"{'220' if command == 'CONNECT' else '354' if command == 'DATA' else '250'} ok{CLOSE}"


def is_silent(command: str) -> str:
    if not command.startswith("RCPT"):
        return ""
    threading.Event().wait(3.0)  # longer than the settings allow
    return f"421 4.4.2 too late{CLOSE}"


MOODS: dict[str, Callable[[str], str]] = {
    "closes after each command": closes_after_each_command,
    "does not greet": lambda command: f"421 4.3.2 come again{CLOSE}" if command == "CONNECT" else "",
    "greets with rubbish": lambda command: "what do you want?" if command == "CONNECT" else "",
    "answers rubbish": lambda command: "once upon a time" if command.startswith("MAIL") else "",
    "answers rubbish to the dot": lambda command: "999 \x07\xff" if command == "DOT" else "",
    "greylists": lambda command: "450 4.7.1 greylisted" if command.startswith("RCPT") else "",
    "is silent": is_silent,
}


@pytest.mark.parametrize("mood", MOODS)
def test_a_mail_server_that_is_not_itself_for_a_while(site: Site, mood: str) -> None:
    host, delivery, everybody = site
    with host.away():  # which ends the connections of the test before
        host.says = MOODS[mood]
    try:
        delivery.post(mood)
        delivery.wait_queue(all_wait(10))
    finally:
        host.says = usual
    delivery.retry()
    host.wait(everybody_once(host, mood, everybody))
    delivery.wait_empty()


def test_a_mail_server_that_refuses_every_second_recipient(tmp_path: Path) -> None:
    number = itertools.count()
    refused: list[str] = []

    def says(command: str) -> str:
        if command.startswith("RCPT") and next(number) % 2:
            refused.append(command.partition("<")[2].partition(">")[0])
            return "550 5.1.1 no such user"
        return ""

    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, FEW)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(11))]
        delivery.post("hello")
        host.wait(lambda: host.total("hello") == 6)
        delivery.wait_empty()
        assert len(refused) == 6
        assert host.copies["hello"] == dict.fromkeys(set(everybody) - set(refused), 1)
        for email in everybody:
            score = delivery.json("member", "delivery", LIST, email)["bounce_score"]
            assert score == (1 if email in refused else 0)


def test_a_mail_server_that_hangs_with_one_message_takes_others(tmp_path: Path) -> None:
    over = threading.Event()

    def says(command: str) -> str:
        if command.startswith("RCPT TO:<slow@"):
            over.wait(PATIENCE)
        return ""

    more = "connections = 2\nmax_recipients = 1"
    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, more)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(3))]
        delivery.add_members(["slow@people.example"])
        delivery.post("first")
        host.wait(everybody_once(host, "first", everybody))
        over.set()
        delivery.wait_empty()
        assert host.copies["first"] == dict.fromkeys([*everybody, "slow@people.example"], 1)


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    """What was sent while it was full is not sent again, and what was not is sent when there is room."""
    begun, full = threading.Event(), threading.Event()

    def says(command: str) -> str:
        if command == "DOT":
            begun.set()
            full.wait(PATIENCE)
        return ""

    with Disk(tmp_path / "var", 40) as disk, Mailhost(says) as host:
        delivery = RunningDelivery(tmp_path, delivery_settings(host.port, "connections = 2\nmax_recipients = 2"))
        with delivery:
            everybody = [ANNE, *delivery.add_members(members(19))]
            delivery.post("hello")
            assert begun.wait(PATIENCE)
            filler = disk.fill()
            full.set()
            delivery.wait_line("cannot go on.*QueueFull")
            filler.unlink()
            host.wait(lambda: host.total("hello") >= 20)
            delivery.wait_empty()
            delivery.wait_line("goes on")
        assert everybody_once(host, "hello", everybody)()


@pytest.mark.parametrize("octets", [100_000, 4_000_000])
def test_a_queue_that_got_full_of_posts_is_emptied(tmp_path: Path, octets: int) -> None:
    with Disk(tmp_path / "var", 48), Mailhost() as host:
        delivery = RunningDelivery(tmp_path, delivery_settings(host.port))
        subjects = []
        with pytest.raises(QueueFull):
            for number in itertools.count():
                delivery.put(a_post(f"post{number}") + b"x" * 70 + b"\r\n" * (octets // 2))
                subjects.append(f"post{number}")
        assert subjects
        with delivery:
            delivery.wait_empty()
        assert host.copies == {subject: {ANNE: 1} for subject in subjects}


@pytest.mark.parametrize("whole_folder", [False, True], ids=["files", "folder"])
def test_a_queue_that_is_lost_while_receiver_and_delivery_run(tmp_path: Path, whole_folder: bool) -> None:
    """It is told once, with the command that makes another; that counts at once, and nothing need be started again."""
    more = ('metrics = "inet:127.0.0.1:0"', '[lmtp]\nlisten = ["inet:127.0.0.1:0"]')
    settings = delivery_settings(0, *more).replace("var/queue.db", "spool/queue.db")
    create(f"sqlite:///{tmp_path}/spool/queue.db")
    with Mailhost() as host:
        settings = settings.replace("smtp_port = 0", f"smtp_port = {host.port}")
        with RunningDelivery(tmp_path, settings, "lmtp", "delivery") as site:
            assert sent_by_lmtp(site, "first") == 250
            host.wait(everybody_once(host, "first", [ANNE]))
            if whole_folder:
                shutil.rmtree(tmp_path / "spool")
            else:
                for file in (tmp_path / "spool").iterdir():
                    file.unlink()
            assert sent_by_lmtp(site, "not taken") == 451
            for line in ("not queued", "cannot go on"):
                assert 'hint="make it with: gatepost init"' in site.wait_line(line)
            site.gatepost("init", str(tmp_path))
            assert sent_by_lmtp(site, "second") == 250
            host.wait(everybody_once(host, "second", [ANNE]))
            site.wait_line("goes on")
            wait_until(lambda: "in" in site.figures("gatepost_queue_messages"), PATIENCE, lambda: site.output)
            assert len(site.lines(event='"cannot go on"')) == 1
            assert not host.total("not taken")


def sent_by_lmtp(site: RunningDelivery, subject: str) -> int:
    """The reply to a post."""
    with Client(("127.0.0.1", site.port("lmtp"))) as client:
        client.hello(verb="LHLO")
        assert client.mail(ANNE, [LIST])[0].code == 250
        return client.data(a_post(subject))[0].code


def test_lists_that_cannot_be_read_for_a_while(tmp_path: Path) -> None:
    with Mailhost() as host:
        delivery = RunningDelivery(tmp_path, delivery_settings(host.port))
        away = delivery.store.rename(tmp_path / "away")
        with delivery:
            hint = 'hint="make it with: gatepost init"'
            assert hint in delivery.wait_line("cannot go on.*there is no such store")
            delivery.post("hello")
            away.rename(delivery.store)
            host.wait(everybody_once(host, "hello", [ANNE]))
            delivery.wait_empty()
            delivery.wait_line("goes on")
            assert len(delivery.lines(event='"cannot go on"')) == 1


def nested(depth: int) -> bytes:
    """A message in a message in a message."""
    opened = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(depth))
    return opened + b"\r\ndeep\r\n"


def poisoned() -> Iterator[bytes]:
    """Messages that programs have stumbled over; all but the first line of each."""
    yield b'Content-Type: multipart/mixed; boundary="n"\r\nContent-Transfer-Encoding: base64\r\n\r\n--other\r\n=\r\n'
    yield nested(400)
    yield b"From: J\xfcrgen \xff\xfe <anne@people.example>\r\nTo: \xe4\r\nX-\xf6: 1\r\n\r\n\xff\xfe\r\n"
    yield b"From: anne@people.example\r\nX-Nul: a\0b\r\n\r\nbefore\0behind\r\n"
    yield b"From: " + b"(" * 4000 + b"anne@people.example\r\n\r\ncomments\r\n"
    yield b"no header at all"
    yield b"Content-Type: text/plain; charset=no-such-thing\r\nFrom: =?x?q?=ff?= <>,;:@\r\n\r\n\r\n.\r\n..\r\n"
    yield b"References: " + b"<x@y>\r\n " * 20_000 + b"\r\n\r\nlong\r\n"
    yield b'Content-Type: multipart/report; report-type="delivery-status"; boundary=\r\n\r\n--\r\nFinal-Recipient\r\n'


@pytest.mark.parametrize("subaddress", ["", "owner", "request", "bounces"])
def test_what_was_made_to_harm_is_dealt_with_and_holds_up_nothing(tmp_path: Path, subaddress: str) -> None:
    contents = [b"Subject: bad%d\r\n" % number + content for number, content in enumerate(poisoned())]
    with Mailhost() as host, RunningDelivery(tmp_path, delivery_settings(host.port)) as delivery:
        for content in contents:
            delivery.put(content, subaddress, "" if subaddress == "bounces" else ANNE)
        delivery.post("good")
        host.wait(lambda: host.total("good"))
        delivery.wait_empty()
        assert "Traceback" not in delivery.output
        assert not delivery.lines(event="failed")
    if subaddress in ("", "owner"):
        came = {arrived.subject: arrived.content for arrived in host.arrived}
        for number, content in enumerate(contents):
            body = content.partition(b"\r\n\r\n")[2].replace(b"\r\n.", b"\r\n..") or content.rpartition(b"\r\n")[2]
            assert came[f"bad{number}"].removesuffix(b"\r\n").endswith(body.removesuffix(b"\r\n"))
