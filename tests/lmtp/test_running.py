"""The receiver as an operator runs it: settings, trouble, duplicates, big messages, signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepost_lmtp.spool import MEMORY_OCTETS
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client
from labs.running import receive_all
from wire.lmtp_words import DATA, DIRECTORY, LHLO, MAIL, RCPT, STRANGER

CLOSED, TEAM = "closed@lists.example", "open@lists.example"
ANNE, CRIS = "anne@example.org", "cris@example.org"
WITH_ID = b"From: anne@example.org\r\nMessage-ID: <lost@example.org>\r\n\r\nHello.\r\n"


@contextmanager
def running(folder: Path, *more: str, lists: str = "", listen: str = '["inet:127.0.0.1:0"]') -> Iterator[RunningLmtp]:
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    with RunningLmtp(folder, lmtp_settings("toml:///lists.toml", *more, lists=lists, listen=listen)) as receiver:
        yield receiver


def told(client: Client, sender: str, *recipients: str) -> list[str]:
    client.command("RSET")
    return [f"{reply.code} {reply.status}" for reply in client.mail(sender, list(recipients))]


def data(client: Client, message: bytes, replies: int = 1) -> list[str]:
    return [f"{reply.code} {reply.status}" for reply in client.data(message, replies)]


def test_the_header_stage(tmp_path: Path) -> None:
    with running(tmp_path, 'stage = "headers"') as receiver, receiver.client() as client:
        assert told(client, CRIS, CLOSED, "nobody@lists.example", TEAM) == ["250 2.1.5", "550 5.1.1", "250 2.1.5"]
        assert data(client, b"From: Cris <cris@example.org>\r\n\r\n", 2) == ["550 5.7.2", "250 2.0.0"]
        assert told(client, CRIS, CLOSED, TEAM) == ["250 2.1.5"] * 2
        assert data(client, b"From: Anne <anne@example.org>\r\n\r\n", 2) == ["250 2.0.0"] * 2


def test_observe_softens_the_sender_tests_alone(tmp_path: Path) -> None:
    with running(tmp_path, lists='mode = "observe"') as receiver, receiver.client() as client:
        assert told(client, CRIS, CLOSED, "nobody@lists.example") == ["250 2.1.5", "550 5.1.1"]
        assert data(client, b"\r\n") == ["250 2.0.0"]
        assert told(client, "", CLOSED) == ["250 2.1.5"]
        assert data(client, b"\r\n") == ["250 2.0.0"]
        assert told(client, CRIS, CLOSED) == ["250 2.1.5"]
        assert data(client, b"List-Id: <closed.lists.example>\r\n\r\n") == ["554 5.4.6"]


def test_observe_softens_the_list_s_limit_and_not_the_server_s(tmp_path: Path) -> None:
    lists = 'mode = "observe"\nrefuse_oversize = true'
    with running(tmp_path, "max_message_bytes = 20000", lists=lists) as receiver, receiver.client() as client:
        assert client.mail(ANNE, [CLOSED], "SIZE=10241")[0].code == 250
        assert data(client, b"x\r\n" * 4000) == ["250 2.0.0"]
        assert "test=size verdict=reject code=552 status=5.2.3" in receiver.wait_line("event=verdict")
        assert client.command(f"MAIL FROM:<{ANNE}> SIZE=20001")[:2] == (552, "5.3.4")
        assert told(client, ANNE, CLOSED) == ["250 2.1.5"]
        assert data(client, b"x\r\n" * 7000) == ["552 5.3.4"]


def test_without_sender_tests_rcpt_answers_existence(tmp_path: Path) -> None:
    with running(tmp_path, "sender_tests = false") as receiver, receiver.client() as client:
        assert told(client, CRIS, CLOSED, "nobody@lists.example") == ["250 2.1.5", "550 5.1.1"]
        assert data(client, b"\r\n") == ["550 5.7.2"]
        assert told(client, ANNE, CLOSED) == ["250 2.1.5"]
        assert data(client, b"\r\n") == ["250 2.0.0"]


@pytest.mark.parametrize("lists", ["", 'on_trouble = "accept"', 'mode = "observe"'])
def test_lists_that_cannot_be_read_defer(tmp_path: Path, lists: str) -> None:
    with running(tmp_path, lists=lists) as receiver, receiver.client() as client:
        assert told(client, ANNE, CLOSED) == ["250 2.1.5"]
        (tmp_path / "lists.toml").rename(tmp_path / "away")
        receiver.signal(signal.SIGHUP)
        receiver.wait_line("settings read", count=2)
        assert data(client, b"\r\n") == ["451 4.3.0"]
        assert told(client, ANNE, CLOSED) == ["451 4.3.0"]
        (tmp_path / "away").rename(tmp_path / "lists.toml")
        assert told(client, ANNE, CLOSED) == ["250 2.1.5"]


def test_a_queue_that_is_gone_defers_each_recipient_and_comes_back(tmp_path: Path) -> None:
    with running(tmp_path) as receiver, receiver.client() as client:
        away = tmp_path / "away"
        away.mkdir()
        for file in tmp_path.glob("queue.db*"):
            file.rename(away / file.name)
        assert told(client, ANNE, CLOSED, CLOSED, TEAM) == ["250 2.1.5"] * 3
        assert data(client, b"\r\n", 3) == ["451 4.3.0"] * 3
        for file in away.iterdir():
            file.rename(tmp_path / file.name)
        assert told(client, ANNE, CLOSED) == ["250 2.1.5"]
        assert data(client, b"\r\n") == ["250 2.0.0"]
        assert len(receiver.take_all()) == 1


def test_without_deduplicate_what_is_sent_again_is_queued_again(tmp_path: Path) -> None:
    with running(tmp_path, "deduplicate = false") as receiver:
        for _ in range(2):
            with receiver.connect("lmtp") as connection, connection.makefile("rb") as replies:
                connection.sendall(LHLO + MAIL + RCPT + DATA + WITH_ID + b".\r\n")
                while not replies.readline().startswith(b"354"):
                    continue
            receiver.wait_line("event=queued")
        receiver.wait_line("event=queued", count=2)
        assert len(receiver.take_all()) == 2


def test_big_messages_come_whole_while_others_are_answered(tmp_path: Path) -> None:
    line = b"x" * 76 + b"\r\n"
    message = b"Subject: big\r\n\r\n" + line * (5 * MEMORY_OCTETS // len(line))
    with running(tmp_path) as receiver:

        def send() -> None:
            with receiver.client() as client:
                assert told(client, ANNE, TEAM) == ["250 2.1.5"]
                assert data(client, message) == ["250 2.0.0"]

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        with receiver.client() as client:
            while any(thread.is_alive() for thread in threads):
                assert told(client, ANNE, CLOSED) == ["250 2.1.5"]
        entries = receiver.take_all()
    assert len(entries) == 4
    assert all(entry.content.partition(b"\r\n\r\n")[2] == message.partition(b"\r\n\r\n")[2] for entry in entries)


def test_a_silent_client_is_told_and_dropped(tmp_path: Path) -> None:
    with running(tmp_path, 'timeout = "1s"') as receiver, receiver.connect("lmtp") as connection:
        connection.sendall(LHLO + MAIL + RCPT + DATA + b"Subject: begun\r\n")
        assert receive_all(connection).endswith(
            b"354 end data with <CR><LF>.<CR><LF>\r\n421 4.4.2 nothing came for too long\r\n"
        )
        assert receiver.take_all() == []


def test_no_more_connections_than_allowed(tmp_path: Path) -> None:
    """A transaction is never ended for it."""
    with running(tmp_path, "max_connections = 2") as receiver:
        first, second = receiver.client(), receiver.client()
        assert told(first, ANNE, CLOSED) == told(second, ANNE, CLOSED) == ["250 2.1.5"]
        with receiver.connect("lmtp") as third:
            receiver.wait_line("too many connections.*none is idle")
            third.setblocking(False)
            with pytest.raises(BlockingIOError):
                third.recv(100)
            third.settimeout(60)
            first.quit()
            assert third.recv(100).startswith(b"220 ")
            assert data(second, b"\r\n") == ["250 2.0.0"]
        second.quit()


def test_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    """The one that has been silent for longest is told to come again; what it has handed in is in the queue."""
    with running(tmp_path, "max_connections = 2") as receiver:
        first, second = receiver.client(), receiver.client()
        assert told(first, ANNE, CLOSED) == told(second, ANNE, CLOSED) == ["250 2.1.5"]
        assert data(first, b"\r\n") == ["250 2.0.0"]
        with receiver.connect("lmtp"):
            assert first.reply() == (421, "4.3.2", ("too many connections, and this one is idle",))
            first.close()
        with receiver.client() as third:
            assert told(third, ANNE, CLOSED) == ["250 2.1.5"]
            assert data(third, b"\r\n") == data(second, b"\r\n") == ["250 2.0.0"]
        second.quit()
        assert len(receiver.take_all()) == 3


def test_every_kind_of_address(tmp_path: Path) -> None:
    listen = f'["inet:127.0.0.1:0", "inet:[::1]:0", "unix:{tmp_path}/s?mode=0600"]'
    with running(tmp_path, "workers = 2", listen=listen) as receiver:
        addresses = receiver.addresses("lmtp")
        assert len(addresses) == 3
        for address in addresses:
            kind, _, rest = address.partition(":")
            host, _, port = rest.rpartition(":")
            with Client(rest.partition("?")[0] if kind == "unix" else (host.strip("[]"), int(port))) as client:
                client.hello(verb="LHLO")
                assert told(client, ANNE, CLOSED) == ["250 2.1.5"]
                assert data(client, b"\r\n") == ["250 2.0.0"]
        shown = [entry.content.partition(b"\r\n\tby")[0].rpartition(b"(")[2] for entry in receiver.take_all()]
    assert sorted(shown) == [b"[127.0.0.1])", b"[IPv6:::1])", b"local)"]


def test_a_stop_ends_idle_sessions_and_waits_for_messages(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        with receiver.client() as idle, receiver.client() as busy:
            assert told(busy, ANNE, CLOSED) == ["250 2.1.5"]
            assert busy.command("DATA").code == 354
            receiver.signal(signal.SIGTERM)
            assert idle.reply()[:2] == (421, "4.3.2")
            busy.send(b"Subject: last\r\n\r\n.\r\n")
            assert busy.reply().code == 250
            assert busy.reply()[:2] == (421, "4.3.2")
        assert receiver.wait() == 0
        assert len(receiver.take_all()) == 1


def test_a_client_that_reads_no_replies_is_read_no_further(tmp_path: Path) -> None:
    with running(tmp_path) as receiver, receiver.connect("lmtp") as deaf, receiver.client() as other:
        deaf.settimeout(1.0)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 500_000_000:
                sent += deaf.send(b"HELP\r\n" * 10_000)
        assert told(other, ANNE, CLOSED) == ["250 2.1.5"]


def test_new_settings_count_for_sessions_that_are_open(tmp_path: Path) -> None:
    with running(tmp_path, "max_recipients = 1") as receiver, receiver.client() as client:
        assert told(client, ANNE, CLOSED, TEAM) == ["250 2.1.5", "452 4.5.3"]
        receiver.settings.write_text(receiver.settings.read_text().replace("max_recipients = 1", "max_recipients = 2"))
        receiver.signal(signal.SIGHUP)
        receiver.wait_line("settings read", count=2)
        assert told(client, ANNE, CLOSED, TEAM) == ["250 2.1.5"] * 2


def test_the_log_tells_a_message_s_way_by_one_id(tmp_path: Path) -> None:
    with running(tmp_path, 'xforward = ["127.0.0.0/8"]') as receiver, receiver.client() as client:
        assert client.extensions["XFORWARD"] == "NAME ADDR PORT PROTO HELO IDENT SOURCE"
        assert client.command("XFORWARD ADDR=192.0.2.9 IDENT=4F2A").code == 250
        client.mail(CRIS, [TEAM])
        assert client.data(b"\r\n")[0].code == 250
        verdict = receiver.wait_line("event=verdict")
        queued = receiver.wait_line("event=queued")
        assert verdict.rpartition(" id=")[2] == queued.rpartition(" id=")[2]
        assert verdict.endswith("/4F2A")
        assert "client=192.0.2.9 " in verdict
        assert told(client, CRIS, TEAM) == ["250 2.1.5"]  # it counted for that transaction alone
        assert "client=127.0.0.1 " in receiver.wait_line("event=verdict", count=2)


def test_no_exception_s_text_reaches_a_client(tmp_path: Path) -> None:
    """A recipient's address that no engine can look up."""
    with running(tmp_path) as receiver, receiver.connect("lmtp") as connection:
        connection.sendall(LHLO + STRANGER + b"RCPT TO:<" + b"\\(" * 900 + b"@lists.example>\r\nQUIT\r\n")
        replies = receive_all(connection)
    assert b"Error" not in replies
    assert b"Traceback" not in replies
