"""A day's worth of messages in miniature: no leak, no stuck thread, no wrong answer."""

import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from labs.milter import Milter, MilterClient, milter_settings
from labs.milter.service import ANNE, AT_HEADERS, CLOSED, MAY_NOT_POST, NO_LIST, NOBODY, OWNER, PUT_OFF, STRANGER

CONNECTIONS = 50
MESSAGES = 100_000 if "GATEPOST_SOAK" in os.environ else 10_000
PAGE = os.sysconf("SC_PAGESIZE")
# What the allocator may take for the second half of the messages; one object lost for each would be more.
MAY_GROW = 1_000_000 if MESSAGES <= 10_000 else 4_000_000


def resident(pid: int) -> int:
    """Octets of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def threads(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def one_message(client: MilterClient, number: int, at_headers: bool) -> str:
    """Play one message; "right", or what was wrong with it."""
    sender = (STRANGER, ANNE, "")[number % 3]
    client.mail(sender, "SIZE=1000")
    replies = [client.rcpt(recipient) for recipient in (CLOSED, NOBODY)]
    refused = MAY_NOT_POST if sender == STRANGER and not at_headers else ""
    if replies != [refused, NO_LIST]:
        return f"RCPT: {replies}"
    if number % 10 == 0:
        client.abort()
        return "right"
    waits = sender == "" or (sender == STRANGER and at_headers)
    if number % 2 and client.rcpt(OWNER) != (PUT_OFF if waits else ""):
        return "RCPT to the owner"
    if number % 2 == 0 and sender == STRANGER and not at_headers:
        client.abort()
        return "right"
    expected = "550 5.7.2" if waits else ""
    answer = client.message([("From", STRANGER), ("Subject", f"message {number}")])
    return "right" if answer.startswith(expected) and bool(answer) is bool(expected) else f"message: {answer}"


@pytest.mark.slow
@pytest.mark.parametrize("at_headers", [False, True], ids=["envelope", "headers"])
def test_many_messages_over_fifty_connections(at_headers: bool, folder: Path) -> None:
    each = MESSAGES // CONNECTIONS // 2
    answers: Counter[str] = Counter()
    sizes: list[int] = []
    with Milter(folder, milter_settings(*(AT_HEADERS if at_headers else ()), "[log]", "verdicts = false")) as milter:
        halves = threading.Barrier(CONNECTIONS, lambda: sizes.append(resident(milter.process.pid)))

        def play() -> None:
            with milter.client() as client:
                for number in range(2 * each):
                    if number % each == 0:
                        halves.wait()
                    answers[one_message(client, number, at_headers)] += 1
                halves.wait()

        crowd = [threading.Thread(target=play) for _ in range(CONNECTIONS)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        assert answers == {"right": 2 * each * CONNECTIONS}
        assert threads(milter.process.pid) < CONNECTIONS + 20
        assert milter.stop() == 0
        assert "cut off" not in milter.output
    growth = sizes[2] - sizes[1]
    print(f"grew by {(sizes[1] - sizes[0]) / 1024:.0f} and {growth / 1024:.0f} KiB, {MESSAGES / 2} messages each")
    assert growth < MAY_GROW, f"{growth / (each * CONNECTIONS):.1f} octets a message"
