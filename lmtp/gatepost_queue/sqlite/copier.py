"""The copier: copies SQLite's log into the queue's file while the writer goes on to write.

SQLite does that by itself when the log is long enough (connection.py), in the writer's thread, which takes a third of
the time of big messages. So most of it is done before, beside the writer. Nothing depends on it: what is not copied
here, or cannot be, the writer copies, and tells what is wrong.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from gatepost_queue.errors import QueueTrouble
from gatepost_queue.sqlite.connection import open_file

# So many octets are written before they are copied.
COPY_OCTETS = 4 * 1024 * 1024
# At this length of the log, below SQLite's own, the rest is copied in the writer's thread: only when nothing is left to
# copy can the log begin anew.
LONG = 3 * COPY_OCTETS
# The writer waits when it is so far ahead, or the log would grow without end on a slow disk.
AHEAD = 2 * COPY_OCTETS


class Copier:
    """Belongs to one writer, whose thread calls its methods. Each time has a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copied = 0  # the length of the log when it was copied last
        self._octets = 0  # written since then
        self._thread: threading.Thread | None = None

    def wrote(self, octets: int) -> None:
        """The log has so many octets more, at least."""
        self._octets += octets
        if self._octets >= AHEAD:
            self.close()
        if self._octets < COPY_OCTETS or (self._thread is not None and self._thread.is_alive()):
            return
        is_long = self._copied + self._octets >= LONG
        self._copied = self._octets = 0
        if is_long:
            self._copy()
            self._copied = 0
            return
        thread = threading.Thread(target=self._copy, name="queue-copier", daemon=True)
        with suppress(RuntimeError):  # no more threads here
            thread.start()
            self._thread = thread

    def close(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.join()

    def _copy(self) -> None:
        # What is wrong here is wrong for the writer too.
        with suppress(sqlite3.Error, OSError, QueueTrouble), closing(open_file(self._path)) as connection:
            [(page_size,)] = connection.execute("PRAGMA page_size")
            # PASSIVE: nobody has to wait for it. The answer tells how many pages are in the log.
            [(_, pages, _)] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._copied = pages * page_size
