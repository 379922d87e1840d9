"""The embedded store's reading side: what becomes of the file beneath it, and what other processes do to it."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gatepost_lists import Answer, DirectoryTrouble, Question, Role, Verdict, judge, parse_address
from gatepost_lists.store import sqlite as engine
from gatepost_lists.store.admin import Store
from gatepost_lists.store.schema_version import SCHEMA_VERSION
from gatepost_lists.store.sqlite import SqliteDirectory
from gatepost_lists.store.versions import create
from labs.hearing import judge_all

ANN, BOB = "ann@lists.example", "bob@people.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one closed list, whose only member is Bob."""
    return build(tmp_path / "gatepost.db", BOB)


def build(file: Path, *members: str) -> Path:
    create(file)
    with Store(file) as store:
        store.add_domain("lists.example")
        store.create_list(ANN, "default_nonmember_action=reject")
        store.add_members(ANN, members)
    return file


@pytest.fixture
def directory(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteDirectory]:
    """That store, looking at its file before each snapshot."""
    monkeypatch.setattr(engine, "_LOOK_SECONDS", -1.0)
    with closing(SqliteDirectory(path)) as opened:
        yield opened


def ask(directory: SqliteDirectory, sender: str = BOB, recipient: str = ANN) -> Verdict:
    return judge(Question(sender, recipient), directory)


def in_trouble(directory: SqliteDirectory, path: Path) -> str:
    """Ask, see that the answer is temporary and names the file; the reason."""
    verdict = ask(directory)
    assert verdict[:3] == (Answer.DEFER, 451, "4.3.0")
    assert verdict.why.startswith(f"{path}: ")
    return verdict.why.removeprefix(f"{path}: ")


@contextmanager
def driver(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, opened by somebody else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def in_another_process(code: str, path: Path) -> None:
    script = f"import sys\nfrom gatepost_lists.store.admin import Store\nwith Store(sys.argv[1]) as store:\n    {code}"
    folders = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, env=os.environ | folders)


def remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def test_a_store_that_is_missing_and_comes_back(directory: SqliteDirectory, path: Path, tmp_path: Path) -> None:
    assert ask(directory).test == "member"
    shutil.copy(path, tmp_path / "kept.db")
    remove(path)
    assert in_trouble(directory, path) == "No such file or directory"
    assert not path.exists()
    shutil.copy(tmp_path / "kept.db", path)
    assert ask(directory).test == "member"


def test_a_store_that_is_missing_at_first(tmp_path: Path) -> None:
    with closing(SqliteDirectory(tmp_path / "late.db")) as directory:
        assert in_trouble(directory, tmp_path / "late.db") == "No such file or directory"
        build(tmp_path / "late.db", BOB)
        assert ask(directory).test == "member"


def test_a_store_in_whose_place_another_is_put(directory: SqliteDirectory, path: Path, tmp_path: Path) -> None:
    assert ask(directory).test == "member"
    other = build(tmp_path / "other.db", "joe@people.example")
    remove(path)
    other.rename(path)
    assert ask(directory).test == "closed-list"
    assert ask(directory, "joe@people.example").test == "member"


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"no database at all, only words " * 100, "file is not a database"),
        (b"short", "file is not a database"),
        (b"", "this is no store of gatepost's: run gatepost init"),
    ],
)
def test_a_file_that_is_no_store(directory: SqliteDirectory, path: Path, octets: bytes, reason: str) -> None:
    kept = path.read_bytes()
    remove(path)
    path.write_bytes(octets)
    assert in_trouble(directory, path) == reason
    remove(path)
    path.write_bytes(kept)
    assert ask(directory).test == "member"


def test_a_database_of_something_else(directory: SqliteDirectory, path: Path) -> None:
    remove(path)
    with driver(path) as connection:
        connection.execute("CREATE TABLE domain (name)")
    assert in_trouble(directory, path) == "this is a database of something else, with other tables"


