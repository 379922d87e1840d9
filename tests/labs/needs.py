"""What some tests need of the machine and of who runs them; without it they are skipped, with the reason.

Rules: what can be tried is tried, since neither root nor a name says what a container or a file system permits.
At the end of a run without root, one line says what was left out (conftest.py).
"""

from __future__ import annotations

import os
import pty
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from labs.mta import Lab, setup

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root may do this")


def mail_servers() -> Lab:
    """The unpacked mail servers, fetched if they are not there. Skips without root."""
    if not IS_ROOT:
        pytest.skip("real mail servers change to other users, which only root may do")
    return setup()


def pymilter() -> None:
    """Skips where pymilter is not installed; the checkout has a folder of its module's name."""
    found = find_spec("milter")
    if found is None or found.origin is None:
        pytest.skip("pymilter is not installed, which has to be compiled")


def mount(folder: Path, options: str) -> None:
    """Mount a file system in memory, with these options of mount(8). Skips where that is not permitted."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount: {error}")
    if done.returncode:
        reason = done.stderr.partition("\n")[0].rpartition(": ")[2]
        pytest.skip(f"a file system cannot be mounted here: {reason}")


def terminal() -> tuple[int, int]:
    """The descriptors of a new terminal, the program's side second. Skips where there are none, as without /dev/pts."""
    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal can be made here: {error}")


@contextmanager
def folder_that_protects(first: Path) -> Iterator[Path]:
    """A folder in which `protect` holds, below `first` where it does there. Skips where there is none."""
    for parent in (first, ROOT / "tests/.cache", Path("/var/tmp")):
        if parent.is_dir() and os.access(parent, os.W_OK):
            with tempfile.TemporaryDirectory(dir=parent, prefix="protected-") as name:
                if _protects(Path(name, "probe")):
                    yield Path(name)
                    return
    pytest.skip("no file system here protects files that are open already (chattr +i)")


def protect(files: list[Path], flag: str) -> None:
    """Let nobody, not even root, change files (+i), or let them again (-i), by chattr(1)."""
    subprocess.run(["chattr", flag, *files], capture_output=True, check=True)


def _protects(probe: Path) -> bool:
    """Whether a protected file is not written to through a descriptor from before; a tmpfs does not look again."""
    with probe.open("wb", buffering=0) as file:
        try:
            protect([probe], "+i")
        except (OSError, subprocess.CalledProcessError):
            return False
        try:
            file.write(b"x")
        except PermissionError:
            return True
        finally:
            protect([probe], "-i")
    return False
