"""Making a queue's file, and bringing an older one up to SCHEMA_VERSION.

alembic, SQLAlchemy and the revisions are loaded only where there is something to migrate.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gatepost_queue.errors import QueueTrouble
from gatepost_queue.sqlite.connection import BUSY_SECONDS, no_queue, trouble
from gatepost_queue.sqlite.schema_version import SCHEMA_VERSION, VERSION_TABLE
from gatepost_service.ownership import make_file

# Octets. A message of 1 MB is written in half the time that it takes in SQLite's usual pages of 4 KiB.
PAGE_SIZE = 16384
# Who may read it is for the umask to say; those who are neither owner nor group never may.
MODE = 0o660
MIGRATIONS = Path(__file__).parent / "migrations"


def create(path: Path) -> bool:
    """Make an empty queue, and the folders that it is in; True if it was not there before.

    One that is there stays as it is, or is upgraded, in one transaction. Raises QueueTrouble.
    """
    try:
        make_file(path, MODE)
        with closing(_connect(path)) as connection:
            version = _version(connection, path)
        if version != SCHEMA_VERSION:
            _migrate(path, version)
    except (sqlite3.Error, OSError) as error:
        raise trouble(path, error) from error
    return version is None


def make_ready(path: Path) -> bool:
    """What a service that starts does: upgrade the queue that is there, or make one; True if it was not there before.

    None is made in a folder that is empty or not there, which may be the place of a disk that is not mounted: what was
    put into that queue would be out of sight with the disk, and the messages that are on it would wait. Raises as
    create does.
    """
    if not path.exists() and not _holds_anything(path.parent):
        raise QueueTrouble(
            f"{path}: there is no queue, and its folder is empty or not there: is a disk not mounted?",
            "if there is to be a new one, make it with: gatepost init",
        )
    return create(path)


def _holds_anything(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # of a new file; it changes no other
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> str | None:
    """The revision that the file says it is of; None for an empty one."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if VERSION_TABLE in tables:
        found = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
        return None if found is None else str(found[0])
    if tables:
        raise no_queue(path, is_empty=False)
    return None


def _migrate(path: Path, version: str | None) -> None:
    import sqlalchemy as sa  # noqa: PLC0415 - slow to load, and hardly ever needed
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = alembic_config()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise QueueTrouble(
            f"{path}: a newer gatepost made this queue",
            f"its schema is {version}, and known here is {SCHEMA_VERSION}: use a newer gatepost",
        )
    engine = sa.create_engine("sqlite://", creator=lambda: _connect(path), poolclass=sa.NullPool)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.DBAPIError as error:
        raise trouble(path, error.orig if isinstance(error.orig, sqlite3.Error) else OSError(str(error))) from error


def alembic_config() -> Any:
    """alembic's configuration for the queue's migrations: no file, no logging set up."""
    from alembic.config import Config  # noqa: PLC0415 - slow to load, and hardly ever needed

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
