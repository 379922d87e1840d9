"""The writer: one commit for all that waits, and nobody pays for another's failure."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gatepost_queue import QueueFull, QueueTrouble
from gatepost_queue.sqlite.connection import Connection, Transaction
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from gatepost_queue.sqlite.writer import ROOM, Writer
from labs.queue import ANN, WAIT, Spooled, ids, no_more_threads, only, outcome, post, take


class Counting(Connection):
    """Counts transactions, and lets none begin while `gate` is shut."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.transactions = 0
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = threading.Event()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.at_gate.set()
        assert self.gate.wait(WAIT)
        self.transactions += 1
        with super().transaction() as transaction:
            yield transaction


@pytest.fixture
def connection(path: Path) -> Counting:
    """The connection of `writer`."""
    return Counting(path)


@pytest.fixture
def writer(connection: Counting) -> Iterator[Writer]:
    """A writer that refuses what is over 100 octets."""
    with closing(Writer(connection, 100)) as opened:
        yield opened


@pytest.fixture
def shut(connection: Counting, writer: Writer) -> Iterator[Callable[[], None]]:
    """The writer is in the middle of a transaction, until this is called."""
    connection.gate.clear()
    first = writer.submit(lambda _: None)
    assert connection.at_gate.wait(WAIT)
    yield connection.gate.set
    connection.gate.set()
    first.exception(WAIT)


def test_what_waits_shares_one_commit(writer: Writer, connection: Counting, shut: Callable[[], None]) -> None:
    futures = [writer.submit(lambda _, number=number: number) for number in range(20)]  # type: ignore[misc]
    shut()
    assert [outcome(future) for future in futures] == list(range(20))
    assert connection.transactions == 2


def test_work_that_raises_is_left_out(writer: Writer, path: Path, shut: Callable[[], None]) -> None:
    def insert(transaction: Transaction, key: bytes) -> int:
        return transaction.change("INSERT INTO delivery (key, holder, number, taken) VALUES (?, 1, 1, 0)", (key,))

    def fail(transaction: Transaction) -> None:
        insert(transaction, b"half done")
        raise ZeroDivisionError

    good = [writer.submit(lambda transaction: insert(transaction, b"first"))]
    bad: list[Future[object]] = [
        writer.submit(fail),
        writer.submit(lambda transaction: transaction.rows("SELECT nonsense")),
        writer.submit(lambda transaction: insert(transaction, b"first")),
    ]
    good.append(writer.submit(lambda transaction: insert(transaction, b"last")))
    shut()
    assert [outcome(future) for future in good] == [1, 1]
    errors = [future.exception(WAIT) for future in bad]
    assert [type(error) for error in errors] == [ZeroDivisionError, QueueTrouble, QueueTrouble]
    assert "no such column: nonsense" in str(errors[1])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key FROM delivery").fetchall() == [(b"first",), (b"last",)]


def test_too_much_that_waits_is_refused(writer: Writer, shut: Callable[[], None]) -> None:
    taken = [writer.submit(lambda _: None, octets) for octets in (60, 40)]
    with pytest.raises(QueueFull, match="100 octets wait to be written already"):
        outcome(writer.submit(lambda _: None, 1))
    outcome_of_small = writer.submit(lambda _: None)
    shut()
    for future in (*taken, outcome_of_small):
        outcome(future)
    outcome(writer.submit(lambda _: None, 1000))
    outcome(writer.submit(lambda _: None, 1))


def test_room(connection: Counting) -> None:
    with closing(Writer(connection, 10 * ROOM)) as writer:
        connection.gate.clear()
        outcome(writer.room())
        big = [writer.submit(lambda _: None, ROOM) for _ in range(2)]
        rooms = [writer.room() for _ in range(3)]
        assert not any(room.done() for room in rooms)
        rooms.pop().cancel()
        connection.gate.set()
        for future in (*big, *rooms, writer.room()):
            outcome(future)


def test_a_transaction_takes_no_more_than_so_much(
    writer: Writer, connection: Counting, shut: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost_queue.sqlite.writer.BATCH_OCTETS", 20)
    monkeypatch.setattr("gatepost_queue.sqlite.writer.BATCH_JOBS", 3)
    futures = [writer.submit(lambda _: None, octets) for octets in (15, 15, 15, 0, 0, 0)]
    shut()
    for future in futures:
        outcome(future)
    assert connection.transactions == 1 + 1 + 2


def test_what_is_cancelled_in_time_leaves_nothing(path: Path) -> None:
    connection = Counting(path)
    connection.gate.clear()
    with closing(SqliteQueue(path)) as queue:
        queue._writer._connection = connection
        first = queue.put(post(), [ANN])
        assert connection.at_gate.wait(WAIT)
        second = queue.put(post(), [ANN])
        assert not first.cancel()
        assert second.cancel()
        connection.gate.set()
        (number,) = outcome(first)
        outcome(queue.put(post(), [ANN]))
        assert len(ids(SqliteDesk(path))) == 2
        assert number in ids(SqliteDesk(path))


def test_lazy_work_goes_with_other_work(writer: Writer, connection: Counting, shut: Callable[[], None]) -> None:
    done: list[int] = []
    writer.submit_lazily(lambda _: done.append(1))
    writer.submit_lazily(lambda _: done.append(2))
    future = writer.submit(lambda _: None)
    shut()
    outcome(future)
    assert (done, connection.transactions) == ([1, 2], 2)


def test_lazy_work_is_done_soon_without_other_work(writer: Writer) -> None:
    done = threading.Event()
    writer.submit_lazily(lambda _: done.set())
    assert done.wait(WAIT)


def test_lazy_work_has_another_turn_after_trouble(path: Path, writer: Writer, shut: Callable[[], None]) -> None:
    done = threading.Event()
    away = path.rename(path.with_name("away"))
    writer.submit_lazily(lambda _: done.set())
    future = writer.submit(lambda _: None)
    shut()
    with pytest.raises(QueueTrouble):
        outcome(future)
    assert not done.is_set()
    away.rename(path)
    assert done.wait(WAIT)


def test_closing_does_what_waits(path: Path) -> None:
    queue = SqliteQueue(path)
    putting = [queue.put(post(), [ANN]) for _ in range(50)]
    queue.close()
    assert all(future.done() for future in putting)
    assert len(ids(SqliteDesk(path))) == 50
    assert not path.with_name("queue.db-wal").exists()
    with pytest.raises(RuntimeError, match="the queue is closed"):
        queue.put(post(), [ANN])
    queue.close()


def test_closing_with_the_file_away_ends(path: Path) -> None:
    queue = SqliteQueue(path)
    path.unlink()
    queue._writer.submit_lazily(lambda _: None)
    queue.close()


def test_an_unused_queue_closes(path: Path) -> None:
    SqliteQueue(path).close()


def test_a_long_message_needs_no_memory(queue: SqliteQueue) -> None:
    content = Spooled(bytes(1024 * 1024), 20)
    assert post(content).octets_in_memory == 0
    outcome(queue.put(post(content), [ANN]))
    assert len(only(take(queue)).content) == content.size


def test_a_writer_that_could_not_begin_begins_with_the_next_work(writer: Writer) -> None:
    with no_more_threads(), pytest.raises(RuntimeError, match="can't start new thread"):
        writer.submit(lambda _: 1)
    assert outcome(writer.submit(lambda _: 2)) == 2
