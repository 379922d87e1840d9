"""Making, opening and upgrading a store; the migrations agree with the tables."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gatepost_lists import Question, Role, judge
from gatepost_lists.errors import BadUrlError, StoreReadOnlyError, StoreTroubleError
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Ban, Change, Member
from gatepost_lists.store.schema import SCHEMA_VERSION, metadata
from gatepost_lists.store.sqlite import SqliteDirectory
from gatepost_lists.store.versions import alembic_config, create, open_engine, store_url
from labs.migrating import migrate


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


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

    assert made(path) == made(other)


def made(file: Path) -> dict[str, object]:
    """What there is in a file: indexes and triggers by their text, tables by all that SQLite knows of them.

    ALTER TABLE leaves another text behind than CREATE TABLE, for the same table.
    """
    rows = execute(
        file,
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name != 'alembic_version' AND name NOT LIKE 'sqlite_%'",
    )
    return {str(name): table(file, str(name)) if kind == "table" else sql for kind, name, sql in rows}


def table(file: Path, name: str) -> list[set[tuple[object, ...]]]:
    columns = execute(file, f'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo({name!r})')
    keys = execute(file, f'SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list({name!r})')
    indexes = execute(
        file,
        "SELECT CASE origin WHEN 'c' THEN name END, \"unique\", origin,"
        " (SELECT group_concat(coalesce(name, '') || \"desc\") FROM pragma_index_xinfo(i.name))"
        f" FROM pragma_index_list({name!r}) AS i",
    )
    return [set(columns), set(keys), set(indexes), set(execute(file, f"SELECT wr FROM pragma_table_list({name!r})"))]


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


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the first version, with a list, a member by two linked addresses, an owner, and a ban."""
    file = tmp_path / "old.db"
    file.touch()
    migrate(file, "0001")
    for statement in (
        "INSERT INTO domain (mail_host) VALUES ('lists.example')",
        "INSERT INTO mailinglist (id, list_id, mail_host, list_name, emergency, hold_these_nonmembers)"
        " VALUES (3, 'ann.lists.example', 'lists.example', 'ann', 1, '[\"^x\"]')",
        "INSERT INTO address (id, email, original, display_name, user_id) VALUES (5, 'bo@x.example', 'Bo@x.example',"
        " 'Bo', 5), (6, 'bo@y.example', 'bo@y.example', '', 5), (7, 'olga@x.example', 'olga@x.example', '', 7)",
        "INSERT INTO member VALUES (3, 5, 5, 'member', 'hold'), (3, 7, 7, 'owner', NULL)",
        "INSERT INTO ban (email, list_id) VALUES ('mallory@x.example', 3)",
    ):
        execute(file, statement)
    return file


def test_an_older_store_is_upgraded_when_it_is_opened(old: Path) -> None:
    with Store(old) as store:
        shown = store.show_list("ann@lists.example")
        assert (shown["emergency"], shown["hold_these_nonmembers"]) == (True, ["^x"])
        assert (shown["process_bounces"], shown["bounce_score_threshold"]) == (True, 5)
        assert (shown["bounce_info_stale_after"], shown["post_id"], shown["hold_notices"]) == (7, 0, "members")
        assert (shown["max_message_size"], shown["max_days_to_hold"]) == (0, 0)
        assert list(store.members("ann@lists.example")) == [
            Member("bo@x.example", "Bo@x.example", "Bo", Role.MEMBER, "hold"),
            Member("olga@x.example", "olga@x.example", "", Role.OWNER, None),
        ]
        assert store.linked("bo@x.example") == ["bo@y.example"]
        assert store.bans() == [Ban("mallory@x.example", "ann@lists.example")]
        assert store.add_members("ann@lists.example", ["new@x.example"])[0][1] is Change.NEW
        assert len(store.recipients("ann@lists.example", None, 9)) == 2
    assert execute(old, "PRAGMA foreign_key_check") == []
    assert execute(old, "PRAGMA integrity_check") == [("ok",)]


def test_an_upgraded_store_is_as_a_new_one(old: Path, path: Path) -> None:
    assert not create(old)
    assert made(old) == made(path)
    with closing(SqliteDirectory(old)) as directory:
        assert judge(Question("bo@y.example", "ann@lists.example"), directory).test == "emergency"


def test_foreign_keys_are_in_force_after_an_upgrade(old: Path) -> None:
    with Store(old) as store, store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(old: Path) -> None:
    before = made(old)
    execute(old, "CREATE TABLE told (odd)")
    with pytest.raises(StoreTroubleError, match="table told already exists"):
        Store(old)
    execute(old, "DROP TABLE told")
    assert made(old) == before
    Store(old).close()


def test_processes_that_upgrade_at_once(old: Path) -> None:
    code = "import sys; from gatepost_lists.store.admin import Store; Store(sys.argv[1]).close()"
    folders = {"PYTHONPATH": os.pathsep.join(sys.path)}
    both = [subprocess.Popen([sys.executable, "-c", code, str(old)], env=os.environ | folders) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert execute(old, "SELECT version_num FROM alembic_version") == [(SCHEMA_VERSION,)]


def test_migrations_lead_back(old: Path, tmp_path: Path) -> None:
    before = made(old)
    migrate(old, SCHEMA_VERSION)
    assert made(old) != before
    migrate(old, "0001", command.downgrade)
    assert made(old) == before
    assert execute(old, "SELECT count(*) FROM address") == [(3,)]


def test_an_address_is_there_once(old: Path) -> None:
    Store(old).close()
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: address\.email"):
        execute(old, "INSERT INTO address (email, original, user_id) VALUES ('bo@x.example', '', 5)")


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
