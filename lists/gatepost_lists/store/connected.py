"""An open store: its engine, its transactions, and what sees one state of it.

Every method of a store is either a change, inside `transaction()`, or a look, inside `_looking()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from gatepost_lists.store.versions import READING, named_trouble, ready_engine, store_url

# A transaction that only reads sees the state of its first look, not of its beginning.
_FIRST_LOOK = "SELECT 1 FROM alembic_version"


class Connected:
    """A store that is there, open for one thread."""

    def __init__(self, store: str | Path) -> None:
        """Open `sqlite:///PATH`, or the path itself, and upgrade it where its schema is older.

        Raises StoreReadOnlyError for other URLs, StoreTroubleError when it is missing, newer, or no store.
        """
        self.url = store_url(store)
        self._engine = ready_engine(self.url)
        self._reading = self._engine.execution_options(**{READING: True})
        self._connection: sa.Connection | None = None
        self._snapshot: sa.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Make all changes inside one: they are kept together, or, if it raises, not at all."""
        if self._connection is not None:
            with self._connection.begin_nested():
                yield self._connection
            return
        with named_trouble(self.url), self._engine.begin() as connection:
            self._connection = connection
            try:
                yield connection
            finally:
                self._connection = None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all looks inside see one state, whatever is changed meanwhile, here or by others; no writer waits.

        It keeps SQLite's log from being cut short: do not stay in it for longer than a few seconds.
        """
        if self._connection is not None or self._snapshot is not None:
            yield
            return
        with named_trouble(self.url), self._reading.begin() as connection:
            connection.exec_driver_sql(_FIRST_LOOK)
            self._snapshot = connection
            try:
                yield
            finally:
                self._snapshot = None

    @contextmanager
    def _looking(self) -> Iterator[sa.Connection]:
        if (connection := self._connection or self._snapshot) is not None:
            yield connection
            return
        with named_trouble(self.url), self._reading.begin() as connection:
            yield connection
