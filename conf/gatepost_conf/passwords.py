"""Which keys of the settings hold a password, and whether others can read a file.

Others are all who are neither its owner nor in its group. Access control lists are not looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from gatepost_conf.settings import Settings


def passwords(settings: Settings) -> list[str]:
    """The keys that hold one, such as '[delivery] smtp_pass'."""
    urls = {"[lists] directory": settings.lists.directory, "[queue] engine": settings.queue.engine}
    found = [key for key, url in urls.items() if _has_password(url)]
    return [*found, "[delivery] smtp_pass"] if settings.delivery.smtp_pass else found


def _has_password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)


def others_can_read(path: Path, stat_of: Callable[[Path], os.stat_result] = Path.stat) -> bool:
    """Whether they can, with the folders above it as they are. Raises OSError."""
    real = path.resolve()
    return bool(stat_of(real).st_mode & stat.S_IROTH) and all(
        stat_of(folder).st_mode & stat.S_IXOTH for folder in real.parents
    )
