"""The bell: wakes runners that have found nothing to do, because there may be something now."""

from __future__ import annotations

import threading


class Bell:
    """Rung by any thread, heard by all that wait. A ring between two waits is not missed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it has been rung; to be handed to `wait`, read before one looks for work."""
        return self._rings

    def ring(self) -> None:
        """Wake everybody."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return when it has been rung more than `heard` times, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings != heard, seconds)
