"""Processes that are killed at any moment, and several at once: what was promised is there, once, and whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from gatepost_queue import Queue, open_queue
from labs.queue import ANN, BOB, WAIT, Clock, ids, outcome, post, take
from labs.queue.putter import put
from labs.queue.stored import Stored

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


def kill_at_random(stored: Stored, first: int, chance: random.Random) -> list[int]:
    """Put messages in, and kill what does it in the middle; the numbers that it has reported."""
    told: list[int] = []
    with program("putter", stored.url, 8, first) as process:
        assert process.stdout is not None
        told += [int(process.stdout.readline()) for _ in range(chance.randrange(1, 40))]
        # Somewhere in what comes next: in a message, in a commit, in a checkpoint.
        threading.Event().wait(chance.random() * 0.02)
        process.kill()
        told += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    return told


def whole(stored: Stored) -> Counter[str]:
    """How often each message is there for ANN, after a look at every octet."""
    found: Counter[str] = Counter()
    assert stored.contents() is not None
    for waiting in stored.desk().ls("in", ANN.listid):
        content = stored.desk().show(waiting.id)[1]
        line = b"%09d\n" % int(waiting.trace)
        assert len(content) == waiting.size
        assert content == line * (len(content) // len(line))
        found[waiting.trace] += 1
    return found


def check(stored: Stored, told: list[int]) -> None:
    """What was reported is there, and nothing is there by halves, or twice."""
    found = whole(stored)
    assert set(found.values()) <= {1}
    assert {str(number) for number in told} <= found.keys()
    assert len(ids(stored.desk(), "bounces")) == len(found), "an entry of each message without the other"


@pytest.mark.slow
def test_what_was_promised_survives_every_kill(stored: Stored) -> None:
    chance = random.Random()
    for kill in range(KILLS):
        first = kill * 1_000_000
        told = kill_at_random(stored, first, chance)
        check(stored, told)
        with closing(open_queue(stored.url)) as queue:
            # Clients send again what they have no reply for, whether it was kept or not.
            sent = range(first, max(told) + 8)
            for number in set(sent) - set(told):
                put(queue, number)
            check(stored, list(sent))
            empty_out(queue)
        assert ids(stored.desk()) == []


def empty_out(queue: Queue) -> None:
    """Be done with all that is there."""
    for name in ("in", "bounces"):
        while claimed := take(queue, name, limit=100):
            for done in [queue.done(claim) for claim in claimed]:
                outcome(done)


def test_two_processes_put_and_two_claim(stored: Stored) -> None:
    numbers: list[set[str]] = [set(), set()]

    def run(queue: Queue, runner: str, seen: set[str]) -> None:
        while len(seen) < FEW:
            for claim in take(queue, limit=7, runner=runner):
                assert claim.trace not in seen
                seen.add(claim.trace)
                outcome(queue.done(claim))

    with (
        closing(open_queue(stored.url)) as first,
        closing(open_queue(stored.url)) as second,
        program("putter", stored.url, 4, 0),
        program("putter", stored.url, 4, 1_000_000),
    ):
        queues = (first, second)
        threads = [threading.Thread(target=run, args=(queues[at], f"r{at}", numbers[at])) for at in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
    assert min(map(len, numbers)) >= FEW
    assert not numbers[0] & numbers[1]
    assert not (numbers[0] | numbers[1]) & whole(stored).keys()


def test_a_runner_that_was_killed_gives_its_entry_back(stored: Stored, clock: Clock) -> None:
    with closing(stored.open(clock)) as queue:
        outcome(queue.put(post(), [ANN, BOB]))
    child = os.fork()
    if child == 0:
        outcome(stored.open(clock).claim("in", "victim", 60.0))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with closing(stored.open(clock)) as queue:
        assert take(queue) == []
        clock.now += 61
        assert [(claim.attempts, claim.failures) for claim in take(queue)] == [(2, 1)]
