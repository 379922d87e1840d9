"""Where the unpacked servers are kept: a folder that every user may enter, since the servers change to other users.

Rules: GATEPOST_MTALAB names it; else it is tests/.cache/mtalab of this repository. Where a folder on the way there is
closed to others, as a home directory may be, it is one of root's own in /var/cache, named after what is to be in it.
`make clean` takes both away.
"""

import os
import stat
from pathlib import Path

from labs.mta.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[3]
SHARED = Path("/var/cache")
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def folder_for(recipe: str, checkout: Path = CHECKOUT, shared: Path = SHARED) -> Path:
    """Return the folder for the servers that this recipe makes, after making it. Raises LabError where none will do."""
    if chosen := os.environ.get("GATEPOST_MTALAB"):
        return _named(Path(chosen).resolve())
    folder = checkout / "tests/.cache/mtalab"
    if closed_to_others(folder):
        return _own(shared / f"gatepost-mtalab-{recipe[:12]}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def closed_to_others(path: Path) -> Path | None:
    """Return the first folder on the way down to path that not every user may enter; what is missing will be open."""
    way = [*reversed(path.parents), path]
    return next((folder for folder in way if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH), None)


def _named(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if closed := closed_to_others(folder):
        raise LabError(
            f"GATEPOST_MTALAB names {folder}, and other users, to whom the mail servers change, may not enter {closed}"
        )
    return folder


def _own(folder: Path) -> Path:
    """The programs in it are run by root: it must be one that only root can have made and can change."""
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & OTHERS_MAY_WRITE:
        raise LabError(f"{folder} must be a folder that belongs to root and that nobody else may write to: remove it")
    return folder
