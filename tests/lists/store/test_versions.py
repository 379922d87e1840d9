"""Making, opening and upgrading a store; the migrations agree with the tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gatepost_lists.store.admin import Store
from gatepost_lists.store.errors import BadUrlError, StoreReadOnlyError, StoreTroubleError
from gatepost_lists.store.schema import SCHEMA_VERSION, metadata
from gatepost_lists.store.versions import alembic_config, create, open_engine, store_url


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


# The one index over an expression; the test after it compares that.
@pytest.mark.filterwarnings("ignore:.*expression-based index.*uq_ban_email_list_id")
def test_migrations_make_exactly_the_tables_of_the_schema(path: Path) -> None:
    engine = open_engine(store_url(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_what_migrations_make_is_what_the_schema_makes(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    sqlite3.connect(other).close()
    engine = open_engine(store_url(other))
    metadata.create_all(engine)
    engine.dispose()

    def made(file: Path) -> dict[object, set[str]]:
        rows = execute(file, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'")
        return {name: {line.strip(" \t,") for line in str(sql).splitlines()} for name, sql in rows}

    assert made(path) == made(other)


def test_the_schema_version_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == SCHEMA_VERSION


def test_create_makes_folders_and_keeps_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b c%20?#" / "store.db"
    assert create(f"sqlite:///{file}")
    with Store(file) as store:
        store.add_domain("lists.example")
    assert not create(file)
    with Store(f"sqlite:///{file}") as store:
        assert [domain.mail_host for domain in store.domains()] == ["lists.example"]
    assert file.stat().st_mode & 0o007 == 0


def test_a_store_is_durable_and_lets_readers_in(store: Store) -> None:
    with store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000


def test_an_interrupted_create_can_be_finished(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.touch()
    with pytest.raises(StoreTroubleError, match=r"no store of gatepost's") as raised:
        Store(file)
    assert "gatepost init" in raised.value.hint
    assert create(file)
    Store(file).close()


def test_an_older_store_is_upgraded_when_it_is_opened(path: Path) -> None:
    for table in ("ban", "member", "address", "mailinglist", "domain"):
        execute(path, f"DROP TABLE {table}")
    execute(path, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "walk_revisions", lambda _: iter([type("Old", (), {"revision": "0000"})]))
        patch.setattr("alembic.command.upgrade", lambda config, _: upgraded.append(config.attributes["connection"]))
        upgraded: list[object] = []
        Store(path).close()
    assert len(upgraded) == 1


def test_a_newer_store_is_left_alone(path: Path) -> None:
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    for use in (Store, create):
        with pytest.raises(StoreTroubleError, match="a newer gatepost made this store") as raised:
            use(path)
        assert "9999" in raised.value.hint


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreTroubleError, match="there is no such store") as raised:
        Store(tmp_path / "none.db")
    assert "gatepost init" in raised.value.hint
    assert not (tmp_path / "none.db").exists()


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    execute(file, "CREATE TABLE songs (name)")
    for use in (Store, create):
        with pytest.raises(StoreTroubleError, match="a database of something else"):
            use(file)
    assert execute(file, "SELECT name FROM sqlite_master") == [("songs",)]


def test_a_damaged_file(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreTroubleError, match=r"store\.db: file is not a database"):
        Store(file)


def test_a_store_that_another_process_is_changing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost_lists.store.versions.BUSY_SECONDS", 0.01)
    with Store(path) as first, Store(path) as second, first.transaction():
        assert second.domains() == []
        with pytest.raises(StoreTroubleError, match="another process has been changing it"):
            second.add_domain("lists.example")


def test_urls_that_name_no_store() -> None:
    for url in ("mailman+http://user:secret@host:8001/3.1", "toml:///lists.toml", "postgresql://h/db"):
        with pytest.raises(StoreReadOnlyError) as raised:
            Store(url)
        assert "secret" not in str(raised.value)
    with pytest.raises(BadUrlError):
        Store("sqlite://")
