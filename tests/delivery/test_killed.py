"""Delivery is killed at any moment, under load: everybody has every post, and twice only what was under way."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from labs.delivery import ANNE, Mailhost, RunningDelivery, delivery_settings, members

KILLS = 100 if "GATEPOST_SOAK" in os.environ else 16
WORKERS, CONNECTIONS, CHUNK = 2, 2, 50


def kill(delivery: RunningDelivery) -> None:
    """End one worker, or all there is and start it again, at some moment of whatever comes next."""
    threading.Event().wait(random.random() * 0.02)
    if random.random() < 0.5:
        os.kill(random.choice(delivery.workers), signal.SIGKILL)
    else:
        delivery.kill()
        delivery.start()


def reached(host: Mailhost) -> int:
    """How many recipients have got a post, counted for each post."""
    return sum(map(len, host.copies.values()))


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
def test_everybody_gets_every_post_whoever_is_killed(tmp_path: Path) -> None:
    """Each recipient who has a post twice was in a chunk that a killed process had; a third of the posts go by VERP.

    No post is hit by more than two kills before it is on its way: the third would count as its own fault.
    """
    more = f"workers = {WORKERS}\nconnections = {CONNECTIONS}\nmax_recipients = {CHUNK}\nverp_delivery_interval = 3"
    with Mailhost() as host, RunningDelivery(tmp_path, delivery_settings(host.port, more)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(2000))]
        posts = [f"post{number}" for number in range(KILLS // 2)]
        for number, subject in enumerate(posts, 1):
            delivery.post(subject)
            for _ in range(2):
                enough = min(reached(host) + random.randrange(1, len(everybody) // 2), number * len(everybody))
                host.wait(lambda: reached(host) >= enough)  # noqa: B023 - at once
                kill(delivery)
            host.wait(lambda: host.total(subject))  # noqa: B023
        delivery.wait_empty()
        assert delivery.stop() == 0
    assert is_whole(delivery.queue)
    assert is_whole(delivery.store)
    assert all(host.copies[subject].keys() == set(everybody) for subject in posts)
    copies = [number for subject in posts for number in host.copies[subject].values()]
    assert sum(copies) - len(copies) <= KILLS * WORKERS * CONNECTIONS * CHUNK


def is_on_its_way(delivery: RunningDelivery) -> bool:
    """Whether a post has come to some of the members, and not to all."""
    waiting = delivery.waiting("out")
    return len(waiting) > 1 and any(one.metadata.get("after") for one in waiting)


def test_a_crash_on_the_way_through_the_members_neither_skips_nor_repeats_any(tmp_path: Path) -> None:
    """Somebody else has the write lock meanwhile, so that the next step cannot be kept before the process is killed."""
    more = "connections = 1\nmax_recipients = 1000"
    with Mailhost() as host, RunningDelivery(tmp_path, delivery_settings(host.port, more)) as delivery:
        everybody = [ANNE, *delivery.add_members(members(30_000))]
        with closing(sqlite3.connect(delivery.queue, isolation_level=None)) as other:
            delivery.post("hello")
            delivery.wait_queue(lambda _: is_on_its_way(delivery))
            other.execute("BEGIN IMMEDIATE")
            assert is_on_its_way(delivery)
            delivery.kill()
        assert not host.arrived
        delivery.start()
        host.wait(lambda: host.total("hello") >= len(everybody))
        delivery.wait_empty()
    assert host.copies["hello"] == dict.fromkeys(everybody, 1)
