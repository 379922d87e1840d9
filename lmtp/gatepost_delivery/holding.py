"""Held mail: what becomes of it when nobody decides.

What has waited for a list's max_days_to_hold goes back to its handler, which throws it away and tells whom the rules of
notices let it. So it is done once, however many processes deliver. Days count by the clock, but
for what it was set by meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatepost_lists.store.admin import Store
    from gatepost_queue import Queue

# So many at a time: nobody who wants the queue waits long.
_BATCH = 100


def nobody_decided(days: int) -> str:
    """The reason, as people are told it."""
    return f"No moderator has decided about it in {days} days."


def expire(queue: Queue, open_store: Callable[[], Store], is_stopping: Callable[[], bool]) -> None:
    """Send on what has waited too long. Raises StoreError, QueueTrouble."""
    with closing(open_store()) as store:
        days = store.days_to_hold()
    while days and not is_stopping():
        if queue.expire_held(days, _BATCH).result() < _BATCH:
            break
