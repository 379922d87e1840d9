"""`gatepost init`: which file it takes, what it makes, whose that is, and what it says."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.conftest import CommandLine
from gatepost import cli
from gatepost_conf import settings_file
from gatepost_conf.settings import load
from gatepost_lists.store.schema_version import SCHEMA_VERSION
from labs.lmtp import lmtp_settings
from labs.migrating import migrate
from labs.running import Gatepost

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
# A user and a group of it that every system has; they do not go together, so neither can stand for the other.
USER, GROUP = 65534, 10


def init(*arguments: str, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(cli, [*arguments[:-1], "init", arguments[-1]] if arguments else ["init"], env=env)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(autouse=True)
def system_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's settings file, in a folder for the test, which is not there yet."""
    path = tmp_path / "etc" / "gatepost.toml"
    monkeypatch.setattr(settings_file, "SYSTEM_FILE", path)
    return path


def test_it_makes_what_is_missing_and_keeps_what_is_there(bare: CommandLine) -> None:
    folder = bare.folder / "new" / "folder"
    assert init("new/folder").output.splitlines() == [
        f"{folder}/gatepost.toml: written",
        f"{folder}/var/gatepost.db: an empty store, made",
        f"{folder}/var/queue.db: an empty queue, made",
    ]
    settings = folder / "gatepost.toml"
    assert stat.S_IMODE(settings.stat().st_mode) & 0o007 == 0
    settings.write_text("[lists]\ndirectory = 'sqlite:///other.db'\n")
    assert init("--config", "new/folder/gatepost.toml", "new/folder").output.splitlines() == [
        f"{settings}: kept, it is there already",
        f"{folder}/other.db: an empty store, made",
        f"{folder}/var/queue.db: kept, it is a queue already",
    ]
    assert f"{folder}/other.db: kept, it is a store already" in init("new/folder").output


def test_it_takes_the_file_that_every_command_takes(bare: CommandLine, system_file: Path) -> None:
    system_file.parent.mkdir()
    system_file.write_text("[lists]\ndirectory = 'sqlite:///lists.db'\n")
    said = init()
    assert said.stdout.startswith(f"{system_file}: kept, it is there already\n{system_file.parent}/lists.db: an empty")
    assert said.stderr == ""
    assert not bare.settings.exists()
    named = bare.folder / "named.toml"
    assert init(env={"GATEPOST_CONFIG": "named.toml"}).stdout.startswith(f"{named}: written\n")
    assert f"{named}: kept" in init(env={"GATEPOST_CONFIG": "named.toml"}).stdout


def test_without_any_file_it_writes_one_here(bare: CommandLine) -> None:
    assert init().stdout.startswith(f"{bare.settings}: written\n")
    assert f"{bare.settings}: kept" in init().stdout


def test_it_says_which_file_is_found_first(bare: CommandLine, system_file: Path) -> None:
    system_file.parent.mkdir()
    system_file.touch()
    there = bare.folder / "there" / "gatepost.toml"
    hint = "hint: commands that are run here take {}; for this one: gatepost --config {}\n"
    assert init("there").stderr == hint.format(system_file, there)
    assert init(".").stderr == f"hint: commands that are run here take this file, and not {system_file}\n"
    assert init("there").stderr == hint.format(bare.settings, there)
    assert init("there", env={"GATEPOST_CONFIG": str(there)}).stderr == ""
    assert init("there", env={"GATEPOST_CONFIG": str(system_file)}).stderr == hint.format(system_file, there)


def test_it_goes_where_config_says(bare: CommandLine) -> None:
    assert str(bare.settings) in bare("init")
    assert "give one of them" in bare.refused(64, "init", "elsewhere")


def test_where_nothing_can_be_written(bare: CommandLine) -> None:
    (bare.folder / "file").touch()
    result = CliRunner().invoke(cli, ["init", "file"])
    assert (result.exit_code, result.stdout) == (73, "")
    assert result.stderr == f"Error: {bare.folder}/file: File exists\n"


def test_no_store_and_no_queue_for_what_is_elsewhere(bare: CommandLine) -> None:
    bare.settings.write_text("[lists]\ndirectory = 'toml:///lists.toml'\n[queue]\nengine = 'mailman:/srv/queue'\n")
    assert bare("init").splitlines()[1:] == ["no store is made for toml:…", "no queue is made for mailman:…"]


