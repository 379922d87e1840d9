"""Debian's packages, fetched by apt-get and unpacked below bench/out: nothing is installed, no user is made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.programs import BenchError

# apt's own unprivileged user may not be able to write here.
_APT_GET = ("apt-get", "-q", "-o", "APT::Sandbox::User=root")


def unpack(packages: Sequence[str], root: Path, library: str = "") -> None:
    """Fetch the packages and unpack them into `root`, unless that has been done. Raises BenchError where it fails.

    library: the name, without its number, of a library's package that they depend on, to be unpacked with them.
    """
    if root.exists():
        return
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise BenchError(f"{packages[0]} needs Debian's apt-get and dpkg (or --without-peers)")
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    archives = partial / "packages"
    archives.mkdir(parents=True)
    _download(packages, archives)
    if library:
        _download(_depended_on(library, archives), archives)
    for archive in archives.iterdir():
        subprocess.run(("dpkg", "-x", archive, partial), check=True)
    partial.rename(root)


def _depended_on(library: str, archives: Path) -> Sequence[str]:
    """The names with their numbers, which differ from one Debian to the next."""
    fields = [
        subprocess.run(("dpkg-deb", "--field", archive, "Depends"), capture_output=True, text=True, check=True).stdout
        for archive in archives.iterdir()
    ]
    return sorted(set(re.findall(rf"\b{library}[0-9]+\b", " ".join(fields))))


def _download(packages: Sequence[str], folder: Path) -> None:
    download = (*_APT_GET, "download", *packages)
    if subprocess.run(download, cwd=folder, capture_output=True, check=False).returncode == 0:
        return
    if os.geteuid() == 0:
        subprocess.run((*_APT_GET, "update"), capture_output=True, check=False)
    done = subprocess.run(download, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"apt-get download failed (has apt-get update been run?): {done.stderr.strip()}")
