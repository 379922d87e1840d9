"""Noticing that something in the queue has changed, whoever changed it, at the price of one read.

SQLite counts the changes of others in its data_version.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gatepost_queue.connection import open_file


class Watch:
    """Watches a queue's file. Belongs to one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen = -1

    def has_changed(self) -> bool:
        """Whether anything has been written since the last call; True, too, at the first and after any trouble."""
        try:
            if self._connection is None:
                self._connection = open_file(self._path)
            seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except Exception:
            # Whoever looks for work then is told what the trouble is.
            self.close()
            return True
        before, self._seen = self._seen, seen
        return bool(before != seen)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._seen = -1