def test_an_older_store_is_upgraded_and_a_lost_queue_made_again(gatepost: CommandLine) -> None:
    queue = gatepost.store.with_name("queue.db")
    for file in (gatepost.store, queue):
        file.unlink()
    gatepost.store.touch()
    migrate(gatepost.store, "0001")
    assert gatepost("init").splitlines()[1:] == [
        f"{gatepost.store}: kept, it is a store already",
        f"{queue}: an empty queue, made",
    ]
    with closing(sqlite3.connect(gatepost.store)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (SCHEMA_VERSION,)
    assert gatepost.json("queue", "ls") == []


def test_the_remedy_for_a_missing_queue_is_one(gatepost: CommandLine) -> None:
    queue = gatepost.store.with_name("queue.db")
    queue.unlink()
    hint = gatepost.refused(75, "queue", "ls").splitlines()[-1]
    assert hint == "hint: make it with: gatepost init"
    gatepost(*hint.partition("gatepost ")[2].split())
    assert gatepost.json("queue", "ls") == []


def test_the_system_s_file_keeps_its_data_below_var(system_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = system_file.parent.parent / "lib"
    monkeypatch.setattr("gatepost_init._SYSTEM_DATA", str(data))
    assert init(str(system_file.parent)).stdout.splitlines() == [
        f"{system_file}: written",
        f"{data}/gatepost.db: an empty store, made",
        f"{data}/queue.db: an empty queue, made",
    ]
    assert load(system_file).postfix.maps_dir == data / "postfix"


def owners(folder: Path) -> dict[str, tuple[int, int]]:
    found = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): (path.stat().st_uid, path.stat().st_gid) for path in found}


@as_root
def test_what_root_makes_in_a_folder_of_somebody_else_s_is_theirs(bare: CommandLine) -> None:
    os.chown(bare.folder, USER, GROUP)
    bare("init")
    (bare.store.parent / "postfix").mkdir()
    os.chown(bare.store.parent / "postfix", USER, GROUP)
    bare("domain", "add", "lists.example")
    bare("list", "create", "ann@lists.example")
    bare.refused(67, "queue", "drop", "7")
    found = owners(bare.folder)
    assert {"var/gatepost.db", "var/queue.db", "var/queue.db-holders", "var/postfix/postfix_lmtp"} <= found.keys()
    assert set(found.values()) == {(USER, GROUP)}
    assert stat.S_IMODE((bare.store.parent / "queue.db-holders").stat().st_mode) == stat.S_IMODE(
        (bare.store.parent / "queue.db").stat().st_mode
    )


# Makes lists and looks for an entry as root, which loads what is needed, then the same as the service's user.
AS_ROOT_THEN_USER = """
import os, sys
from contextlib import suppress
from gatepost import cli
settings, user, group = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def work(name):
    cli.main(["--config", settings, "list", "create", name + "@lists.example"], standalone_mode=False)
    with suppress(Exception):
        cli.main(["--config", settings, "queue", "drop", "7"], standalone_mode=False)
        print("dropped")
cli.main(["--config", settings, "domain", "add", "lists.example"], standalone_mode=False)
work("made-by-root")
os.setgroups([])
os.setgid(group)
os.setuid(user)
work("made-by-user")
cli.main(["--config", settings, "queue", "ls"], standalone_mode=False)
"""


@as_root
def test_the_service_s_user_can_use_what_root_has_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders are as an administrator makes them: settings of root's for a group, data of the service's user."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        etc, data = Path(name) / "etc", Path(name) / "lib"
        Path(name).chmod(0o755)
        for folder, user in ((etc, 0), (data, USER)):
            folder.mkdir(0o750)
            os.chown(folder, user, GROUP)
        settings = etc / "gatepost.toml"
        monkeypatch.setattr(settings_file, "SYSTEM_FILE", settings)
        monkeypatch.setattr("gatepost_init._SYSTEM_DATA", str(data))
        assert init(str(etc)).stderr == ""
        assert owners(etc) == {".": (0, GROUP), "gatepost.toml": (0, GROUP)}
        assert stat.S_IMODE(settings.stat().st_mode) == 0o640
        done = subprocess.run(
            [sys.executable, "-c", AS_ROOT_THEN_USER, settings, str(USER), str(GROUP)],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[1:] == [
            "made-by-root@lists.example: created",
            "made-by-user@lists.example: created",
        ]
        assert set(owners(data).values()) == {(USER, GROUP)}


@as_root
def test_in_a_folder_of_root_s_nothing_is_given_away_and_a_hint_says_so(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost_init.USER", "news")
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        Path(name).chmod(0o755)
        said = init(name).stderr.splitlines()
        assert set(owners(Path(name)).values()) == {(0, 0)}
        settings, data = f"{name}/gatepost.toml", f"{name}/var"
        assert said[0].startswith(f"hint: news may not read {settings} (mode 0640, ")
        assert said[1].startswith(
            f"hint: news may not write to {data} (mode 0755, owner 0, group 0): chown news: {data} "
        )
        for line in said:
            subprocess.run(["sh", "-c", line.partition("): ")[2]], check=True)
        assert init(name).stderr == ""


@as_root
def test_a_receiver_that_root_starts_leaves_nothing_to_root(bare: CommandLine) -> None:
    (bare.folder / "log").mkdir()
    for path in (bare.folder, bare.folder / "log"):
        os.chown(path, USER, GROUP)
    settings = lmtp_settings("toml:///lists.toml", '[log]\nfile = "log/gatepost.log"', "[delivery]\nenabled = false")
    with Gatepost(bare.folder, settings, "lmtp") as receiver:
        os.chown(receiver.settings, USER, GROUP)
    found = owners(bare.folder)
    assert {"queue.db", "log/gatepost.log"} <= found.keys()
    assert set(found.values()) == {(USER, GROUP)}
