"""The clock is set while delivery is under way: nobody has a message twice, and what waits does not wait for longer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from labs.clock import SetClock
from labs.delivery import ANNE, Mailhost, RunningDelivery, delivery_settings, members
from labs.running import PATIENCE

DAY = 86_400.0


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    return SetClock(tmp_path / "clock", monkeypatch)


def test_a_virtual_machine_that_is_resumed_sends_nothing_twice(tmp_path: Path, clock: SetClock) -> None:
    """One worker is sending when an hour has passed at once; the other looks for work, and must not find that."""
    begun, over = threading.Event(), threading.Event()

    def says(command: str) -> str:
        if command == "DOT" and not begun.is_set():
            begun.set()
            over.wait(PATIENCE)
        return ""

    more = ("connections = 1", "workers = 2")
    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port, *more)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(30))]
        delivery.post("first")
        assert begun.wait(PATIENCE)
        clock.set(3600.0)
        delivery.post("second")
        host.wait(lambda: host.copies["second"] == dict.fromkeys(everybody, 1))
        over.set()
        host.wait(lambda: host.copies["first"] == dict.fromkeys(everybody, 1))
        delivery.wait_empty()
        assert host.total("first") == len(everybody)
        assert "a claim was lost" not in delivery.output


def test_a_clock_that_is_set_back_does_not_keep_mail_waiting(tmp_path: Path, clock: SetClock) -> None:
    def says(command: str) -> str:
        return "450 4.2.0 come again" if command.startswith("RCPT") else ""

    clock.set(30 * DAY)
    with Mailhost(says) as host, RunningDelivery(tmp_path, delivery_settings(host.port)) as delivery:
        delivery.post("hello")
        delivery.wait_queue(lambda waiting: [one.queue for one in waiting] == ["retry"])
        clock.set(0.0)
        delivery.wait_queue(lambda waiting: [one.next_attempt < time.time() + 1000.0 for one in waiting] == [True])


def test_a_clock_that_runs_ahead_for_a_moment_gives_up_no_mail(tmp_path: Path, clock: SetClock) -> None:
    with Mailhost() as host, RunningDelivery(tmp_path, delivery_settings(host.port)) as delivery:
        host.says = lambda command: "450 4.2.0 come again" if command.startswith("RCPT") else ""
        delivery.post("hello")
        delivery.wait_queue(lambda waiting: [one.queue for one in waiting] == ["retry"])
        clock.set(3650 * DAY)
        delivery.wait_queue(lambda waiting: [one.metadata.get("tries", 0) >= 2 for one in waiting] == [True])
        clock.set(0.0)
        host.says = lambda _: ""
        delivery.wait_line("the clock was set", count=2)
        delivery.retry()
        host.wait(lambda: host.copies["hello"] == {ANNE: 1})
        delivery.wait_empty()
