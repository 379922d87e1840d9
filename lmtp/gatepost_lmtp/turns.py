"""Turns for clients that send much: one after the other, and between two of them everybody else is answered.

Left alone, an event loop reads up to two megabytes from a connection before it looks at the next one, and eight big
messages keep a small one waiting for a second.
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

    def wait(self, go_on: Callable[[], object]) -> None:
        """Call go_on when it is its turn."""
        if not self._waiting:
            self._loop.call_soon(self._next)
        self._waiting.append(go_on)

    def _next(self) -> None:
        self._waiting.popleft()()
        if self._waiting:
            self._loop.call_soon(self._next)
