"""Whose a new file is. One rule: what root makes in a folder of somebody else's belongs to that one.

So the service, which is not root, can use what an administrator's command has made. A file beside a database goes with
the database, as SQLite's own `-wal` and `-shm` do. Where folder and group are root's, nothing changes, and what others
than root make is theirs. A system that lets nothing be given away (NFS, a user namespace) is no error.

Files and folders are given away by their open descriptors: whoever owns the folder could put another thing in the place
of a name.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def new_file(path: Path, flags: int, mode: int) -> int:
    """Make a file, as open(2) does with these flags and this mode, for the owner and group of its folder.

    Gives its descriptor. Raises FileExistsError where there is anything of that name, and OSError.
    """
    model = path.parent.stat()
    descriptor = _new(path, flags, mode)
    if os.geteuid() == 0:
        _give(descriptor, model.st_uid, model.st_gid)
    return descriptor


def new_file_beside(database: Path, path: Path, flags: int) -> int:
    """Make a file like new_file, for whoever may use a database: with its owner, as far as one may, group and mode."""
    model = database.stat()
    descriptor = _new(path, flags, 0o600)
    _give(descriptor, model.st_uid if os.geteuid() == 0 else -1, model.st_gid)
    os.fchmod(descriptor, model.st_mode & 0o777)
    return descriptor


def make_file(path: Path, mode: int) -> bool:
    """Make an empty file, and the folders that it is in, where there is none; whether it was made. Raises OSError.

    One that is there is not opened: to close it would give back the locks that SQLite has on it in this process.
    """
    make_folder(path.parent)
    with suppress(FileExistsError):
        os.close(new_file(path, os.O_RDWR, mode))
        return True
    return False


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        take_over(path)


def take_over(folder: Path) -> None:
    """Give a folder that has just been made to the owner and group of the one that it is in. Raises OSError."""
    if os.geteuid() == 0:
        model = folder.parent.stat()
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        _give(descriptor, model.st_uid, model.st_gid)
        os.close(descriptor)


def _new(path: Path, flags: int, mode: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def _give(descriptor: int, user: int, group: int) -> None:
    with suppress(OSError):
        os.fchown(descriptor, user, group)
