"""The store's engine and the version of its schema: opening, making and upgrading.

A SQLite file is opened in WAL mode with synchronous=FULL and foreign keys on, and is never made by opening it.
alembic and its revisions are loaded only where there is something to migrate.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from gatepost_lists.errors import BadUrlError, StoreReadOnlyError, StoreTroubleError
from gatepost_lists.open import path_of
from gatepost_lists.store.schema_version import SCHEMA_VERSION

BUSY_SECONDS = 10
# Who may read it is for the umask to say; those who are neither owner nor group never may.
MODE = 0o660
MIGRATIONS = Path(__file__).parent / "migrations"
# An engine's option: its transactions only read, and so never wait for one that writes.
READING = "gatepost_reading"


def store_url(store: str | Path) -> sa.URL:
    """The URL of a store that is named by a URL, or by the path of its SQLite file.

    Raises StoreReadOnlyError where gatepost cannot make changes, BadUrlError for one that names no file.
    """
    if isinstance(store, Path) or ":" not in store:
        return sa.URL.create("sqlite", database=str(store))
    if not store.startswith("sqlite:"):
        scheme = store.partition(":")[0]
        raise StoreReadOnlyError(
            f"lists in {scheme}:… are only read here, never changed", "change them where they are kept"
        )
    path = path_of(store)
    if not path:
        raise BadUrlError(f"{store!r} names no file; expected sqlite:///PATH")
    return sa.URL.create("sqlite", database=path)


def open_engine(url: sa.URL) -> sa.Engine:
    """An engine whose transactions hold the write lock from their first moment, unless they only read."""
    path = Path(url.database or "")

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = sa.create_engine(url, creator=connect)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def named_trouble(url: sa.URL) -> Iterator[None]:
    """Turn whatever the database complains of into a StoreTroubleError that names the store."""
    name = url.render_as_string(hide_password=True) if url.host else url.database
    try:
        yield
    except sa.exc.DBAPIError as error:
        said = str(error.orig)
        if "database is locked" in said:
            said = f"another process has been changing it for over {BUSY_SECONDS} s"
        raise StoreTroubleError(f"{name}: {said}") from error
    except sqlite3.Error as error:
        raise StoreTroubleError(f"{name}: {error}") from error


def ready_engine(url: sa.URL) -> sa.Engine:
    """The engine of a store that is there, upgraded if it is of an older version.

    Raises StoreTroubleError when there is none, it is no store of gatepost's, or a newer gatepost made it.
    """
    if not Path(url.database or "").exists():
        raise StoreTroubleError(f"{url.database}: there is no such store", "make it with: gatepost init")
    engine = open_engine(url)
    with named_trouble(url):
        try:
            _make_current(engine)
        except BaseException:
            engine.dispose()
            raise
    return engine


def _make_current(engine: sa.Engine) -> None:
    if _version(engine) is None:
        raise StoreTroubleError(
            f"{engine.url.database}: this is no store of gatepost's", "make one with: gatepost init"
        )
    upgrade(engine)


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(MODE)


def create(store: str | Path, make_file: Callable[[Path], object] = _make_file) -> bool:
    """Make an empty store; True if it was not there before. One that is there stays as it is, or is upgraded.

    make_file makes an empty file, and the folders that it is in, where there is none. Raises StoreTroubleError.
    """
    url = store_url(store)
    path = Path(url.database or "")
    try:
        make_file(path)
    except OSError as error:
        raise StoreTroubleError(f"{error.filename or path}: {error.strerror}") from error
    engine = open_engine(url)
    with named_trouble(url):
        try:
            made = _version(engine) is None
            upgrade(engine)
        finally:
            engine.dispose()
    return made


def upgrade(engine: sa.Engine) -> None:
    """Bring the schema to SCHEMA_VERSION in one transaction. Raises StoreTroubleError if a newer gatepost made it."""
    version = _version(engine)
    if version != SCHEMA_VERSION:
        _migrate(engine, version)


def _version(engine: sa.Engine) -> str | None:
    """The revision that the store says it is of; None for an empty database."""
    with engine.execution_options(**{READING: True}).connect() as connection, connection.begin():
        tables = sa.inspect(connection).get_table_names()
        if "alembic_version" in tables:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return None if found is None else str(found)
    if tables:
        raise StoreTroubleError(f"{engine.url.database}: this is a database of something else, with other tables")
    return None


def _migrate(engine: sa.Engine, version: str | None) -> None:
    from alembic import command  # noqa: PLC0415 - slow to load, and hardly ever needed
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = alembic_config()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreTroubleError(
            f"{engine.url.database}: a newer gatepost made this store",
            f"its schema is {version}, and known here is {SCHEMA_VERSION}: use a newer gatepost",
        )
    with without_foreign_keys(engine) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def without_foreign_keys(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection on which a table may be made anew although others refer to it (SQLite, 'ALTER TABLE', section 7).

    The pragma is of effect outside transactions only, so SQLAlchemy, which begins one before anything, is gone round.
    """
    try:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None  # noqa: S101 - the pool has just connected it
            driver.execute("PRAGMA foreign_keys = OFF")
            yield connection
    finally:
        engine.dispose()  # with that connection


def alembic_config() -> Any:
    """alembic's configuration for the store's migrations: no file, no logging set up."""
    from alembic.config import Config  # noqa: PLC0415 - slow to load, and hardly ever needed

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
