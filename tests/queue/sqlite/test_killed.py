"""Processes that are killed at any moment, and several at once: what was promised is there, once, and whole."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.queue import ANN, BOB, WAIT, Clock, ids, outcome, post, take
from labs.queue.putter import put

KILLS = 200 if "GATEPOST_SOAK" in os.environ else 20
FEW = 2000 if "GATEPOST_SOAK" in os.environ else 200


@contextmanager
def program(module: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs a module of labs.queue, and is killed at the end."""
    command = [sys.executable, "-m", f"labs.queue.{module}", *map(str, arguments)]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_at_random(path: Path, first: int, chance: random.Random) -> list[int]:
    """Put messages in, and kill what does it in the middle; the numbers that it has reported."""
    told: list[int] = []
    with program("putter", path, 8, first) as process:
        assert process.stdout is not None
        told += [int(process.stdout.readline()) for _ in range(chance.randrange(1, 40))]
        # Somewhere in what comes next: in a message, in a commit, in a checkpoint.
        threading.Event().wait(chance.random() * 0.02)
        process.kill()
        told += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    return told


def whole(path: Path) -> Counter[str]:
    """How often each message is there for ANN, after a look at every octet."""
    found: Counter[str] = Counter()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    for waiting in SqliteDesk(path).ls("in", ANN.listid):
        content = SqliteDesk(path).show(waiting.id)[1]
        line = b"%09d\n" % int(waiting.trace)
        assert len(content) == waiting.size
        assert content == line * (len(content) // len(line))
        found[waiting.trace] += 1
    return found


def check(path: Path, told: list[int]) -> None:
    """What was reported is there, and nothing is there by halves, or twice."""
    found = whole(path)
    assert set(found.values()) <= {1}
    assert {str(number) for number in told} <= found.keys()
    assert len(ids(SqliteDesk(path), "bounces")) == len(found), "an entry of each message without the other"


@pytest.mark.slow
def test_what_was_promised_survives_every_kill(path: Path) -> None:
    chance = random.Random()
    for kill in range(KILLS):
        first = kill * 1_000_000
        told = kill_at_random(path, first, chance)
        check(path, told)
        with closing(SqliteQueue(path)) as queue:
            # Clients send again what they have no reply for, whether it was kept or not.
            sent = range(first, max(told) + 8)
            for number in set(sent) - set(told):
                put(queue, number)
            check(path, list(sent))
            empty_out(queue)
        assert ids(SqliteDesk(path)) == []


def empty_out(queue: SqliteQueue) -> None:
    """Be done with all that is there."""
    for name in ("in", "bounces"):
        while claimed := take(queue, name, limit=100):
            for done in [queue.done(claim) for claim in claimed]:
                outcome(done)


def test_two_processes_put_and_two_claim(path: Path) -> None:
    numbers: list[set[str]] = [set(), set()]

    def run(queue: SqliteQueue, runner: str, seen: set[str]) -> None:
        while len(seen) < FEW:
            for claim in take(queue, limit=7, runner=runner):
                assert claim.trace not in seen
                seen.add(claim.trace)
                outcome(queue.done(claim))

    with (
        closing(SqliteQueue(path)) as first,
        closing(SqliteQueue(path)) as second,
        program("putter", path, 4, 0),
        program("putter", path, 4, 1_000_000),
    ):
        queues = (first, second)
        threads = [threading.Thread(target=run, args=(queues[at], f"r{at}", numbers[at])) for at in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
    assert min(map(len, numbers)) >= FEW
    assert not numbers[0] & numbers[1]
    assert not (numbers[0] | numbers[1]) & whole(path).keys()


def test_a_runner_that_was_killed_gives_its_entry_back(path: Path, queue: SqliteQueue, clock: Clock) -> None:
    outcome(queue.put(post(), [ANN, BOB]))
    code = f"""
import os, signal
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.queue import Clock
claimed = SqliteQueue({str(path)!r}, clock=Clock()).claim("in", "victim", 60, 1).result()
assert len(claimed) == 1
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert ended.returncode == -9
    assert take(queue) == []
    clock.now += 61
    with closing(SqliteQueue(path, clock=clock)) as later:
        assert [(claim.attempts, claim.failures) for claim in take(later)] == [(2, 1)]
