"""The policy service as an operator runs it: processes, sockets, signals, and a store that others change."""

import json
import os
import re
import select
import signal
import socket
import sqlite3
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from labs.running import COMMAND, PATIENCE, RunningPolicy, connect, policy_settings, receive_all
from wire.policy_dialogues import DUNNO, NO_LIST, NOT_YOU, request

DEFERRED = b"action=DEFER_IF_PERMIT 4.3.0 cannot tell now, try again later\n\n"
STRANGER = request(sender=b"cris@example.org")


@pytest.fixture
def service(store: Path) -> Iterator[RunningPolicy]:
    with RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db")) as running:
        yield running


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [*COMMAND, "--config", str(folder / "gatepost.toml"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_change_by_another_process_counts_for_the_next_question(service: RunningPolicy) -> None:
    with service.connect("policy") as connection:
        for change, expected in (("add", DUNNO), ("remove", NOT_YOU), ("add", DUNNO)):
            assert command(service.folder, "member", change, "closed@lists.example", "cris@example.org").returncode == 0
            connection.sendall(STRANGER)
            assert connection.recv(1000) == expected


def test_a_new_list_and_a_removed_one_count_for_the_next_question(service: RunningPolicy) -> None:
    fresh = request(b"fresh@lists.example", b"cris@example.org")
    assert service.ask(fresh) == NO_LIST
    command(service.folder, "list", "create", "fresh@lists.example")
    assert service.ask(fresh) == DUNNO
    command(service.folder, "list", "remove", "fresh@lists.example")
    assert service.ask(fresh) == NO_LIST


def test_a_writer_never_makes_a_reader_wait(service: RunningPolicy, store: Path) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM member")
        assert service.ask(request()) == DUNNO
        writer.execute("COMMIT")
        assert service.ask(request()) == NOT_YOU


def test_a_missing_store_is_trouble_until_it_is_back(service: RunningPolicy, store: Path) -> None:
    away = store.with_name("away.db")
    assert service.ask(STRANGER) == NOT_YOU
    store.rename(away)
    wait_for_answer(service, STRANGER, DEFERRED)
    assert f"{store}: No such file or directory" in service.wait_line("cannot tell")
    away.rename(store)
    assert service.ask(STRANGER) == NOT_YOU
    service.wait_line("the lists can be read again")


def wait_for_answer(service: RunningPolicy, question: bytes, answer: bytes) -> None:
    """Ask until it is the answer: a file that is open is looked for by its name only now and then."""
    for _ in range(10_000):
        if service.ask(question) == answer:
            return
    pytest.fail(f"never {answer!r}")


def test_a_store_that_is_missing_at_the_start_is_found_when_it_comes(store: Path) -> None:
    away = store.with_name("away.db")
    store.rename(away)
    with RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db")) as service:
        assert service.ask(STRANGER) == DEFERRED
        away.rename(store)
        assert service.ask(STRANGER) == NOT_YOU


@pytest.mark.parametrize("rubbish", [b"", b"this is no database", os.urandom(9000)], ids=["empty", "text", "noise"])
def test_a_corrupt_store_is_trouble_that_names_the_file(store: Path, rubbish: bytes) -> None:
    good = store.read_bytes()
    store.write_bytes(rubbish)
    with RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db")) as service:
        assert service.ask(STRANGER) == DEFERRED
        assert str(store) in service.wait_line("cannot tell")
        fresh = store.with_name("fresh.db")
        fresh.write_bytes(good)
        fresh.rename(store)
        assert service.ask(STRANGER) == NOT_YOU


def test_a_locked_store_is_trouble_until_the_lock_is_gone(store: Path) -> None:
    holder = sqlite3.connect(store, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db")) as service:
        assert service.ask(STRANGER) == DEFERRED
        assert "locked" in service.wait_line("cannot tell")
        holder.close()
        assert service.ask(STRANGER) == NOT_YOU


def test_on_trouble_accept_lets_mail_pass(store: Path) -> None:
    store.unlink()
    settings = policy_settings("sqlite:///gatepost.db").replace("[policy]", 'on_trouble = "accept"\n[policy]')
    with RunningPolicy(store.parent, settings) as service:
        assert service.ask(STRANGER) == DUNNO
        assert "verdict=defer" in service.wait_line("event=verdict")


def test_observe_answers_dunno_and_logs_what_it_would_have_said(store: Path) -> None:
    settings = policy_settings("sqlite:///gatepost.db").replace("[policy]", 'mode = "observe"\n[policy]')
    with RunningPolicy(store.parent, settings) as service:
        assert service.ask(STRANGER + request(b"nobody@lists.example")) == DUNNO * 2
        assert "test=closed-list verdict=reject code=550 status=5.7.2" in service.wait_line("event=verdict")


def test_a_policy_context_may_have_another_mode(store: Path) -> None:
    settings = policy_settings("sqlite:///gatepost.db", '[policy.contexts.trial]\nmode = "observe"')
    with RunningPolicy(store.parent, settings) as service:
        with_context = request(sender=b"cris@example.org", more=b"policy_context=trial\n")
        unknown = request(sender=b"cris@example.org", more=b"policy_context=other\n")
        assert service.ask(with_context + STRANGER + unknown + unknown) == DUNNO + NOT_YOU * 3
        service.wait_line("no such section.*policy.contexts.other")


def test_hup_reads_the_settings_again(service: RunningPolicy) -> None:
    text = service.settings.read_text()
    with service.connect("policy") as connection:
        service.settings.write_text(text.replace("[policy]", 'mode = "observe"\n[policy]'))
        service.signal(signal.SIGHUP)
        service.wait_line("settings read", count=2)
        connection.sendall(STRANGER)
        assert connection.recv(1000) == DUNNO
        service.settings.write_text("[lists]\nmode = 3\n")
        service.signal(signal.SIGHUP)
        service.wait_line("settings not read")
        connection.sendall(STRANGER)
        assert connection.recv(1000) == DUNNO


def test_a_thousand_connections_are_served_and_a_stuck_one_disturbs_none(service: RunningPolicy) -> None:
    with service.connect("policy") as stuck:
        stuck.sendall(STRANGER[:-1])
        connections = [service.connect("policy") for _ in range(1000)]
        for connection in connections:
            connection.sendall(STRANGER)
        assert all(connection.recv(1000) == NOT_YOU for connection in connections)
        for connection in connections:
            connection.close()
        stuck.sendall(b"\n")
        assert stuck.recv(1000) == NOT_YOU


def test_a_request_that_is_never_finished_is_dropped(store: Path) -> None:
    settings = policy_settings("sqlite:///gatepost.db", 'timeout = "1s"')
    with (
        RunningPolicy(store.parent, settings) as service,
        service.connect("policy") as idle,
        service.connect("policy") as slow,
    ):
        slow.sendall(STRANGER[:-1])
        assert receive_all(slow) == b""
        assert "not finished within 1 s" in service.wait_line("not a policy request")
        idle.sendall(STRANGER)
        assert idle.recv(1000) == NOT_YOU


def test_each_of_many_requests_has_the_whole_time(store: Path) -> None:
    settings = policy_settings("sqlite:///gatepost.db", 'timeout = "1s"')
    with (
        RunningPolicy(store.parent, settings) as service,
        service.connect("policy") as busy,
        service.connect("policy") as slow,
    ):
        busy.sendall(STRANGER[:-1])
        slow.sendall(STRANGER[:-1])
        slow.setblocking(False)
        with suppress(ConnectionError):
            while not has_ended(slow):
                busy.sendall(STRANGER[-1:] + STRANGER[:-1])
                assert busy.recv(1000) == NOT_YOU
        busy.sendall(STRANGER[-1:])
        assert busy.recv(1000) == NOT_YOU


def has_ended(connection: socket.socket) -> bool:
    """Whether the other side has ended a connection that does not block."""
    try:
        return connection.recv(1000) == b""
    except BlockingIOError:
        return False


def test_who_does_not_read_the_answers_is_not_read(service: RunningPolicy) -> None:
    most = 64 * 1024 * 1024
    many = STRANGER * 1000
    sent = 0
    with service.connect("policy") as connection:
        connection.settimeout(1)
        with suppress(TimeoutError):
            while sent < most:
                sent += connection.send(many[sent % len(STRANGER) :])
        assert sent < most
        connection.settimeout(PATIENCE)
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == NOT_YOU * (sent // len(STRANGER))


def test_rubbish_gets_one_warning_that_names_the_client(service: RunningPolicy) -> None:
    assert service.ask(b"rubbish\n\n") == b""
    assert re.search(r"client=127\.0\.0\.1:\d+ why=.*rubbish", service.wait_line("not a policy request"))
    assert service.ask(STRANGER) == NOT_YOU


def test_tcp_over_ipv6_and_a_unix_socket_answer_too(store: Path) -> None:
    path = store.parent / "policy.sock"
    listen = f'["inet:127.0.0.1:0", "inet:[::1]:0", "unix:{path}?mode=0600"]'
    with RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db", listen=listen)) as service:
        addresses = service.addresses("policy")
        assert len(addresses) == 3
        for address in addresses:
            with connect(address) as connection:
                connection.sendall(STRANGER)
                assert connection.recv(1000) == NOT_YOU
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_a_second_run_on_the_same_address_says_who_listens(service: RunningPolicy) -> None:
    taken = service.addresses("policy")[0]
    second = service.folder / "second"
    second.mkdir()
    (second / "gatepost.toml").write_text(policy_settings("sqlite:///../gatepost.db", listen=f'["{taken}"]'))
    ended = command(second, "run", "policy")
    assert ended.returncode == os.EX_UNAVAILABLE
    assert taken in ended.stderr
    assert str(service.process.pid) in ended.stderr


def test_broken_settings_end_with_every_error_and_78(tmp_path: Path) -> None:
    (tmp_path / "gatepost.toml").write_text('[lists]\nmode = "strict"\n[policy]\nlisten = ["nowhere"]\n')
    ended = command(tmp_path, "run", "policy")
    assert ended.returncode == os.EX_CONFIG
    assert len(ended.stderr.splitlines()) == 2
    assert all("gatepost.toml" in line for line in ended.stderr.splitlines())


def test_a_json_line_has_every_key(store: Path) -> None:
    log = store.parent / "gatepost.log"
    settings = policy_settings("sqlite:///gatepost.db", f'[log]\nformat = "json"\nfile = "{log}"')
    with RunningPolicy(store.parent, settings) as service:
        service.ask(request(b"closed@lists.example", b"cr\xefs@example.org", more=b"queue_id=4XyZ\n"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    verdict = next(line for line in lines if line["event"] == "verdict")
    assert {key: verdict[key] for key in verdict if key not in ("time", "ms", "level", "event")} == {
        "door": "policy",
        "client": "192.0.2.1",
        "sender": "cr\\xefs@example.org",
        "recipient": "closed@lists.example",
        "list": "closed@lists.example",
        "test": "closed-list",
        "verdict": "reject",
        "code": 550,
        "status": "5.7.2",
        "id": "4XyZ",
    }
    assert verdict["ms"] >= 0


def test_verdicts_are_counted_without_addresses(store: Path) -> None:
    settings = policy_settings("sqlite:///gatepost.db", 'metrics = "inet:127.0.0.1:0"')
    with RunningPolicy(store.parent, settings) as service:
        service.ask(STRANGER + request() + request())
        host = service.wait_line("^metrics ready on ").rpartition("inet:")[2]
        wanted = 'gatepost_verdicts_total{door="policy",test="member",verdict="accept"} 2.0'
        for _ in range(10_000):
            with urllib.request.urlopen(f"http://{host}/metrics", timeout=PATIENCE) as page:
                text = page.read().decode()
            if wanted in text:
                break
        assert wanted in text
        assert 'gatepost_verdicts_total{door="policy",test="closed-list",verdict="reject"} 1.0' in text
        assert 'gatepost_verdict_seconds_count{door="policy"} 3.0' in text
        assert "example.org" not in text


def test_two_workers_and_one_of_them_killed(store: Path) -> None:
    with RunningPolicy(store.parent, policy_settings("sqlite:///gatepost.db", "workers = 2")) as service:
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        assert len(children) == 2
        os.kill(int(children[0]), signal.SIGKILL)
        service.wait_line("policy/0")
        assert all(service.ask(STRANGER) == NOT_YOU for _ in range(20))
        assert service.stop() == 0


def test_term_answers_what_has_come_and_ends_with_0(service: RunningPolicy) -> None:
    with service.connect("policy") as connection:
        connection.sendall(STRANGER)
        assert connection.recv(1000) == NOT_YOU
        assert service.stop() == 0
        assert receive_all(connection) == b""


def test_standard_input_and_output_serve_one_client(store: Path) -> None:
    (store.parent / "gatepost.toml").write_text(policy_settings("sqlite:///gatepost.db"))
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)
    line = [*COMMAND, "--config", str(store.parent / "gatepost.toml"), "run", "policy", "--stdio"]
    wire = theirs.fileno()
    with subprocess.Popen(line, stdin=wire, stdout=wire, stderr=wire) as process:
        theirs.close()
        with ours:
            ours.sendall(STRANGER + request())
            ours.shutdown(socket.SHUT_WR)
            assert receive_all(ours) == NOT_YOU + DUNNO  # and no log line in between: standard error is the wire
        assert process.wait(PATIENCE) == 0


def test_standard_input_that_drips_is_dropped(store: Path) -> None:
    (store.parent / "gatepost.toml").write_text(policy_settings("sqlite:///gatepost.db", 'timeout = "1s"'))
    ours, theirs = socket.socketpair()
    line = [*COMMAND, "--config", str(store.parent / "gatepost.toml"), "run", "policy", "--stdio"]
    wire = theirs.fileno()
    with ours, subprocess.Popen(line, stdin=wire, stdout=wire, stderr=wire) as process:
        theirs.close()
        with suppress(ConnectionError):
            ours.sendall(STRANGER[:-2])
            while not select.select([ours], [], [], 0.1)[0] and process.poll() is None:
                ours.sendall(b"x")
        assert process.wait(PATIENCE) == os.EX_DATAERR


def test_a_hup_before_the_settings_are_read_is_passed_over(store: Path) -> None:
    settings = store.parent / "settings"
    os.mkfifo(settings)
    line = [*COMMAND, "--config", str(settings), "run", "policy"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        with settings.open("w") as writing:  # waits until it reads
            process.send_signal(signal.SIGHUP)
            writing.write("[lists]\nmode = 3\n")
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == os.EX_CONFIG, said


def test_a_directory_without_an_engine_ends_with_78(tmp_path: Path) -> None:
    (tmp_path / "gatepost.toml").write_text(policy_settings("postgresql://user:secret@db.example/lists"))
    ended = command(tmp_path, "run", "policy")
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr.startswith("gatepost: no engine for postgresql:")
    assert "secret" not in ended.stderr
