"""Pieces written to a folder: all of them whole, or none.

- Everything is first made in a folder of its own inside the target, brought to the disk, and only then renamed into
  place, so that nothing is half-written when the disk is full or the power fails.
- What root writes belongs to the folder's owner, unless the piece names another (gatepost_service.ownership).
- Who writes holds a lock on the folder: what a killed process has left behind can be told from what is being made.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gatepost_conf.pieces import Piece
from gatepost_service.ownership import new_file, take_over

_STAGE = ".gatepost-"


class CannotWriteError(OSError):
    """Nothing was written. The message names the file or folder and says why not."""

    def __str__(self) -> str:
        return f"nothing was written: {self.filename}: {self.strerror}"


def write(pieces: Iterable[Piece], folder: Path) -> list[Path]:
    """Write each piece to the folder, which must be there; their paths. Raises CannotWriteError."""
    with locked(folder), staged(folder) as stage:
        return [folder / put(piece, stage).name for piece in pieces]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only one who writes to the folder by this module. Raises CannotWriteError where it cannot be entered."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CannotWriteError(error.errno, error.strerror, str(folder)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder inside the target, whose files are moved into the target at the end; hold the lock.

    On an exception nothing is moved. Raises CannotWriteError for every OSError.
    """
    try:
        for left_behind in folder.glob(f"{_STAGE}*"):
            shutil.rmtree(left_behind)
        stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=folder))
        take_over(stage)
    except OSError as error:
        raise CannotWriteError(error.errno, error.strerror, str(folder)) from error
    try:
        yield stage
        _move_all(stage, folder)
    except CannotWriteError:
        raise
    except OSError as error:
        name = Path(error.filename).name if isinstance(error.filename, str) else ""
        raise CannotWriteError(error.errno, error.strerror, str(folder / name)) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def put(piece: Piece, stage: Path) -> Path:
    """Write one piece to the disk, with its owner and mode."""
    path = stage / piece.name
    descriptor = new_file(path, os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(piece.text)
        # By the descriptor: whoever owns the folder could put a link to another file in its place.
        if piece.owner:
            _give(descriptor, piece.owner, path)
        os.fchmod(descriptor, piece.mode)  # after the owner's change, which takes set-id bits away
    return path


def _give(descriptor: int, owner: str, path: Path) -> None:
    user, _, group = owner.partition(":")
    try:
        uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid if user else -1
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid if group else -1
    except KeyError as error:
        raise OSError(errno.EINVAL, f"no such account: {owner}", str(path)) from error
    os.fchown(descriptor, uid, gid)


def _move_all(stage: Path, folder: Path) -> None:
    files = sorted(stage.iterdir(), reverse=True)  # a compiled table goes before its source: it is never the older one
    for path in files:
        if (folder / path.name).is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        _sync(path)
    for path in files:
        path.rename(folder / path.name)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
