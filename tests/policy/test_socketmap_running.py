"""The live tables as an operator runs them: with the policy service, in its processes, on addresses of their own."""

import os
import re
import signal
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.running import (
    COMMAND,
    PATIENCE,
    RunningPolicy,
    connect,
    netstring,
    policy_settings,
    receive_all,
    socketmap_settings,
)
from wire.policy_dialogues import NOT_YOU as POLICY_NOT_YOU
from wire.policy_dialogues import request
from wire.socketmap_dialogues import CLOSED, LMTP, NOT_FOUND, NOT_YOU

TEMP = "TEMP 451 4.3.0 cannot tell now, try again later"
KNOWN, STRANGER = "relay_recipients closed@lists.example", "verdict cris@example.org | closed@lists.example"
URL = "sqlite:///gatepost.db"


@pytest.fixture
def service(store: Path) -> Iterator[RunningPolicy]:
    with RunningPolicy(store.parent, socketmap_settings(URL)) as running:
        yield running


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [*COMMAND, "--config", str(folder / "gatepost.toml"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)


def wait_for(ask: Callable[[], str], answer: str) -> None:
    """Ask until it is the answer: what is asked may come to be so a moment later."""
    for _ in range(10_000):
        if (told := ask()) == answer:
            return
    pytest.fail(f"never {answer!r}, at last {told!r}")


def test_both_are_served_and_each_has_a_ready_line(service: RunningPolicy) -> None:
    assert service.look_up(STRANGER) == NOT_YOU
    assert service.ask(request(sender=b"cris@example.org")) == POLICY_NOT_YOU
    assert len(service.addresses("policy")) == len(service.addresses("socketmap")) == 1
    assert service.port("policy") != service.port("socketmap")


def test_systemd_is_told_of_both_in_one_line(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE)
        systemd.bind(str(store.parent / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(store.parent / "notify"))
        with RunningPolicy(store.parent, socketmap_settings(URL)):
            told = systemd.recv(4096).decode()
    assert re.fullmatch(r"READY=1\nSTATUS=policy ready on \S+; socketmap ready on \S+", told)


def test_tables_that_are_not_enabled_are_not_served(store: Path) -> None:
    with RunningPolicy(store.parent, policy_settings(URL)) as service:
        assert service.ask(request(sender=b"cris@example.org")) == POLICY_NOT_YOU
        assert service.stop() == 0
        assert "socketmap" not in service.output


def test_tcp_over_ipv6_and_a_unix_socket_answer_too(store: Path) -> None:
    path = store.parent / "tables.sock"
    listen = f'["unix:{path}?mode=0600", "inet:127.0.0.1:0", "inet:[::1]:0"]'
    with RunningPolicy(store.parent, socketmap_settings(URL, listen=listen)) as service:
        addresses = service.addresses("socketmap")
        assert len(addresses) == 3
        for address in addresses:
            with connect(address) as connection:
                connection.sendall(netstring(KNOWN))
                assert connection.recv(1000) == netstring(CLOSED)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_an_address_in_use_ends_it_with_69(service: RunningPolicy) -> None:
    taken = service.addresses("socketmap")[0]
    second = service.folder / "second"
    second.mkdir()
    (second / "gatepost.toml").write_text(socketmap_settings("sqlite:///../gatepost.db", listen=f'["{taken}"]'))
    ended = command(second, "run", "policy")
    assert ended.returncode == os.EX_UNAVAILABLE
    assert taken in ended.stderr
    assert "ready" not in ended.stderr


def test_a_new_list_counts_for_the_next_question(service: RunningPolicy) -> None:
    with service.connect("socketmap") as connection:
        for change, answer in (("create", "OK fresh@lists.example"), ("remove", NOT_FOUND)):
            assert command(service.folder, "list", change, "fresh@lists.example").returncode == 0
            connection.sendall(netstring("relay_recipients fresh@lists.example"))
            assert connection.recv(1000) == netstring(answer)
    for change, answer in (("add", "OK new.example"), ("remove", NOT_FOUND)):
        assert command(service.folder, "domain", change, "new.example").returncode == 0
        assert service.look_up("relay_domains new.example") == answer


def test_a_missing_store_is_temp_until_it_is_back(service: RunningPolicy, store: Path) -> None:
    away = store.with_name("away.db")
    assert service.look_up(KNOWN) == CLOSED
    store.rename(away)
    wait_for(lambda: service.look_up(KNOWN), TEMP)
    assert f"{store}: No such file or directory" in service.wait_line("cannot tell")
    away.rename(store)
    wait_for(lambda: service.look_up(KNOWN), CLOSED)
    service.wait_line("the lists can be read again")
    assert service.output.count("cannot tell") == 1


def test_hup_reads_the_settings_again(service: RunningPolicy) -> None:
    text = service.settings.read_text()
    with service.connect("socketmap") as connection:
        more = '[lmtp]\npublic_address = "[::1]:24"\n[postfix]\nlmtp_service = "lmtp-lists"\n'
        service.settings.write_text(text.replace("[policy]", 'mode = "observe"\n[policy]', 1) + more)
        service.signal(signal.SIGHUP)
        service.wait_line("settings read", count=2)
        for asked, answer in (("transport closed@lists.example", "OK lmtp-lists:[::1]:24"), (STRANGER, NOT_FOUND)):
            connection.sendall(netstring(asked))
            assert connection.recv(1000) == netstring(answer)


def test_a_request_that_is_never_finished_is_dropped_and_an_idle_link_is_not(store: Path) -> None:
    with (
        RunningPolicy(store.parent, socketmap_settings(URL, 'timeout = "1s"')) as service,
        service.connect("socketmap") as idle,
        service.connect("socketmap") as slow,
    ):
        slow.sendall(netstring(KNOWN)[:-1])
        assert receive_all(slow) == b""
        assert "not finished within 1 s" in service.wait_line("not a socketmap request")
        idle.sendall(netstring(KNOWN))
        assert idle.recv(1000) == netstring(CLOSED)


def test_rubbish_gets_one_warning_and_disturbs_nobody(service: RunningPolicy) -> None:
    with service.connect("socketmap") as other:
        assert service.ask(b"rubbish" * 1000, "socketmap") == b""
        assert "why=" in service.wait_line(r"not a socketmap request.*client=127\.0\.0\.1:\d+")
        other.sendall(netstring("transport closed@lists.example"))
        assert other.recv(1000) == netstring(LMTP)
    assert service.output.count("not a socketmap request") == 1


def test_a_thousand_connections_are_served(service: RunningPolicy) -> None:
    connections = [service.connect("socketmap") for _ in range(1000)]
    for connection in connections:
        connection.sendall(netstring(STRANGER))
    assert all(connection.recv(1000) == netstring(NOT_YOU) for connection in connections)
    for connection in connections:
        connection.close()


def test_two_workers_and_one_of_them_killed(store: Path) -> None:
    settings = socketmap_settings(URL).replace("[socketmap]", "workers = 2\n[socketmap]")
    with RunningPolicy(store.parent, settings) as service:
        assert service.addresses("socketmap")
        assert service.output.count("socketmap ready on ") == 1
        first, _ = service.workers
        os.kill(first, signal.SIGKILL)
        service.wait_line("policy/0")
        assert all(service.look_up(KNOWN) == CLOSED for _ in range(20))
        assert service.stop() == 0


def test_verdicts_are_logged_and_counted_and_look_ups_are_not(store: Path) -> None:
    settings = socketmap_settings(URL).replace("[socketmap]", 'metrics = "inet:127.0.0.1:0"\n[socketmap]')
    with RunningPolicy(store.parent, settings) as service:
        assert (service.look_up(KNOWN), service.look_up(STRANGER)) == (CLOSED, NOT_YOU)
        line = service.wait_line("event=verdict")
        assert "door=socketmap client= sender=cris@example.org recipient=closed@lists.example" in line
        host = service.wait_line("^metrics ready on ").rpartition("inet:")[2]
        wanted = 'gatepost_verdicts_total{door="socketmap",test="closed-list",verdict="reject"} 1.0'
        wait_for(lambda: wanted if wanted in page(host) else "", wanted)
        assert 'gatepost_verdict_seconds_count{door="socketmap"} 1.0' in page(host)
    assert service.output.count("event=verdict") == 1


def page(host: str) -> str:
    with urllib.request.urlopen(f"http://{host}/metrics", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


def test_term_answers_what_has_come_and_ends_with_0(service: RunningPolicy) -> None:
    with service.connect("socketmap") as connection:
        connection.sendall(netstring(STRANGER))
        assert connection.recv(1000) == netstring(NOT_YOU)
        assert service.stop() == 0
        assert receive_all(connection) == b""


def test_a_half_closed_client_is_answered(service: RunningPolicy) -> None:
    with service.connect("socketmap") as connection:
        connection.sendall(netstring(KNOWN) * 3)
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == netstring(CLOSED) * 3
