"""A queue in trouble: every fault is told by name, nothing is kept by halves, and the queue mends itself."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_queue import QueueFull, QueueTrouble, create
from gatepost_queue.sqlite import connection
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from gatepost_queue.sqlite.schema_version import SCHEMA_VERSION
from labs.queue import ANN, Clock, Spooled, ids, outcome, post, take
from labs.queue.disk import Disk


def trouble_with(queue: SqliteQueue) -> QueueTrouble:
    """The trouble that a message meets."""
    with pytest.raises(QueueTrouble) as raised:
        outcome(queue.put(post(), [ANN]))
    assert not isinstance(raised.value, QueueFull)
    return raised.value


def refused(queue: SqliteQueue) -> str:
    """What a queue in trouble says to a message."""
    return str(trouble_with(queue))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with closing(SqliteQueue(path)) as queue:
        assert refused(queue) == f"{path}: No such file or directory"
        assert not path.exists()
        with pytest.raises(QueueTrouble, match="No such file") as raised:
            SqliteDesk(path).figures(0.0)
        assert "gatepost init" in raised.value.hint
        create(f"sqlite:///{path}")
        outcome(queue.put(post(), [ANN]))


def replace(path: Path, new: Path) -> None:
    """Remove a queue, and put a copy of another file in its place."""
    for file in path.parent.glob("queue.db*"):
        file.unlink()
    shutil.copy(new, path)


def test_another_file_has_taken_its_place(queue: SqliteQueue, path: Path, empty: Path) -> None:
    outcome(queue.put(post(), [ANN]))
    replace(path, empty)
    assert outcome(queue.put(post(), [ANN, ANN])) == (1, 2)
    assert ids(SqliteDesk(path)) == [1, 2]


def test_another_file_takes_its_place_while_it_is_written_to(queue: SqliteQueue, path: Path, empty: Path) -> None:
    outcome(queue.put(post(), [ANN]))
    writing = queue._writer.submit(lambda _: replace(path, empty))
    with pytest.raises(QueueTrouble, match="another file has taken its place"):
        outcome(writing)
    assert ids(SqliteDesk(path)) == []
    outcome(queue.put(post(), [ANN]))
    assert len(ids(SqliteDesk(path))) == 1


def test_two_processes_find_another_file_in_its_place(queue: SqliteQueue, path: Path, empty: Path) -> None:
    with closing(SqliteQueue(path)) as second:
        for one in (queue, second):
            outcome(one.put(post(), [ANN]))
        replace(path, empty)
        for one in (queue, second, queue):
            outcome(one.put(post(), [ANN]))
        assert ids(SqliteDesk(path)) == [1, 2, 3]
    queue.close()
    assert ids(SqliteDesk(path)) == [1, 2, 3]


def test_the_log_alone_is_removed(queue: SqliteQueue, path: Path) -> None:
    outcome(queue.put(post(), [ANN]))
    path.with_name("queue.db-wal").unlink()
    outcome(queue.put(post(), [ANN]))
    outcome(queue.put(post(), [ANN]))
    queue.close()
    assert len(ids(SqliteDesk(path))) >= 2


def test_the_folder_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    create(f"sqlite:///{folder}/queue.db")
    with closing(SqliteQueue(folder / "queue.db")) as queue:
        outcome(queue.put(post(), [ANN]))
        shutil.rmtree(folder)
        assert "No such file or directory" in refused(queue)
        create(f"sqlite:///{folder}/queue.db")
        outcome(queue.put(post(), [ANN]))
        assert len(ids(SqliteDesk(folder / "queue.db"))) == 1


@pytest.mark.parametrize("octets", [b"no database at all" * 2000, b""], ids=["something else", "empty"])
def test_what_is_no_queue(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "queue.db"
    path.write_bytes(octets)
    with closing(SqliteQueue(path)) as queue:
        assert refused(queue) in (f"{path}: file is not a database", f"{path}: this is no queue of gatepost's")


def as_it_is(path: Path) -> None:
    """Nothing has to be done before."""


def move_away(path: Path) -> None:
    path.rename(path.with_name("away"))


@pytest.mark.parametrize(
    ("spoil", "before", "mend"),
    [
        (Path.unlink, as_it_is, "make it with: gatepost init"),
        (lambda path: path.write_bytes(b""), as_it_is, "make one with: gatepost init"),
        (lambda path: path.write_bytes(b"no database" * 2000), move_away, f"{connection.ANOTHER}: gatepost init"),
        (lambda path: execute(path, "ALTER TABLE gatepost_queue_version RENAME TO songs"), move_away,
         f"{connection.ANOTHER}: gatepost init"),
        (lambda path: execute(path, "UPDATE gatepost_queue_version SET version_num = '0001'", "DROP TABLE clock"),
         as_it_is, "bring it up with: gatepost init"),
    ],
    ids=["none", "empty", "something else", "another database", "older"],
)  # fmt: skip
def test_the_remedy_that_is_told_mends_it(
    path: Path, spoil: Callable[[Path], object], before: Callable[[Path], None], mend: str
) -> None:
    with closing(SqliteQueue(path)) as queue:
        spoil(path)
        assert trouble_with(queue).hint == mend
        before(path)
        create(f"sqlite:///{path}")
        outcome(queue.put(post(), [ANN]))


def test_a_newer_queue_needs_a_newer_gatepost(queue: SqliteQueue, path: Path) -> None:
    execute(path, "UPDATE gatepost_queue_version SET version_num = '9999'")
    assert trouble_with(queue).hint == "use the newer gatepost that made it"


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        for statement in statements:
            other.execute(statement)


def test_a_schema_of_another_version(queue: SqliteQueue, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE gatepost_queue_version SET version_num = '9999'")
    assert refused(queue) == f"{path}: its schema is 9999, not {SCHEMA_VERSION}"


def test_another_process_that_does_not_let_go(queue: SqliteQueue, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another process has been changing it for over 0.01 s" in refused(queue)
        assert list(SqliteDesk(path).ls()) == []
        other.execute("COMMIT")
    outcome(queue.put(post(), [ANN]))


def test_a_spool_file_that_cannot_be_read(queue: SqliteQueue, path: Path) -> None:
    class Gone(Spooled):
        def blocks(self) -> Iterator[bytes]:
            yield self.piece
            raise OSError(errno.EIO, os.strerror(errno.EIO), "/spool/1")

    bad = queue.put(post(Gone(b"x" * 1000, 1000)), [ANN])
    good = queue.put(post(), [ANN])
    with pytest.raises(QueueTrouble, match="/spool/1: Input/output error"):
        outcome(bad)
    (number,) = outcome(good)
    assert ids(SqliteDesk(path)) == [number]


def full(queue: SqliteQueue, content: bytes | Spooled = b"x" * 100_000) -> str:
    with pytest.raises(QueueFull) as raised:
        outcome(queue.put(post(content), [ANN]))
    return str(raised.value)


def test_a_disk_that_gets_full_of_messages_leaves_room_to_empty_the_queue(tmp_path: Path) -> None:
    kept: list[int | None] = []
    with Disk(tmp_path / "disk", 40) as disk, closing(SqliteQueue(disk.path, clock=Clock(1.9e9))) as queue:
        for _ in range(100):
            putting = queue.put(post(Spooled(os.urandom(65536), 16)), [ANN])
            if error := putting.exception(60):
                break
            kept.extend(number for number in outcome(putting))
        assert isinstance(error, QueueFull)
        assert "octets are free" in str(error)
        assert len(kept) > 2
        assert ids(SqliteDesk(disk.path)) == kept
        while claimed := take(queue, limit=100):
            for one in claimed:
                outcome(queue.done(one))
                kept.remove(one.id)
        assert kept == []
        outcome(queue.put(post(), [ANN]))


def test_a_disk_that_was_full_of_messages_takes_as_many_again(tmp_path: Path) -> None:
    """What has been forgotten leaves its room in the file, which gets no shorter."""
    with Disk(tmp_path / "disk", 64) as disk, closing(SqliteQueue(disk.path, clock=Clock(1.9e9))) as queue:
        numbers = []
        for _ in range(3):
            numbers.append(0)
            while not queue.put(post(os.urandom(1_000_000)), [ANN]).exception(60):
                numbers[-1] += 1
            while claimed := take(queue, limit=100):
                for one in claimed:
                    outcome(queue.done(one))
    assert min(numbers) > 5
    assert min(numbers[1:]) >= numbers[0] - 1


@pytest.mark.parametrize("size", [100, 100_000, 3_000_000])
def test_a_disk_that_something_else_has_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(connection, "RESERVE", -(10**9))
    with Disk(tmp_path / "disk", 8) as disk, closing(SqliteQueue(disk.path)) as queue:
        kept: list[int | None] = []
        kept.extend(number for number in outcome(queue.put(post(), [ANN])))
        filler = disk.fill()
        full(queue, Spooled(os.urandom(1_000_000), 5))
        while not (error := (putting := queue.put(post(os.urandom(size)), [ANN])).exception(60)):
            kept.extend(number for number in outcome(putting))
        assert isinstance(error, QueueFull)
        assert ids(SqliteDesk(disk.path)) == kept
        filler.unlink()
        kept.extend(number for number in outcome(queue.put(post(os.urandom(size)), [ANN])))
        assert ids(SqliteDesk(disk.path)) == kept


def test_a_full_disk_when_the_queue_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RESERVE", -(10**9))
    with Disk(tmp_path / "disk", 2) as disk, closing(SqliteQueue(disk.path)) as queue:
        filler = disk.fill()
        full(queue)
        filler.unlink()
        outcome(queue.put(post(), [ANN]))


def test_a_disk_that_is_read_only_for_a_while(tmp_path: Path) -> None:
    with Disk(tmp_path / "disk", 40) as disk:
        with closing(SqliteQueue(disk.path)) as queue:
            outcome(queue.put(post(), [ANN]))
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
        with closing(SqliteQueue(disk.path)) as queue:
            assert str(disk.path) in refused(queue)
            subprocess.run(["mount", "-o", "remount,rw", disk.folder], check=True)
            outcome(queue.put(post(), [ANN]))
        assert len(ids(SqliteDesk(disk.path))) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_quota_that_sqlite_calls_an_input_or_output_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_file(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = 778  # SQLITE_IOERR_WRITE
    assert type(connection.trouble(path, error)) is QueueTrouble
    monkeypatch.setattr("tempfile.TemporaryFile", no_file)
    found = connection.trouble(path, error)
    assert isinstance(found, QueueFull)
    assert str(found) == f"{path}: {os.strerror(number)}"
