"""Turns for clients that send much: one after the other, and between two of them everybody else is answered.

Left alone, an event loop reads up to two megabytes from a connection before it looks at the next one: eight big
messages, or one client with thousands of commands, keep a small one waiting for seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Those who wait for their turn, in one event loop; each turn of the loop lets one of them go on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Callable[[], object]] = deque()
        self._going_on = False

    def wait(self, go_on: Callable[[], object]) -> None:
        """Call go_on when it is its turn; it may wait for another one then."""
        self._waiting.append(go_on)
        if not self._going_on:
            self._going_on = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        try:
            self._waiting.popleft()()
        finally:
            self._going_on = bool(self._waiting)
            if self._going_on:
                self._loop.call_soon(self._next)
