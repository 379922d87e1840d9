"""Making and opening a queue's file; the migrations agree with the tables."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from gatepost_queue import QueueTrouble, create
from gatepost_queue.sqlite.connection import open_file
from gatepost_queue.sqlite.schema import metadata
from gatepost_queue.sqlite.schema_version import SCHEMA_VERSION, VERSION_TABLE
from gatepost_queue.sqlite.versions import PAGE_SIZE, alembic_config


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def test_migrations_make_exactly_the_tables_of_the_schema(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_what_migrations_make_is_what_the_schema_makes(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    metadata.create_all(sa.create_engine(f"sqlite:///{other}", poolclass=sa.NullPool))

    def made(file: Path) -> dict[object, set[str]]:
        rows = execute(file, f"SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name != '{VERSION_TABLE}'")
        return {name: {line.strip(" \t,") for line in str(sql).splitlines()} for name, sql in rows}

    assert made(path) == made(other)


def test_the_schema_is_one_that_postgresql_takes_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    told = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables)
    assert "id BIGSERIAL NOT NULL" in told
    assert "content BYTEA NOT NULL" in told
    assert "received DOUBLE PRECISION NOT NULL" in told


def test_the_schema_version_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == SCHEMA_VERSION


def test_create_makes_folders_and_keeps_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b c%20?#" / "queue.db"
    assert create(f"sqlite:///{file}")
    execute(file, "INSERT INTO delivery VALUES (x'00', 1, 1, 1.0, 0)")
    assert not create(f"sqlite:///{file}")
    assert len(execute(file, "SELECT * FROM delivery")) == 1
    assert file.stat().st_mode & 0o007 == 0


def test_a_queue_is_durable(path: Path) -> None:
    with closing(open_file(path)) as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "page_size", "busy_timeout")
        found = [connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas]
    assert found == ["wal", 2, 1, PAGE_SIZE, 5000]


def test_an_interrupted_create_can_be_finished(tmp_path: Path) -> None:
    file = tmp_path / "queue.db"
    file.touch()
    assert create(f"sqlite:///{file}")
    open_file(file).close()


def test_an_older_queue_is_upgraded_and_a_newer_one_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(path, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(QueueTrouble, match="a newer gatepost made this queue") as raised:
        create(f"sqlite:///{path}")
    assert "9999" in raised.value.hint
    upgraded: list[str] = []
    monkeypatch.setattr(ScriptDirectory, "walk_revisions", lambda _: iter([type("Old", (), {"revision": "9999"})]))
    monkeypatch.setattr("alembic.command.upgrade", lambda _, revision: upgraded.append(revision))
    assert not create(f"sqlite:///{path}")
    assert upgraded == ["head"]


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    execute(file, "CREATE TABLE songs (name)")
    with pytest.raises(QueueTrouble, match="a database of something else"):
        create(f"sqlite:///{file}")
    assert execute(file, "SELECT name FROM sqlite_schema") == [("songs",)]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(QueueTrouble, match=r"file.*(Not a directory|File exists)"):
        create(f"sqlite:///{tmp_path}/file/queue.db")


def test_what_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "queue.db"
    file.write_bytes(b"no database at all" * 1000)
    with pytest.raises(QueueTrouble, match=r"queue\.db: file is not a database"):
        create(f"sqlite:///{file}")


def test_services_load_no_sqlalchemy() -> None:
    code = "import sys, gatepost_queue.sqlite.engine; sys.exit('sqlalchemy' in sys.modules or 'alembic' in sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
