"""Root file systems with next to nothing in them, made by mmdebstrap (its manual page) and kept as archives.

Rules: an archive is whole or absent; one that is older than a week is made again. What is unpacked is thrown away.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.fresh.container import CHECKOUT

CACHE = CHECKOUT / "tests" / ".cache" / "fresh"
# What a newcomer has before the first of README's lines.
_PACKAGES = "git,make,python3,ca-certificates"
_WEEK_SECONDS = 7 * 24 * 3600
# A mirror may be behind with testing, whose lists expire after a week; those of a release never do.
_ANY_AGE = '--aptopt=Acquire::Check-Valid-Until "false"'


@contextmanager
def unpacked(suite: str) -> Iterator[Path]:
    """The root of a new system of that release. Raises subprocess.CalledProcessError."""
    archive = _archive(suite)
    folder = Path(tempfile.mkdtemp(prefix=f"{suite}-", dir=CACHE))
    try:
        subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _archive(suite: str) -> Path:
    path = CACHE / f"{suite}.tar"
    if path.exists() and time.time() - path.stat().st_mtime < _WEEK_SECONDS:
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    building = path.with_suffix(".building")
    command = ["mmdebstrap", "--quiet", "--format=tar", "--variant=minbase", f"--include={_PACKAGES}", _ANY_AGE]
    subprocess.run([*command, suite, building], check=True)
    return building.rename(path)
