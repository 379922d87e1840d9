"""Which settings file is meant. Nothing else is loaded for it: every command's help says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "gatepost.toml"
SYSTEM_FILE = Path("/etc/gatepost") / FILE_NAME


def usual_places(cwd: Path) -> tuple[Path, Path]:
    """Where a file is looked for when none is named, in this order."""
    return cwd / FILE_NAME, SYSTEM_FILE


def search(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """`explicit` (--config), else $GATEPOST_CONFIG, else ./gatepost.toml, else the system's; None where there is none.

    A file that is named need not be there.
    """
    if named := explicit or environ.get("GATEPOST_CONFIG"):
        return cwd / named
    return next(filter(is_there, usual_places(cwd)), None)


def is_there(path: Path) -> bool:
    """A file that may not be looked at counts too: to pass it over in silence would hide the trouble."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
