"""A runner: a thread that claims entries, one at a time, has them handled, and settles them.

- What a handler made is kept in one transaction with the end of its entry: a runner that dies has done it whole, or
  another does it again.
- Trouble of ours (lists or queue that cannot be used) is not the message's: it is tried later, and never counts.
- Any other exception is a failure of the entry: the queue shunts it after the third, and nothing else waits for it.
- The next entry is claimed in the transaction that ends the one before: half the commits. While an entry is handled,
  its runner has no other.
- What became of an entry is kept as soon as that is possible: what has been sent is not sent again because the disk was
  full for a while.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from gatepost_delivery.bell import Bell
from gatepost_delivery.troubles import TROUBLES, Troubles
from gatepost_delivery.values import Done, Handler, Later
from gatepost_queue import Claimed, Entry, LeaseLost, Queue, QueueTrouble
from gatepost_service.log import get_logger

T = TypeVar("T")

# Seconds that a claim lasts unless it is renewed, which the service does long before. Those of a process that is dead
# end at once (`recover`); so this is for how long the queue may be out of reach without a second claim.
LEASE = 600.0
# Seconds after which work is looked for though no bell has rung: what waited for its time has no other way to tell.
IDLE = 2.0
# Seconds that an entry waits, and a runner too, after trouble of ours.
TROUBLE_PAUSE = 5.0
# Seconds between attempts to keep what became of an entry.
SETTLE_PAUSE = 1.0

_log = get_logger("delivery")


class Handlers(Protocol):
    """The handlers of one runner, made in its own thread: by queue."""

    def __getitem__(self, queue: str) -> Handler: ...

    def close(self) -> None:
        """Let go of what they hold."""


class Claims:
    """What the runners of one process have, so that the leases can be renewed. May be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, Claimed] = {}

    def add(self, claimed: Claimed) -> None:
        """A runner has it."""
        with self._lock:
            self._held[claimed.id] = claimed

    def remove(self, claimed: Claimed) -> None:
        """It has been settled."""
        with self._lock:
            self._held.pop(claimed.id, None)

    def held(self) -> list[Claimed]:
        """All that is held now."""
        with self._lock:
            return list(self._held.values())


class Runner:
    """Has a thread of its own, which works until it is told to stop, and then ends after the entry that it has.

    queues: those whose entries it takes, in turn. make: its handlers, by the settings as they are now; called again
    after `renew_handlers`.
    """

    def __init__(
        self,
        name: str,
        queues: Sequence[str],
        queue: Queue,
        claims: Claims,
        bell: Bell,
        troubles: Troubles,
        make: Callable[[], Handlers],
    ) -> None:
        self._name = name
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._queues = list(queues)
        self._queue = queue
        self._claims = claims
        self._bell = bell
        self._make = make
        self._handlers: Handlers | None = None
        self._old = threading.Event()
        self._stopping = threading.Event()
        self._troubles = troubles
        self._next: list[Claimed] = []

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more; the bell must be rung afterwards."""
        self._stopping.set()

    def has_ended(self, within: float) -> bool:
        """Wait for its end, for so many seconds at the most; whether it has ended."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def renew_handlers(self) -> None:
        """Make the handlers anew before the next entry."""
        self._old.set()

    def _run(self) -> None:
        while self._next or not self._stopping.is_set():
            heard = self._bell.rings
            try:
                busy = self._turn()
                self._troubles.ends(self._name)
            except Exception as error:
                busy = False
                self._tell_trouble(error)
                if self._stopping.wait(TROUBLE_PAUSE):
                    break  # what it may still have is free when the process has ended
            if not busy:
                self._bell.wait(heard, IDLE)
        self._close_handlers()

    def _turn(self) -> bool:
        """Deal with one entry; False if none is due."""
        if self._old.is_set():
            self._old.clear()
            self._close_handlers()
        handlers = self._handlers = self._handlers or self._make()
        due, self._next = self._next or self._queue.claim(tuple(self._queues), self._name, LEASE).result(), []
        for claimed in due:
            # The others' turn comes first next time.
            self._queues.append(self._queues.pop(self._queues.index(claimed.queue)))
            self._handle(handlers[claimed.queue], claimed)
        return bool(due)

    def _handle(self, handler: Handler, claimed: Claimed) -> None:
        self._claims.add(claimed)
        try:
            made = handler(claimed, lambda metadata, entries: self._go_on(claimed, metadata, entries))
        except LeaseLost as error:
            _tell_lost(claimed, error)
        except TROUBLES as error:
            self._settle(claimed, Later(time.time() + TROUBLE_PAUSE, f"{type(error).__name__}: {error}"))
            raise
        except Exception as error:
            self._fail(claimed, error)
        else:
            self._settle(claimed, made)
        finally:
            self._claims.remove(claimed)

    def _go_on(self, claimed: Claimed, metadata: Mapping[str, Any], entries: Sequence[Entry]) -> Claimed:
        return self._queue.go_on(claimed, metadata, LEASE, entries).result()

    def _settle(self, claimed: Claimed, made: Done | Later) -> None:
        if isinstance(made, Later):
            self._keep(claimed, lambda: self._queue.later(claimed, made.when, made.error))
        else:
            self._next = self._keep(claimed, lambda: self._done(claimed, made)) or []
            for following in self._next:
                self._claims.add(following)

    def _done(self, claimed: Claimed, made: Done) -> Future[list[Claimed]]:
        wanted = () if self._stopping.is_set() else tuple(self._queues)
        return self._queue.done(claimed, made.entries, made.puts, wanted, LEASE)

    def _fail(self, claimed: Claimed, error: Exception) -> None:
        story = traceback.format_exc()
        shunted = self._keep(claimed, lambda: self._queue.failed(claimed, story))
        if shunted is not None:
            _log.error(
                "shunted" if shunted else "failed",
                id=claimed.trace,
                entry=claimed.id,
                queue=claimed.queue,
                list=claimed.listid,
                why=f"{type(error).__name__}: {error}",
            )

    def _keep(self, claimed: Claimed, settle: Callable[[], Future[T]]) -> T | None:
        """Settle an entry, however long the queue cannot be written; None for a claim that is somebody else's now.

        Raises QueueTrouble if it is time to stop before that.
        """
        while True:
            try:
                return settle().result()
            except LeaseLost as error:
                _tell_lost(claimed, error)
                return None
            except QueueTrouble as error:
                self._tell_trouble(error)
                if self._stopping.wait(SETTLE_PAUSE):
                    raise

    def _close_handlers(self) -> None:
        if self._handlers is not None:
            self._handlers.close()
            self._handlers = None

    def _tell_trouble(self, error: Exception) -> None:
        self._troubles.begins(self._name, error)
        self._close_handlers()


def _tell_lost(claimed: Claimed, error: LeaseLost) -> None:
    _log.warning("a claim was lost", id=claimed.trace, entry=claimed.id, why=str(error))
