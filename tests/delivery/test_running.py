"""Delivery as an operator runs it: settings, signals, workers, metrics, log lines, and what waits in the queue."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

from gatepost_lists import Role
from gatepost_lists.store.admin import Store
from labs.delivery import ANNE, LIST, LISTID, Mailhost, RunningDelivery, a_post, delivery_settings, members
from labs.mta import Client
from labs.running import COMMAND, PATIENCE, Gatepost, policy_settings

OLGA = "olga@people.example"
NO_METRICS = '[metrics]\nlisten = ""\n'
METRICS = 'metrics = "inet:127.0.0.1:0"'


def to_recipient(name: str, reply: str, command: str) -> str:
    """What is said to RCPT for this address."""
    return reply if command.startswith(f"RCPT TO:<{name}@") else ""


def test_what_becomes_of_recipients_is_counted(tmp_path: Path) -> None:
    replies = {"later": "450 4.2.0 come again", "gone": "550 5.1.1 no such user"}

    def says(command: str) -> str:
        return next((reply for name, reply in replies.items() if to_recipient(name, reply, command)), "")

    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, METRICS)) as delivery:
        delivery.add_members(["later@people.example", "gone@people.example", *members(3)])
        delivery.post("hello")
        delivery.wait_figures("gatepost_deliveries_total", {"sent": 4.0, "deferred": 1.0, "failed": 1.0})
        delivery.wait_queue(lambda waiting: [one.queue for one in waiting] == ["retry"])
        waits = delivery.figures("gatepost_queue_messages")
        assert waits.pop("retry") == 1.0
        assert set(waits.values()) == {0.0}
        assert delivery.figures("gatepost_queue_oldest_seconds")["retry"] > 0
        assert host.copies["hello"] == dict.fromkeys([ANNE, *members(3)], 1)


def test_what_is_deferred_is_shown_with_each_recipients_state(tmp_path: Path) -> None:
    def says(command: str) -> str:
        return to_recipient("later", "450 4.2.0 come again", command) or to_recipient("full", "552 5.2.2 full", command)

    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port)) as delivery:
        delivery.add_members(["later@people.example", "full@people.example"])
        delivery.post("hello")
        [waiting] = delivery.wait_queue(lambda waiting: [one.queue for one in waiting] == ["retry"])
        states = {"later@people.example": "450 4.2.0 come again", "full@people.example": "552 5.2.2 full"}
        [row] = delivery.json("queue", "ls", "--queue", "retry")
        assert row["metadata"]["states"] == states
        assert sorted(row["recipients"]) == sorted(states)
        assert row["next_attempt"] > row["received"]
        assert row["last_error"] in states.values()
        shown = delivery.gatepost("queue", "show", str(waiting.id))
        for recipient, state in states.items():
            assert f"{recipient!r}: {state!r}" in shown
        assert "tries = 1" in shown
        host.says = lambda command: to_recipient("later", "451 4.7.1 not yet", command)
        delivery.retry()
        [again] = delivery.wait_queue(lambda waiting: [one.metadata.get("tries") for one in waiting] == [2])
        assert again.metadata["states"] == {"later@people.example": "451 4.7.1 not yet"}
        assert 0.0 <= again.metadata["waited"] < waiting.metadata["pause"]
        assert again.next_attempt > waiting.next_attempt
    assert host.copies["hello"] == {ANNE: 1, "full@people.example": 1}


def test_one_id_follows_a_message_from_rcpt_to_its_last_recipient(tmp_path: Path) -> None:
    more = ("connections = 2", "max_recipients = 2", '[lmtp]\nlisten = ["inet:127.0.0.1:0"]')

    def says(command: str) -> str:
        return to_recipient("member3", "450 4.2.0 come again", command)

    with (
        Mailhost(says) as host,
        RunningDelivery(tmp_path, delivery_settings(host.port, *more), "lmtp", "delivery") as delivery,
    ):
        everybody = [ANNE, *delivery.add_members(members(6))]
        with Client(("127.0.0.1", delivery.port("lmtp"))) as client:
            client.hello(verb="LHLO")
            assert client.mail(ANNE, [LIST])[0].code == 250
            assert client.data(a_post("hello"))[0].code == 250
        delivery.wait_queue(lambda waiting: [one.queue for one in waiting] == ["retry"])
        host.says = lambda _: ""
        delivery.retry()
        host.wait(lambda: host.copies["hello"] == dict.fromkeys(everybody, 1))
        delivery.wait_empty()
        events = ("verdict", "queued", "post", "transaction", '"not sent"')
        lines = [line for event in events for line in delivery.lines(event=event)]
        assert {line["event"] for line in lines} == set(events)
        assert len(delivery.lines(event="transaction")) == 5
        assert len({line["id"] for line in lines}) == 1
        assert {line["list"] for line in lines if line["event"] != "queued"} == {LISTID, LIST}


def test_what_has_been_held_too_long_is_thrown_away(tmp_path: Path) -> None:
    with Mailhost() as host:
        delivery = RunningDelivery(tmp_path, delivery_settings(host.port))
        with Store(delivery.store) as store:
            store.add_members(LIST, [OLGA], Role.OWNER)
        for days in (29, 31):
            delivery.hold(f"waited {days} days", time.time() - days * 86_400)
        with delivery:
            [left] = delivery.wait_queue(lambda waiting: len(waiting) == 1)
            host.wait(lambda: host.total("ant: nobody has decided") == 1)
            [line] = delivery.lines(event="post", outcome="discard")
    assert (left.queue, left.metadata["subject"]) == ("held", "waited 29 days")
    assert line["why"] == '"no moderator has decided in 30 days"'


def test_new_settings_count_from_the_next_message_on(tmp_path: Path) -> None:
    with (
        Mailhost() as first,
        Mailhost() as second,
        RunningDelivery(tmp_path, delivery_settings(first.port)) as delivery,
    ):
        delivery.post("one")
        first.wait(lambda: first.total("one"))
        text = delivery.settings.read_text()
        delivery.settings.write_text(text.replace(f"smtp_port = {first.port}", f"smtp_port = {second.port}"))
        delivery.signal(signal.SIGHUP)
        delivery.wait_line("settings read", count=2)
        delivery.post("two")
        second.wait(lambda: second.total("two"))
        delivery.settings.write_text("[delivery]\nsmtp_port = 'none'\n")
        delivery.signal(signal.SIGHUP)
        delivery.wait_line("settings not read: the old ones stay")
        delivery.post("three")
        second.wait(lambda: second.total("three"))
        delivery.wait_empty()
    assert (first.total("two"), second.total("one")) == (0, 0)


def test_a_stop_keeps_whom_it_has_not_come_to(tmp_path: Path) -> None:
    """A mail server that takes its time, and an envelope sender for each member: the message under way is ended."""
    begun = threading.Event()

    def says(command: str) -> str:
        if command.startswith("RCPT"):
            begun.set()
            threading.Event().wait(0.2)
        return ""

    more = ("connections = 1", "verp_delivery_interval = 1")
    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, *more)) as delivery:
        everybody = {ANNE, *delivery.add_members(members(60))}
        delivery.post("hello")
        assert begun.wait(PATIENCE)
        host.wait(lambda: host.total("hello") >= 2)
        assert delivery.stop() == 0
        assert "transactions cut off" not in delivery.output
        [kept] = delivery.waiting("out")
        assert (kept.runner, kept.metadata["verp"]) == ("", True)
        assert {*kept.recipients, *host.copies["hello"]} == everybody
        assert not host.copies["hello"].keys() & set(kept.recipients)
        host.says = lambda _: ""
        delivery.start()
        host.wait(lambda: host.copies["hello"] == dict.fromkeys(everybody, 1))
        delivery.wait_empty()


def test_a_stop_does_not_wait_for_a_mail_server_that_says_nothing(tmp_path: Path) -> None:
    silent, over = threading.Event(), threading.Event()

    def says(command: str) -> str:
        if command == "DOT" and host.arrived:
            silent.set()
            over.wait(PATIENCE)
        return ""

    more = ("connections = 1", "max_recipients = 2")
    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, *more)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(5))]
        delivery.post("hello")
        assert silent.wait(PATIENCE)
        assert delivery.stop() == 0
        assert "transactions cut off" in delivery.output
        assert sum(len(kept.recipients) for kept in delivery.waiting("out")) == 4
        over.set()
        delivery.start()
        delivery.wait_line("took over from a process that is gone")
        delivery.wait_empty()
    assert set(host.copies["hello"]) == set(everybody)


def test_two_workers_deliver_at_the_same_time(tmp_path: Path) -> None:
    """Each has one connection, and the first transaction goes on only when the second has begun."""
    both = threading.Barrier(2)

    def says(command: str) -> str:
        if command == "DOT" and len(host.arrived) < 2:
            both.wait(PATIENCE)
        return ""

    more = ("connections = 1", "workers = 2", "max_recipients = 1")
    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, *more)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(9))]
        delivery.post("hello")
        host.wait(lambda: host.copies["hello"] == dict.fromkeys(everybody, 1))
        delivery.wait_empty()
        assert len(delivery.workers) == 2
        assert delivery.stop() == 0


def disabled(*parts: str) -> str:
    return "".join(f"[{part}]\nenabled = false\n" for part in parts)


def test_where_it_is_not_enabled_it_does_not_run(tmp_path: Path) -> None:
    settings = policy_settings("toml:///lists.toml") + disabled("milter", "lmtp", "delivery") + NO_METRICS
    (tmp_path / "lists.toml").write_text("")
    with Gatepost(tmp_path, settings) as gatepost:
        gatepost.wait_line(r"^policy ready on ")
        assert gatepost.stop() == 0
        assert "delivery" not in gatepost.output


def test_lists_that_are_only_read_are_delivered_by_who_keeps_them(tmp_path: Path) -> None:
    settings = policy_settings("toml:///lists.toml") + disabled("milter", "lmtp") + NO_METRICS
    (tmp_path / "lists.toml").write_text("")
    with Gatepost(tmp_path, settings) as gatepost:
        assert "left out: delivery: lists in toml:… are only read here" in gatepost.wait_line("left out")
        gatepost.wait_line(r"^policy ready on ")
    done = subprocess.run(
        [*COMMAND, "--config", str(gatepost.settings), "run", "delivery"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 69
    assert "who keeps the lists must deliver their mail" in done.stderr
    assert "Traceback" not in done.stderr
