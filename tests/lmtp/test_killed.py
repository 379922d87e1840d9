"""The receiver is killed at any moment, under load: what got a 250 is in the queue, once, and nothing by halves."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import pytest

from labs.lmtp import Crowd, RunningLmtp, lmtp_settings
from wire.lmtp_words import DIRECTORY

SOAKING = "GATEPOST_SOAK" in os.environ


def wait_a_little(crowd: Crowd) -> None:
    """Until some moment of some message: in a command, in the data, in a commit, in a checkpoint, in the replies."""
    crowd.wait_told(random.randrange(1, 30))
    threading.Event().wait(random.random() * 0.02)


def live(receiver: RunningLmtp, crowd: Crowd, kills: int) -> None:
    """Start it, let it work, kill single workers, in the end all of it, and look at what is in the queue."""
    with receiver, crowd.at_work(receiver.port("lmtp")):
        for _ in range(kills):
            wait_a_little(crowd)
            os.kill(random.choice(receiver.workers), signal.SIGKILL)
        wait_a_little(crowd)
        receiver.kill()
    crowd.raise_fault()
    assert receiver.rows("PRAGMA integrity_check") == [("ok",)]
    assert receiver.rows("PRAGMA foreign_key_check") == []
    crowd.look_at(receiver.take_all())
    for errand in crowd.errands:
        for recipient in errand.recipients:
            found = crowd.found[errand.number, recipient]
            assert found >= (recipient in errand.told), "a message that got 250 is not there"
            assert found <= (1 if errand.has_id else errand.attempts)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "lives", "kills"), [(1, 6, 0), (3, 2, 6)], ids=["one worker", "three workers"])
def test_what_was_promised_survives_every_kill(tmp_path: Path, workers: int, lives: int, kills: int) -> None:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    receiver = RunningLmtp(tmp_path, lmtp_settings("toml:///lists.toml", f"workers = {workers}"))
    crowd = Crowd()
    for _ in range(lives * (10 if SOAKING else 1)):
        live(receiver, crowd, kills)
    with receiver:
        crowd.make_good(receiver.port("lmtp"))
    crowd.raise_fault()
    crowd.look_at(receiver.take_all())
    assert any(errand.attempts > 1 for errand in crowd.errands)
    for errand in crowd.errands:
        times = [crowd.found.pop((errand.number, recipient)) for recipient in errand.recipients]
        assert times == [1] * len(times) if errand.has_id else max(times) <= errand.attempts
    assert not crowd.found
