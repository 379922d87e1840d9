"""The queue in a SQLite file, for services: whatever is to be done is handed to the writer's thread (writer.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from gatepost_queue.sqlite import deliveries, desk
from gatepost_queue.sqlite.clock import Clock
from gatepost_queue.sqlite.connection import Connection, Transaction
from gatepost_queue.sqlite.entries import claim, done, failed, give_up, go_on, later, put, recover, renew
from gatepost_queue.sqlite.writer import MAX_WAITING, Writer
from gatepost_queue.values import Claimed, Delivery, Entry, Message, Put, check_time


class SqliteQueue:
    """A queue in a SQLite file (gatepost_queue.Queue)."""

    def __init__(self, path: str | Path, *, clock: Clock | None = None, max_waiting: int = MAX_WAITING) -> None:
        """`max_waiting`: octets of messages in memory that may wait to be written before `put` raises QueueFull."""
        self._connection = Connection(Path(path), clock)
        self._writer = Writer(self._connection, max_waiting)
        self._reader = ThreadPoolExecutor(1, "queue-reader")

    def put(
        self, message: Message, entries: Sequence[Entry], delivery: Delivery | None = None
    ) -> Future[tuple[int | None, ...]]:
        if not entries:
            raise ValueError("a message must be for somebody")
        return self._writer.submit(
            lambda transaction: put(transaction, message, tuple(entries), delivery),
            message.octets_in_memory,
        )

    def room(self) -> Future[None]:
        return self._writer.room()

    def confirm(self, delivery: Delivery) -> None:
        self._writer.submit_lazily(lambda transaction: deliveries.confirm(transaction, delivery))

    def lost(self, delivery: Delivery) -> Future[None]:
        def lose(transaction: Transaction) -> None:
            deliveries.lose(transaction, delivery)

        def try_again(losing: Future[None]) -> None:
            if losing.exception() is not None:
                with suppress(RuntimeError):  # closed: then all that was not confirmed counts as lost
                    self._writer.submit_lazily(lose)

        losing = self._writer.submit(lose)
        losing.add_done_callback(try_again)
        return losing

    def claim(
        self, queues: str | tuple[str, ...], runner: str, lease_seconds: float, limit: int = 1
    ) -> Future[list[Claimed]]:
        return self._writer.submit(lambda transaction: claim(transaction, queues, runner, lease_seconds, limit))

    def recover(self) -> Future[int]:
        return self._writer.submit(recover)

    def renew(self, claimed: Claimed, lease_seconds: float) -> Future[None]:
        return self._writer.submit(lambda transaction: renew(transaction, claimed, lease_seconds))

    def go_on(
        self, claimed: Claimed, metadata: Mapping[str, Any], lease_seconds: float, entries: Sequence[Entry] = ()
    ) -> Future[Claimed]:
        return self._writer.submit(lambda transaction: go_on(transaction, claimed, metadata, lease_seconds, entries))

    def done(
        self,
        claimed: Claimed,
        entries: Sequence[Entry] = (),
        puts: Sequence[Put] = (),
        next_from: tuple[str, ...] = (),
        lease_seconds: float = 0.0,
    ) -> Future[list[Claimed]]:
        octets = sum(each.message.octets_in_memory for each in puts)
        return self._writer.submit(
            lambda transaction: done(transaction, claimed, entries, puts, next_from, lease_seconds),
            octets,
        )

    def later(self, claimed: Claimed, when: float, error: str = "") -> Future[None]:
        check_time(when)
        return self._writer.submit(lambda transaction: later(transaction, claimed, when, error))

    def failed(self, claimed: Claimed, error: str) -> Future[bool]:
        return self._writer.submit(lambda transaction: failed(transaction, claimed, error))

    def give_up(self, claimed: Claimed, error: str) -> Future[None]:
        return self._writer.submit(lambda transaction: give_up(transaction, claimed, error))

    def expire_held(self, days: Mapping[str, int], limit: int) -> Future[int]:
        return self._writer.submit(lambda transaction: desk.expire(transaction, days, limit))

    def full_lists(self, messages: int, octets: int) -> Future[frozenset[str]]:
        return self._reader.submit(desk.full_lists, self._connection.path, messages, octets)

    def close(self) -> None:
        self._reader.shutdown(cancel_futures=True)
        self._writer.close()