@pytest.mark.parametrize(
    ("version", "named", "mend"),
    [
        ("0000", "0000", "run gatepost init"),
        (None, "none", "run gatepost init"),
        ("9999", "9999", "use the newer gatepost that made it"),
    ],
)
def test_a_store_of_another_version(
    directory: SqliteDirectory, path: Path, version: str | None, named: str, mend: str
) -> None:
    with driver(path) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(version,)] if version else [])
    assert in_trouble(directory, path) == f"its schema is {named}, not {SCHEMA_VERSION}: {mend}"
    with driver(path) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (SCHEMA_VERSION,))
    assert ask(directory).test == "member"


def test_a_folder_in_its_place(directory: SqliteDirectory, path: Path) -> None:
    remove(path)
    path.mkdir()
    assert in_trouble(directory, path) == "unable to open database file"


def test_a_store_that_is_damaged(directory: SqliteDirectory, path: Path) -> None:
    with driver(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("PRAGMA page_size").fetchone()[0]
    whole = path.read_bytes()
    remove(path)
    path.write_bytes(whole[:page] + b"\xff" * (len(whole) - page))
    assert "malformed" in in_trouble(directory, path)
    remove(path)
    path.write_bytes(whole)
    assert ask(directory).test == "member"


def test_a_table_that_is_gone(directory: SqliteDirectory, path: Path) -> None:
    assert ask(directory).test == "member"
    with driver(path) as connection:
        connection.execute("ALTER TABLE member RENAME TO elsewhere")
    assert in_trouble(directory, path) == "no such table: member"
    with driver(path) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO member")
    assert ask(directory).test == "member"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "UPDATE mailinglist SET default_member_action = 'no'",
            "the list ann@lists.example: 'no' is not a valid Action",
        ),
        ("UPDATE mailinglist SET reject_these_nonmembers = '['", "the list ann@lists.example: Expecting value"),
        ("UPDATE mailinglist SET reject_these_nonmembers = '[1]'", "the list ann@lists.example: 'int' object"),
        ("UPDATE mailinglist SET max_message_size = 'no'", "the list ann@lists.example: invalid literal for int()"),
        ("UPDATE member SET moderation_action = 'no'", "bob@people.example on ann@lists.example: 'no' is"),
        ("UPDATE mailinglist SET list_id = CAST(x'ff' AS TEXT)", "Could not decode to UTF-8"),
    ],
)
def test_values_that_cannot_be(directory: SqliteDirectory, path: Path, change: str, reason: str) -> None:
    with driver(path) as connection:
        connection.execute(change)
    assert in_trouble(directory, path).startswith(reason)


def test_a_list_that_cannot_be_read_leaves_the_others_alone(directory: SqliteDirectory, path: Path) -> None:
    with Store(path) as store:
        store.create_list("other@lists.example")
    with driver(path) as connection:
        connection.execute("UPDATE mailinglist SET default_member_action = 'no' WHERE list_name = 'other'")
    questions = [Question(BOB, ANN), Question(BOB, "other@lists.example"), Question(BOB, "nobody@lists.example")]
    answers = [verdict.answer for verdict in judge_all(questions, directory)]
    assert answers == [Answer.ACCEPT, Answer.DEFER, Answer.REJECT]


def test_a_pattern_of_a_ban_that_is_none_is_skipped(directory: SqliteDirectory, path: Path) -> None:
    with driver(path) as connection:
        connection.execute("INSERT INTO ban (email) VALUES ('^('), ('^joe')")
    assert ask(directory).test == "member"
    assert ask(directory, "joe@people.example").test == "banned"


def test_a_store_that_is_locked(directory: SqliteDirectory, path: Path) -> None:
    directory.close()
    with driver(path) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        assert in_trouble(directory, path) == "database is locked"
        connection.execute("ROLLBACK")
    assert ask(directory).test == "member"


