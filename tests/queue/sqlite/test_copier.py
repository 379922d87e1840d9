"""The log is copied into the file beside the writer: it stays short, nobody waits, and nothing depends on it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gatepost_queue.sqlite import copier
from gatepost_queue.sqlite.copier import Copier
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.queue import ANN, ids, no_more_threads, outcome, post

OCTETS = 65536


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copier, "COPY_OCTETS", OCTETS)
    monkeypatch.setattr(copier, "LONG", 3 * OCTETS)
    monkeypatch.setattr(copier, "AHEAD", 2 * OCTETS)


def put(queue: SqliteQueue, times: int) -> list[int]:
    found = [outcome(queue.put(post(os.urandom(OCTETS)), [ANN])) for _ in range(times)]
    return [number for numbers in found for number in numbers if number is not None]


def test_the_file_has_what_was_put_while_the_queue_is_open(queue: SqliteQueue, path: Path, tmp_path: Path) -> None:
    kept = put(queue, 1)
    queue._writer.submit(lambda _: queue._writer._copier.close()).result()
    alone = tmp_path / "alone.db"
    shutil.copy(path, alone)
    assert ids(SqliteDesk(alone)) == kept


def test_the_log_stays_short(queue: SqliteQueue, path: Path) -> None:
    kept = put(queue, 60)
    # SQLite alone would let it grow to 16 MiB.
    assert path.with_name("queue.db-wal").stat().st_size < 20 * OCTETS
    assert ids(SqliteDesk(path)) == kept


def test_what_cannot_be_copied_beside_the_writer_is_left_to_it(queue: SqliteQueue, path: Path) -> None:
    kept = put(queue, 1)
    with no_more_threads():
        kept += put(queue, 10)
    kept += put(queue, 10)
    assert ids(SqliteDesk(path)) == kept


def test_a_file_that_is_away_is_for_the_writer_to_tell(tmp_path: Path) -> None:
    lonely = Copier(tmp_path / "queue.db")
    for _ in range(10):
        lonely.wrote(OCTETS)
    lonely.close()
    assert list(tmp_path.iterdir()) == []
