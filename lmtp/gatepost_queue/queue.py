"""The queue, for services: any thread may call any method, none of them blocks, and what they give is a Future.

    queue = open_queue("sqlite:////var/lib/gatepost/queue.db")
    ids = await asyncio.wrap_future(queue.put(message, entries))  # in an event loop
    ids = queue.put(message, entries).result()  # in a thread

A Future is resolved when what it stands for is on stable storage. It raises QueueFull or QueueTrouble (nothing of it is
kept; the queue mends itself when the room or the file is back), or LeaseLost for a claim that is no longer one's own.
A Future that is cancelled before its turn has come leaves nothing behind; later it can no longer be cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from gatepost_queue import claims, deliveries, follow_ups, listing, puts, upkeep
from gatepost_queue.clock import Clock
from gatepost_queue.connection import Connection, Transaction
from gatepost_queue.errors import NoEngine
from gatepost_queue.values import Claimed, Delivery, Entry, Message, Put, check_time
from gatepost_queue.writer import MAX_WAITING, Writer


class Queue:
    """A queue in a SQLite file. Nothing is opened before the first call: it may be made before a fork."""

    def __init__(self, path: str | Path, *, clock: Clock | None = None, max_waiting: int = MAX_WAITING) -> None:
        """`max_waiting`: octets of messages in memory that may wait to be written before `put` raises QueueFull."""
        self._connection = Connection(Path(path), clock)
        self._writer = Writer(self._connection, max_waiting)
        self._reader = ThreadPoolExecutor(1, "queue-reader")

    def put(
        self, message: Message, entries: Sequence[Entry], delivery: Delivery | None = None
    ) -> Future[tuple[int | None, ...]]:
        """Keep a message with all its entries, or nothing of it; gives the entries' ids.

        With `delivery`, an entry all of whose recipients got the same octets from the same sender within the last
        day, in a delivery that was lost, is not queued again: its id is None. Call `confirm` or `lost` afterwards.
        Raises ValueError where there is no entry.
        """
        if not entries:
            raise ValueError("a message must be for somebody")
        return self._writer.submit(
            lambda transaction: puts.put(transaction, message, tuple(entries), delivery),
            message.octets_in_memory,
        )

    def room(self) -> Future[None]:
        """Resolved as soon as so little waits to be written that the next message can be asked for (354)."""
        return self._writer.room()

    def confirm(self, delivery: Delivery) -> None:
        """The client's next command has come: it has the replies. What it sends again, it sends on purpose."""
        self._writer.submit_lazily(lambda transaction: deliveries.confirm(transaction, delivery))

    def lost(self, delivery: Delivery) -> Future[None]:
        """The connection broke before the client's next command; may be called before `put` has ended.

        What cannot be kept in mind at once, because of trouble, is when that is over.
        """

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
        """Take up to `limit` entries that are due, the oldest first; nobody else gets them before the lease expires.

        Of several queues it is the first one that has any. Fewer come when their contents are big; an entry that has
        failed before comes alone.
        """
        return self._writer.submit(lambda transaction: claims.claim(transaction, queues, runner, lease_seconds, limit))

    def recover(self) -> Future[int]:
        """Free at once what runners had whose processes are dead; gives the number of those entries."""
        return self._writer.submit(claims.recover)

    def renew(self, claimed: Claimed, lease_seconds: float) -> Future[None]:
        """Let the lease last `lease_seconds` from now."""
        return self._writer.submit(lambda transaction: claims.renew(transaction, claimed, lease_seconds))

    def go_on(
        self, claimed: Claimed, metadata: Mapping[str, Any], lease_seconds: float, entries: Sequence[Entry] = ()
    ) -> Future[Claimed]:
        """Keep how far the runner has come with an entry: its metadata from now on, and further ones of its message.

        The lease lasts `lease_seconds` from now; gives the claim as it is then.
        """
        return self._writer.submit(
            lambda transaction: follow_ups.go_on(transaction, claimed, metadata, lease_seconds, entries)
        )

    def done(
        self,
        claimed: Claimed,
        entries: Sequence[Entry] = (),
        puts: Sequence[Put] = (),
        next_from: tuple[str, ...] = (),
        lease_seconds: float = 0.0,
    ) -> Future[list[Claimed]]:
        """The entry has been dealt with: forget it, and the message with its last entry.

        What follows from it is kept in the same transaction: further entries of its message, and new messages. In that,
        too, its runner gets its next entry, or none, as by `claim`, from the queues `next_from`.
        """
        octets = sum(put.message.octets_in_memory for put in puts)
        return self._writer.submit(
            lambda transaction: follow_ups.done(transaction, claimed, entries, puts, next_from, lease_seconds),
            octets,
        )

    def later(self, claimed: Claimed, when: float, error: str = "") -> Future[None]:
        """Give the entry back, to be claimed from `when` on; that is no failure of the handler. Raises ValueError."""
        check_time(when)
        return self._writer.submit(lambda transaction: claims.later(transaction, claimed, when, error))

    def failed(self, claimed: Claimed, error: str) -> Future[bool]:
        """The handler raised; `error` is its traceback. The third time the entry is shunted: True."""
        return self._writer.submit(lambda transaction: claims.failed(transaction, claimed, error))

    def give_up(self, claimed: Claimed, error: str) -> Future[None]:
        """Shunt the entry: it waits until somebody looks at it."""
        return self._writer.submit(lambda transaction: claims.give_up(transaction, claimed, error))

    def expire_held(self, days: Mapping[str, int], mark: str, queues: Mapping[str, str], limit: int) -> Future[int]:
        """Send on what has been held for its list's days, at most `limit` entries; gives how many (upkeep.expire)."""
        return self._writer.submit(lambda transaction: upkeep.expire(transaction, days, mark, queues, limit))

    def full_lists(self, messages: int, octets: int) -> Future[frozenset[str]]:
        """The list_ids of those lists that have as many held messages, or octets of them; 0 for any number.

        It is read beside all that is written, which does not wait for it. Raises RuntimeError where no thread can be
        started.
        """
        return self._reader.submit(listing.full_lists, self._connection.path, messages, octets)

    def close(self) -> None:
        """Write what waits, then let go of the file. Nothing can be submitted afterwards."""
        self._reader.shutdown(cancel_futures=True)
        self._writer.close()


def path_of(url: str) -> Path:
    """The file in `sqlite:///RELATIVE` or `sqlite:////ABSOLUTE`. Raises NoEngine for what no engine serves."""
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        # The scheme is all that is told of a URL: a password may be in the rest.
        raise NoEngine(f"no engine for a queue in {url.partition(':')[0]}:…", "use sqlite:///PATH")
    return Path(path)


def open_queue(url: str) -> Queue:
    """The queue of a URL, which versions.create must have made; trouble shows at the first call. Raises NoEngine."""
    return Queue(path_of(url))
