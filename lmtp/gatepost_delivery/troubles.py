"""Telling of trouble of ours once, however many runners of a process have it, and once when none has any more."""

from __future__ import annotations

import threading

from gatepost_lists import DirectoryTrouble
from gatepost_lists.errors import StoreTroubleError
from gatepost_queue import QueueError, QueueTrouble
from gatepost_service.log import get_logger, reason

# What is not the fault of a message, and passes.
TROUBLES = (DirectoryTrouble, StoreTroubleError, QueueTrouble, OSError)

_log = get_logger("delivery")


class Troubles:
    """Which runner has which kind of trouble. May be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_runner: dict[str, type[Exception]] = {}

    def begins(self, runner: str, error: Exception) -> None:
        """A runner cannot go on. It is told unless one has this kind of trouble already."""
        with self._lock:
            is_known = type(error) in self._by_runner.values()
            self._by_runner[runner] = type(error)
            if not is_known:
                is_odd = not isinstance(error, (*TROUBLES, QueueError))
                _log.error("cannot go on", runner=runner, **reason(error, named=True), exc_info=is_odd)

    def ends(self, runner: str) -> None:
        """A runner has gone on. It is told when all have."""
        if not self._by_runner:
            return
        with self._lock:
            if self._by_runner.pop(runner, None) is not None and not self._by_runner:
                _log.info("goes on")
