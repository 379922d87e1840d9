"""Whose new files and folders are, by who makes them and where."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_service.log_output import AppendedFile
from gatepost_service.ownership import make_file, make_folder, new_file, new_file_beside, take_over

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
# They do not go together on any system, so neither can stand for the other.
USER, GROUP, OTHER_GROUP = 65534, 10, 60
# As an ordinary user of two groups: a file beside a database of somebody else's, whose group that user is in.
AS_MEMBER = """
import os, sys
from pathlib import Path
from gatepost_service.ownership import new_file_beside, new_file
os.setgroups([10])
os.setgid(60)
os.setuid(65534)
os.umask(0o077)
database = Path(sys.argv[1])
os.close(new_file_beside(database, database.with_name("beside"), os.O_RDWR))
os.close(new_file(database.with_name("alone"), os.O_RDWR, 0o660))
"""


def owner(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of somebody else's."""
    path = tmp_path / "theirs"
    path.mkdir()
    os.chown(path, USER, GROUP)
    return path


@as_root
def test_in_a_folder_of_somebody_else_s_all_is_theirs(theirs: Path) -> None:
    assert make_file(theirs / "a" / "b" / "file", 0o660)
    made = [theirs / "a", theirs / "a" / "b", theirs / "a" / "b" / "file"]
    assert [owner(path) for path in made] == [(USER, GROUP)] * 3
    assert not make_file(made[-1], 0o660)
    with pytest.raises(FileExistsError):
        new_file(made[-1], os.O_RDWR, 0o660)
    with pytest.raises(FileExistsError):
        make_folder(made[-1] / "c")


@as_root
def test_in_a_folder_of_root_s_it_is_the_group_s_at_most(tmp_path: Path) -> None:
    make_file(tmp_path / "file", 0o640)
    assert owner(tmp_path / "file") == (0, 0)
    os.chown(tmp_path, 0, GROUP)
    make_file(tmp_path / "group's", 0o640)
    assert owner(tmp_path / "group's") == (0, GROUP)


@as_root
def test_a_file_beside_a_database_goes_with_it(theirs: Path) -> None:
    database = theirs / "database"
    database.touch()
    os.chown(database, 9, OTHER_GROUP)
    database.chmod(0o620)
    os.close(new_file_beside(database, theirs / "beside", os.O_RDWR))
    assert owner(theirs / "beside") == (9, OTHER_GROUP)
    assert stat.S_IMODE((theirs / "beside").stat().st_mode) == 0o620


@as_root
def test_a_log_file_is_the_folder_s_and_one_that_is_there_stays(theirs: Path) -> None:
    (theirs / "link").symlink_to(theirs / "behind")
    (theirs / "old").touch()
    for name in ("new", "link", "old"):
        log = AppendedFile(str(theirs / name))
        assert log.write(b"line\n") == (5, "")
        log.close()
    assert owner(theirs / "new") == (USER, GROUP)
    assert owner(theirs / "old") == (0, 0)
    assert (theirs / "behind").read_text() == "line\n"


@as_root
def test_a_link_in_the_place_of_a_folder_is_not_followed(theirs: Path, tmp_path: Path) -> None:
    (theirs / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match="link"):
        take_over(theirs / "link")
    assert owner(tmp_path) == (0, 0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A database of root's for a group, in a folder that this group may write to, and that everybody can reach."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        os.chown(folder, 0, GROUP)
        folder.chmod(0o775)
        (folder / "database").touch(0o660)
        (folder / "database").chmod(0o660)
        os.chown(folder / "database", 0, GROUP)
        yield folder / "database"


@as_root
def test_a_member_of_the_group_makes_what_the_group_can_use(shared: Path) -> None:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", AS_MEMBER, str(shared)], env=environment, check=True)
    beside, alone = shared.with_name("beside"), shared.with_name("alone")
    assert owner(beside) == (USER, GROUP)
    assert stat.S_IMODE(beside.stat().st_mode) == 0o660
    assert owner(alone) == (USER, OTHER_GROUP)


@as_root
def test_whoever_is_not_root_keeps_what_they_make(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    make_file(theirs / "a" / "file", 0o660)
    assert owner(theirs / "a" / "file") == owner(theirs / "a") == (0, 0)
