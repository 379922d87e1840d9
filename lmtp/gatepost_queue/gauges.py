"""What waits, for the metrics' endpoint (gatepost_service.metrics.Gauges)."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field

from gatepost_queue.open import open_desk
from gatepost_service.metrics import Gauge


@dataclass(frozen=True)
class QueueGauges:
    """Looks into the queue at each call, and leaves it closed in between. Equal where the queue is the same."""

    url: str = field(repr=False)  # a password may be in it

    def __call__(self) -> list[Gauge]:
        """A figure for every queue, 0 where nothing waits. Raises QueueTrouble."""
        with closing(open_desk(self.url)) as desk:
            found = desk.figures(time.time())
        return [
            Gauge(
                "gatepost_queue_messages",
                "What waits: one for each list and sub-address that a message is for.",
                "queue",
                {figure.queue: figure.messages for figure in found},
            ),
            Gauge(
                "gatepost_queue_oldest_seconds",
                "How long ago the oldest of them came.",
                "queue",
                {figure.queue: figure.oldest_seconds for figure in found},
            ),
        ]
