"""The values that a service is made of: `Part`, what is served, and `Worker`, one process that serves it."""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gatepost_service import log
from gatepost_service.accept import Load
from gatepost_service.metrics import Gauges, Tally
from gatepost_service.report import Reporter
from gatepost_service.sockets import ListenAddress, address_of, open_listeners

GRACE = 4.0  # s that the transactions under way have after TERM
LAST_RESORT = 0.6  # s after that, the kernel ends a process that hangs in its end
_log = log.get_logger()


def _open_all(part: "Part") -> Sequence[socket.socket]:
    return open_listeners(part.listen)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of gatepost that runs: the policy service, the milter …

    `serve` runs in each worker process until that is told to stop, and must call `worker.ready()` when it answers.
    `open` opens the listeners before the workers are forked (raises ListenError); it may open sockets that are not
    Python's and give none. `alive` runs in a worker: whether it could answer a question now (systemd's watchdog).
    `gauges` are served with the metrics; those that several parts have are served once. `names` are those under which
    it answers, each with how many of `listen` are for it; by default all are for `name`.
    """

    name: str
    listen: tuple[ListenAddress, ...]
    serve: Callable[["Worker"], None]
    workers: int = 1
    open: Callable[["Part"], Sequence[socket.socket]] = _open_all
    metrics: ListenAddress | None = None
    alive: Callable[[], bool] | None = None
    gauges: Sequence[Gauges] = ()
    names: tuple[tuple[str, int], ...] = ()

    def ready_line(self, listeners: Sequence[socket.socket]) -> str:
        """What is printed when all workers answer: a line for each name, with the addresses really bound."""
        addresses = [str(address_of(listener)) for listener in listeners] or [str(address) for address in self.listen]
        lines = []
        for name, count in self.names or ((self.name, len(addresses)),):
            where, addresses = ", ".join(addresses[:count]), addresses[count:]
            lines.append(f"{name} ready on {where}" if where else f"{name} ready")
        return "\n".join(lines)


class Worker:
    """One process that serves a part: what it was given, and what it tells the process above it.

    Made by the supervisor; `serve` gets it. Callbacks run in the event loop, or in the thread of `worker.watched`.
    """

    def __init__(
        self,
        part: Part,
        index: int,
        listeners: Sequence[socket.socket],
        load: Load,
        tally: Tally,
        reporter: Reporter,
        *,
        announce: bool,
        beat_every: float,
    ) -> None:
        self.part = part
        self.index = index
        self.listeners = listeners
        """In the order of `part.listen`."""
        self.load = load
        self.tally = tally
        self.reporter = reporter
        self.stopping = False
        self._announce = announce
        self._is_ready = False
        self._beat_every = beat_every
        self._beat_at = 0.0
        self._stop: list[Callable[[], object]] = []
        self._reload: list[Callable[[], object]] = []

    def ready(self) -> None:
        """This worker answers."""
        if self._is_ready:
            return
        self._is_ready = True
        line = self.part.ready_line(self.listeners)
        if self._announce:
            say(line)
        self.reporter.ready(line)

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Call it, once, when this worker is told to stop; at once if it has been."""
        self._stop.append(callback)
        if self.stopping:
            callback()

    def on_reload(self, callback: Callable[[], object]) -> None:
        """Call it whenever the settings are to be read again."""
        self._reload.append(callback)

    def stop(self) -> None:
        """Begin to stop."""
        if self.stopping:
            return
        self.stopping = True
        self.count_down()
        self.reporter.stopping()
        self._call(self._stop)

    def count_down(self) -> None:
        """From now on the kernel counts: a process that hangs in its end is ended by SIGALRM."""
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, GRACE + LAST_RESORT)

    def ended(self) -> None:
        """The service has ended in time; the process may go on."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def reload(self) -> None:
        """Open the log anew and read the settings again."""
        self.reporter.reloading()
        log.reopen()
        self._call(self._reload)
        if self._is_ready:
            self.reporter.ready(self.part.ready_line(self.listeners))

    def tick(self) -> None:
        """What is due now and then: counts, log lines, a sign of life. Call it every metrics.PUBLISH_EVERY seconds."""
        self.tally.publish()
        log.flush()
        now = time.monotonic()
        if self._beat_every and self._is_ready and now >= self._beat_at:
            self._beat_at = now + self._beat_every
            if self._is_alive():
                self.reporter.beat()

    def _call(self, callbacks: Sequence[Callable[[], object]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _log.exception("trouble at a signal", part=self.part.name)

    def _is_alive(self) -> bool:
        try:
            return self.part.alive is None or self.part.alive()
        except Exception:
            _log.exception("probe failed", part=self.part.name)
            return False


def say(line: str) -> None:
    """A line for whoever started this program, on standard error, whatever the log's form and place."""
    with suppress(OSError):
        os.write(2, f"{line}\n".encode("utf-8", "backslashreplace"))
