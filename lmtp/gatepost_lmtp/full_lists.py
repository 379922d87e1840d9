"""Which lists have so much held mail that they get no more of it, until somebody has decided about some.

Without that, whoever fills one list's held mail would fill the disk, and the mail of all lists would have to wait. The
queue is asked when a message is there for a list, once a second at most, and nobody waits for the answer: a list may
get somewhat more than its limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from gatepost_queue import Queue

# Seconds for which an answer of the queue's is good enough; where it takes long, so many times as long.
_FRESH = 1.0
_SHARE = 20


class Limits(NamedTuple):
    """What one list may have of held mail: messages, and octets; 0 for no limit."""

    messages: int
    octets: int


NO_LIMITS = Limits(0, 0)


class FullLists:
    """Asks the queue. limits: as the settings have them now. Belongs to one thread."""

    def __init__(self, queue: Queue, limits: Callable[[], Limits]) -> None:
        self._queue = queue
        self._limits = limits
        self._full: frozenset[str] = frozenset()
        self._asked_at = 0.0
        self._ask_at = 0.0

    def __call__(self) -> frozenset[str]:
        """The list_ids of those that were full a moment ago."""
        now = time.monotonic()
        if now >= self._ask_at:
            self._asked_at, self._ask_at = now, math.inf
            try:
                self._queue.full_lists(*self._limits()).add_done_callback(self._take)
            except RuntimeError:  # no thread to be had now
                self._ask_at = now + _FRESH
        return self._full

    def _take(self, answer: Future[frozenset[str]]) -> None:
        """In trouble what was known stays: whoever puts something into the queue tells of it."""
        if not answer.cancelled() and answer.exception() is None:
            self._full = answer.result()
        now = time.monotonic()
        self._ask_at = now + max(_FRESH, _SHARE * (now - self._asked_at))
