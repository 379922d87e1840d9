"""What waits in the queue, as the metrics tell it: of the receiver on its own, and of all parts together."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from cases import build_store
from gatepost_queue import QUEUES
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.running import PATIENCE, Gatepost
from wire.lmtp_words import DIRECTORY

ANNE, TEAM = "anne@example.org", "open@lists.example"
NOTHING = dict.fromkeys(QUEUES, 0.0)


def scrape(gatepost: Gatepost, name: str) -> dict[str, float]:
    """The figures of the gauge of this name, by queue; {} where the page does not have it."""
    with urlopen(f"http://127.0.0.1:{gatepost.port('metrics')}/metrics", timeout=PATIENCE) as page:
        lines = page.read().decode().splitlines()
    assert "# TYPE gatepost_verdicts_total counter" in lines
    assert len(set(lines)) == len(lines), "nothing is told twice, though several parts have it"
    pairs = (line.removeprefix(f'{name}{{queue="').split('"} ') for line in lines if line.startswith(f"{name}{{"))
    return {queue: float(figure) for queue, figure in pairs}


def messages(gatepost: Gatepost) -> dict[str, float]:
    return scrape(gatepost, "gatepost_queue_messages")


def oldest(gatepost: Gatepost) -> dict[str, float]:
    return scrape(gatepost, "gatepost_queue_oldest_seconds")


def receiver_in(folder: Path, workers: int = 1) -> RunningLmtp:
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    more = ('metrics = "inet:127.0.0.1:0"', f"workers = {workers}")
    return RunningLmtp(folder, lmtp_settings("toml:///lists.toml", *more))


def put(receiver: RunningLmtp, *recipients: str) -> None:
    with receiver.client() as client:
        client.mail(ANNE, list(recipients))
        assert [reply.code for reply in client.data(b"\r\n", len(recipients))] == [250] * len(recipients)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_waits_and_for_how_long(tmp_path: Path, workers: int) -> None:
    with receiver_in(tmp_path, workers) as receiver:
        assert messages(receiver) == oldest(receiver) == NOTHING
        put(receiver, TEAM)
        put(receiver, TEAM, "open-request@lists.example", "open-bounces@lists.example")
        assert messages(receiver) == NOTHING | {"in": 2.0, "command": 1.0, "bounces": 1.0}
        first, then = oldest(receiver), oldest(receiver)
        assert 0 < first["in"] < then["in"] < PATIENCE
        assert first["command"] < first["in"]
        assert first["out"] == 0
        receiver.take_all()
        assert messages(receiver) == oldest(receiver) == NOTHING


def test_a_queue_that_is_away_leaves_the_other_figures(tmp_path: Path) -> None:
    with receiver_in(tmp_path) as receiver:
        put(receiver, TEAM)
        (tmp_path / "queue.db").rename(tmp_path / "away")
        assert [messages(receiver), oldest(receiver)] == [{}, {}]
        assert "queue.db: No such file" in receiver.wait_line("metrics left out")
        (tmp_path / "away").rename(tmp_path / "queue.db")
        assert messages(receiver)["in"] == 1
        receiver.wait_line("no metrics are left out any more")
        assert receiver.output.count("metrics left out") == 1


def test_all_parts_under_one_run(tmp_path: Path) -> None:
    build_store(tmp_path / "gatepost.db")
    away = (f"[{name}]\nenabled = false" for name in ("milter", "socketmap"))
    sections = (*away, '[policy]\nlisten = ["inet:127.0.0.1:0"]')
    metrics = '[metrics]\nlisten = "inet:127.0.0.1:0"'
    with Gatepost(tmp_path, lmtp_settings("sqlite:///gatepost.db", *sections, metrics)) as gatepost:
        assert messages(gatepost) == oldest(gatepost) == NOTHING


def test_other_parts_tell_nothing_of_a_queue(tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    policy = '[socketmap]\nenabled = false\n[policy]\nlisten = ["inet:127.0.0.1:0"]\nmetrics = "inet:127.0.0.1:0"'
    with Gatepost(tmp_path, lmtp_settings("toml:///lists.toml", policy), "policy") as gatepost:
        assert messages(gatepost) == {}
