"""A store of an older version, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config

from gatepost_lists.store.versions import alembic_config, open_engine, store_url, without_foreign_keys


def migrate(file: Path, revision: str, run: Callable[[Config, str], None] = command.upgrade) -> None:
    """Bring a file, which must be there, up to a revision, or down."""
    engine = open_engine(store_url(file))
    with without_foreign_keys(engine) as connection, connection.begin():
        config = alembic_config()
        config.attributes["connection"] = connection
        run(config, revision)
