"""Pieces written to a folder: whole or not at all, whatever the folder is like."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_conf.pieces import Piece, printed
from gatepost_conf.writing import CannotWriteError, locked, staged, write
from labs.needs import as_root, mount
from labs.running import ROOT

PIECES = [Piece("one", "the first", "1\n"), Piece("two", "the second", "2\n", 0o640, "news:uucp")]
# Writes as a user whom the folder does not belong to.
AS_NOBODY = """
import os, sys
sys.path[:0] = sys.argv[2].split(":")
from pathlib import Path
from gatepost_conf.pieces import Piece
from gatepost_conf.writing import CannotWriteError, write
os.setgid(65534); os.setuid(65534)
try:
    write([Piece("one", "", "new")], Path(sys.argv[1]))
except CannotWriteError as error:
    print(error)
"""


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def refused(folder: Path, pieces: list[Piece]) -> str:
    with pytest.raises(CannotWriteError) as caught:
        write(pieces, folder)
    return str(caught.value)


@as_root
def test_files_with_their_modes_and_owners(tmp_path: Path) -> None:
    old_mask = os.umask(0o077)
    try:
        assert write(PIECES, tmp_path) == [tmp_path / "one", tmp_path / "two"]
    finally:
        os.umask(old_mask)
    assert contents(tmp_path) == {"one": "1\n", "two": "2\n"}
    one, two = (tmp_path / "one").stat(), (tmp_path / "two").stat()
    assert (stat.S_IMODE(one.st_mode), stat.S_IMODE(two.st_mode)) == (0o644, 0o640)
    assert (two.st_uid, two.st_gid) == (9, 10)


def test_printed_pieces() -> None:
    assert printed([Piece("one", "the first,\nat length", "1\n"), Piece("two", "the second", "2\n")]) == (
        "# == one: the first,\n#    at length\n1\n\n# == two: the second\n2\n"
    )


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert refused(missing, PIECES) == f"nothing was written: {missing}: No such file or directory"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert refused(file, PIECES) == f"nothing was written: {file}: Not a directory"


def test_an_account_that_is_not_there(tmp_path: Path) -> None:
    said = refused(tmp_path, [PIECES[0], Piece("two", "", "", owner="nobody-of-that-name")])
    assert said == f"nothing was written: {tmp_path / 'two'}: no such account: nobody-of-that-name"
    assert contents(tmp_path) == {}


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    assert refused(tmp_path, [PIECES[0], Piece("two", "", "")]).endswith("/two: it is a folder")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


@as_root
def test_a_folder_that_may_not_be_written_to(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("closed")
    for folder in (path, *path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    (path / "one").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path), f"{ROOT}/conf:{ROOT}/lists:{ROOT}/service"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"nothing was written: {path}: Permission denied\n"
    assert contents(path) == {"one": "old"}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a megabyte."""
    mount(tmp_path, "size=1m")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk_leaves_what_was_there(full: Path) -> None:
    write([Piece("one", "", "old"), Piece("two", "", "old")], full)
    said = refused(full, [Piece("one", "", "new"), Piece("two", "", "x" * 2_000_000)])
    assert said == f"nothing was written: {full}: No space left on device"
    assert contents(full) == {"one": "old", "two": "old"}


def test_an_exception_midway_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path), staged(tmp_path) as stage:
        (stage / "one").write_text("new")
        raise RuntimeError
    assert contents(tmp_path) == {}


def test_what_a_killed_process_left_behind_goes(tmp_path: Path) -> None:
    left = tmp_path / ".gatepost-left"
    left.mkdir()
    (left / "one").write_text("half")
    write(PIECES[:1], tmp_path)
    assert contents(tmp_path) == {"one": "1\n"}
