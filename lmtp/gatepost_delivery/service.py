"""Delivery as a part for the supervisor: runners for every queue, and one thread that looks after them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from gatepost_delivery.bell import Bell
from gatepost_delivery.handlers import SiteHandlers
from gatepost_delivery.holding import expire
from gatepost_delivery.lookups import Lookups
from gatepost_delivery.options import Options
from gatepost_delivery.outgoing import Pool
from gatepost_delivery.refusals import Refusals
from gatepost_delivery.runner import LEASE, Claims, Runner
from gatepost_delivery.troubles import Troubles
from gatepost_lists.errors import StoreError
from gatepost_queue import LeaseLost, QueueTrouble
from gatepost_service.log import get_logger, reason
from gatepost_service.metrics import Gauges
from gatepost_service.part import GRACE, Part, Worker
from gatepost_service.sockets import ListenAddress
from gatepost_service.worker import watched

# Two for posts: a slow answer about a DMARC policy or a key holds up one of them.
_RUNNERS = (("in", 2), ("command", 1), ("bounces", 1))
# Seconds between two looks at the queue, two looks for dead processes' claims, two renewals of the leases, two looks
# through held mail.
_LOOK = 0.1
_RECOVER = 10.0
_RENEW = LEASE / 4
_EXPIRE = 600.0

_log = get_logger("delivery")


class DeliveryService:
    """All of delivery in one worker process."""

    def __init__(self, worker: Worker, read_options: Callable[[], Options]) -> None:
        self._worker = worker
        self._read_options = read_options
        self._options = read_options()
        self._queue = self._options.open_queue()
        self._pool = self._options.open_pool()
        self._lookups = Lookups(self._options.nameservers)
        self._refusals = Refusals()
        self._bell = Bell()
        self._claims = Claims()
        self._troubles = Troubles()
        self._stopping = threading.Event()
        self._runners = [
            Runner(
                f"{name}-{number + 1}",
                queues,
                self._queue,
                self._claims,
                self._bell,
                self._troubles,
                self._make_handlers,
            )
            for name, queues, count in self._lanes()
            for number in range(count)
        ]

    def _lanes(self) -> list[tuple[str, tuple[str, ...], int]]:
        lanes = [(name, (name,), count) for name, count in _RUNNERS]
        return [*lanes, ("out", ("out", "retry"), self._options.connections)]

    def _make_handlers(self) -> SiteHandlers:
        return SiteHandlers(
            self._options, self._pool, self._lookups, self._worker.tally, self._refusals, self._stopping
        )

    def run(self) -> None:
        """Deliver until told to stop."""
        for runner in self._runners:
            runner.start()
        self._worker.ready()
        self._look_after()
        self._end()

    def stop(self) -> None:
        """Begin to stop: what is under way is ended, and nothing more is begun."""
        for runner in self._runners:
            runner.stop()
        self._stopping.set()
        self._bell.ring()

    def reload(self) -> None:
        """Read the settings again. The queue, and the number of connections, stay as they were."""
        self._options = self._read_options()
        self._lookups = Lookups(self._options.nameservers)
        old, self._pool = self._pool, self._options.open_pool()
        for runner in self._runners:
            runner.renew_handlers()
        self._bell.ring()
        _closing(old)

    def _look_after(self) -> None:
        desk = self._options.open_desk()
        recover_at = renew_at = expire_at = 0.0
        while not self._stopping.wait(_LOOK):
            now = time.monotonic()
            if desk.has_changed():
                self._bell.ring()
            if now >= recover_at:
                recover_at = now + _RECOVER
                self._recover()
            if now >= renew_at:
                renew_at = now + _RENEW
                self._renew()
            if now >= expire_at:
                expire_at = now + _EXPIRE
                self._expire()
        desk.close()

    def _recover(self) -> None:
        with suppress(QueueTrouble):  # the runners tell it
            if free := self._queue.recover().result():
                _log.info("took over from a process that is gone", entries=free)
                self._bell.ring()

    def _renew(self) -> None:
        for claimed in self._claims.held():
            with suppress(QueueTrouble, LeaseLost):  # who has it is told when it is settled
                self._queue.renew(claimed, LEASE).result()

    def _expire(self) -> None:
        try:
            expire(self._queue, self._options.open_store, self._stopping.is_set)
        except (StoreError, QueueTrouble, OSError) as error:
            _log.warning("held mail was not looked through", **reason(error))

    def _end(self) -> None:
        until = time.monotonic() + GRACE
        ended = [runner.has_ended(max(0.0, until - time.monotonic())) for runner in self._runners]
        if not all(ended):
            _log.warning("transactions cut off", part="delivery", seconds=GRACE)
            return  # the kernel ends them; what they had is taken up by the next process
        self._queue.close()
        _closing(self._pool).join(max(0.0, until - time.monotonic()))


def _closing(pool: Pool) -> threading.Thread:
    """Close it in a thread of its own: a mail server may let one wait for its goodbye."""
    thread = threading.Thread(target=pool.close, name="closing connections", daemon=True)
    thread.start()
    return thread


def delivery_part(
    workers: int, metrics: ListenAddress | None, options: Callable[[], Options], gauges: Sequence[Gauges] = ()
) -> Part:
    """Delivery as a part to run. options reads the settings, at start and at each HUP."""

    def serve(worker: Worker) -> None:
        service = DeliveryService(worker, options)
        worker.on_stop(service.stop)
        worker.on_reload(service.reload)
        with watched(worker):
            service.run()

    return Part(name="delivery", listen=(), serve=serve, workers=workers, metrics=metrics, gauges=gauges)