def test_a_writer_in_the_middle_of_much_does_not_block(directory: SqliteDirectory, path: Path) -> None:
    with driver(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        numbers = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        connection.execute(
            f"{numbers} INSERT INTO address (id, email, original, user_id) SELECT i, i || '@many.example', '', i FROM n"
        )
        connection.execute(
            "INSERT INTO member (list_id, user_id, address_id, role) SELECT 1, id, id, 'member' FROM address"
            " WHERE id > 9"
        )
        assert ask(directory).test == "member"
        assert ask(directory, "20000@many.example").test == "closed-list"
        connection.execute("COMMIT")
    assert ask(directory, "20000@many.example").test == "member"


def test_another_process_change_counts_for_the_next_question(path: Path) -> None:
    with closing(SqliteDirectory(path)) as directory:
        assert ask(directory, "joe@people.example").test == "closed-list"
        in_another_process("store.add_members('ann@lists.example', ['joe@people.example'])", path)
        assert ask(directory, "joe@people.example").test == "member"
        in_another_process("store.add_ban('^joe@')", path)
        assert ask(directory, "joe@people.example").test == "banned"


def test_every_kind_of_change_counts_at_once(path: Path) -> None:
    with closing(SqliteDirectory(path)) as directory, Store(path) as store:
        assert ask(directory, recipient="new@lists.example").test == "list-known"
        store.create_list("new@lists.example")
        assert ask(directory, recipient="new@lists.example").test == "nonmember-action"
        store.set_list("new@lists.example", "reject_these_nonmembers+=^bob@")
        assert ask(directory, recipient="new@lists.example").test == "reject-these-nonmembers"
        store.add_members("new@lists.example", [BOB], Role.NONMEMBER, "accept")
        assert ask(directory, recipient="new@lists.example").test == "nonmember-record"
        store.remove_list("new@lists.example")
        assert ask(directory, recipient="new@lists.example").test == "list-known"
        store.add_domain("lists.example", shared=True)
        assert ask(directory, recipient="new@lists.example").test == "not-ours"
        store.add_domain("lists.example", alias_domain="l.example")
        assert ask(directory, recipient="ann@l.example").test == "member"
        store.remove_members(ANN, [BOB])
        assert ask(directory).test == "closed-list"


def test_questions_that_came_together_see_one_state(path: Path) -> None:
    with closing(SqliteDirectory(path)) as directory, Store(path) as store:
        with directory.snapshot():
            store.remove_members(ANN, [BOB])
            found = directory.find(parse_address(ANN)).mailing_list
            assert found is not None
            assert directory.standing(found, (BOB,)).member
        assert [verdict.test for verdict in judge_all([Question(BOB, ANN)] * 2, directory)] == ["closed-list"] * 2


def test_asked_outside_a_snapshot(path: Path) -> None:
    with closing(SqliteDirectory(path)) as directory:
        with pytest.raises(DirectoryTrouble, match="asked outside a snapshot"):
            directory.find(parse_address(ANN))
        ask(directory)
        directory.close()
        assert ask(directory).test == "member"


def test_a_look_up_changes_nothing_and_makes_no_file(directory: SqliteDirectory, path: Path) -> None:
    ask(directory)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        directory._require_cursor().execute("DELETE FROM member")


def test_memory_of_lists_has_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_MAX_LISTS", 2)
    with Store(path) as store:
        for number in range(5):
            store.create_list(f"list{number}@lists.example")
    with closing(SqliteDirectory(path)) as directory:
        found = [ask(directory, recipient=f"list{number}@lists.example").mailing_list for number in range(5)]
        assert found == [f"list{number}@lists.example" for number in range(5)]
        assert len(directory._lists) <= 2


def test_the_first_address_of_a_sender_decides(path: Path) -> None:
    with Store(path) as store:
        store.add_members(ANN, ["in@people.example"], moderation_action="hold")
        store.add_members(ANN, ["in@people.example"], Role.NONMEMBER, "reject")
        store.add_members(ANN, ["out@people.example"], Role.NONMEMBER, "accept")
        store.link(BOB, "out@people.example")
    with closing(SqliteDirectory(path)) as directory, directory.snapshot():
        found = directory.find(parse_address(ANN)).mailing_list
        assert found is not None
        standing = directory.standing(found, ("out@people.example", "in@people.example"))
        assert (standing.member, standing.linked, standing.member_action) == (True, True, None)
        assert standing.nonmember_action == "accept"
        standing = directory.standing(found, ("in@people.example", "out@people.example"))
        assert (standing.linked, standing.member_action, standing.nonmember_action) == (False, "hold", "reject")
