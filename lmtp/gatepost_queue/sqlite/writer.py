"""The writer: one thread that does whatever is to be done to the file, and shares one commit among all that waits.

While a transaction goes to the disk, work piles up; the next transaction takes all of it. So the more there is to do,
the more is done by each fsync, and nothing ever waits for others to come. Work that fails on its own account is taken
out, and the rest goes on without it; trouble at the begin or the commit fails all that was in the transaction.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from gatepost_queue.errors import QueueError, QueueFull, QueueTrouble
from gatepost_queue.sqlite.connection import Connection, Transaction
from gatepost_queue.sqlite.copier import Copier

T = TypeVar("T")

# Octets of messages in memory that wait to be written: above ROOM, `Writer.room` is not resolved.
ROOM = 16 * 1024 * 1024
# Above this they are refused, unless the maker of the writer says otherwise.
MAX_WAITING = 256 * 1024 * 1024
# One transaction takes no more: what comes behind does not wait too long, and while it is written the next messages
# can come in. With 8 MiB, clients that send messages of 1 MB all wait for one commit, and then all send again.
BATCH_OCTETS = 2 * 1024 * 1024
BATCH_JOBS = 256
# What has no hurry goes with the next transaction, or alone after so many seconds.
LAZY_SECONDS = 0.2


class _Job:
    """Work, the Future of its result (nobody has that of lazy work), and the octets in memory that it brings."""

    def __init__(self, work: Callable[[Transaction], Any], octets: int = 0, *, lazy: bool = False) -> None:
        self.future: Future[Any] = Future()
        self.octets = octets
        self.lazy = lazy
        self._work = work
        self._result: Any = None
        self._refusal: QueueError | None = None

    def begin(self) -> bool:
        """From now on it can no longer be cancelled; False if it has been."""
        return self.lazy or self.future.set_running_or_notify_cancel()

    def run(self, transaction: Transaction) -> None:
        """Do it. A refusal that leaves the transaction as it was is a result too; whatever else goes wrong raises."""
        try:
            self._result, self._refusal = self._work(transaction), None
        except QueueTrouble:
            raise
        except QueueError as refusal:
            self._refusal = refusal

    def resolve(self) -> None:
        """Tell the result, which is on stable storage now."""
        if self._refusal is not None:
            self.future.set_exception(self._refusal)
        else:
            self.future.set_result(self._result)

    def fail(self, error: Exception) -> None:
        """Tell that nothing was done. Lazy work has nobody to tell, and gets another turn."""
        if not self.lazy:
            self.future.set_exception(error)


class Writer:
    """Takes work from any thread. Its own thread starts with the first work, and ends in `close`."""

    def __init__(self, connection: Connection, max_waiting: int) -> None:
        self._connection = connection
        self._copier = Copier(connection.path)
        self._max_waiting = max_waiting
        # Guards all that follows.
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._lazy: list[_Job] = []
        self._waiting = 0
        self._wait_for_room: list[Future[None]] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    def submit(self, work: Callable[[Transaction], T], octets: int = 0) -> Future[T]:
        """Do the work inside a transaction. Raises RuntimeError after `close`, and where no thread can be started."""
        job = _Job(work, octets)
        with self._changed:
            self._start()
            if self._waiting and self._waiting + octets > self._max_waiting:
                job.future.set_exception(QueueFull(f"{self._waiting} octets wait to be written already"))
                return job.future
            self._waiting += octets
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def submit_lazily(self, work: Callable[[Transaction], object]) -> None:
        """Do the work with the next transaction, or soon; if the file is in trouble, after that."""
        with self._changed:
            self._start()
            self._lazy.append(_Job(work, lazy=True))
            if len(self._lazy) == 1:
                self._changed.notify()

    def room(self) -> Future[None]:
        """Resolved as soon as no more than ROOM octets wait to be written."""
        future: Future[None] = Future()
        with self._changed:
            if self._waiting > ROOM:
                self._wait_for_room.append(future)
                return future
        future.set_result(None)
        return future

    def close(self) -> None:
        """Do what waits, then let go of the file."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        if self._closing:
            raise RuntimeError("the queue is closed")
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="queue-writer", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while self._turn():
            pass
        self._copier.close()
        self._connection.close()

    def _turn(self) -> bool:
        """One transaction, with all that waits for one; False when all is done and no more will come."""
        jobs = self._take()
        if not jobs:
            return False
        again = self._commit([job for job in jobs if job.begin()])
        octets = sum(job.octets for job in jobs)
        self._copier.wrote(octets)
        self._make_room(octets, again)
        return True

    def _make_room(self, octets: int, again: list[_Job]) -> None:
        """Count what was written as gone; let lazy work that could not be done wait again."""
        ready: list[Future[None]] = []
        with self._changed:
            if not self._closing:
                self._lazy[:0] = again
            self._waiting -= octets
            if self._waiting <= ROOM:
                ready, self._wait_for_room = self._wait_for_room, ready
        for future in ready:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def _take(self) -> list[_Job]:
        """Wait for work. Lazy work comes with other work, or when none has come for a while."""
        with self._changed:
            while not self._jobs and not self._closing:
                if not self._changed.wait(LAZY_SECONDS if self._lazy else None):
                    break
            taken, self._lazy = self._lazy, []
            octets = 0
            while self._jobs and len(taken) < BATCH_JOBS and octets < BATCH_OCTETS:
                taken.append(self._jobs.popleft())
                octets += taken[-1].octets
        return taken

    def _commit(self, jobs: list[_Job]) -> list[_Job]:
        """Do the jobs in one transaction, without those that spoil it; gives the lazy ones among these."""
        failed: list[_Job] = []
        while jobs:
            spoiler = None
            try:
                with self._connection.transaction() as transaction:
                    for spoiler in jobs:
                        spoiler.run(transaction)
                    spoiler = None
            except Exception as error:
                spoilt = jobs if spoiler is None else [spoiler]
                for job in spoilt:
                    job.fail(error)
                failed += spoilt
                jobs = [job for job in jobs if job not in spoilt]
            else:
                for job in jobs:
                    job.resolve()
                break
        return [job for job in failed if job.lazy]
