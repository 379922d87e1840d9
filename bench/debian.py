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


def unpack(packages: Sequence[str], root: Path) -> None:
    """Fetch the packages, and the libraries that this machine has not, and unpack all into `root`, unless that has been
    done. Raises BenchError where it fails.
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
    _download_libraries(archives, {*packages, *_said("dpkg-query", "--show", "--showformat=${Package}\\n").split()})
    for archive in archives.iterdir():
        subprocess.run(("dpkg", "-x", archive, partial), check=True)
    partial.rename(root)


def _download_libraries(archives: Path, there: set[str]) -> None:
    """Fetch the packages named lib... that the packages in a folder, and these in turn, depend on; not those there."""
    while True:
        fields = [_said("dpkg-deb", "--field", archive, "Depends") for archive in archives.iterdir()]
        missing = set(re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", "\n".join(fields), re.MULTILINE)) - there
        if not missing:
            return
        _download(sorted(missing), archives)
        there = there | missing


def _said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _download(packages: Sequence[str], folder: Path) -> None:
    download = (*_APT_GET, "download", *packages)
    if subprocess.run(download, cwd=folder, capture_output=True, check=False).returncode == 0:
        return
    if os.geteuid() == 0:
        subprocess.run((*_APT_GET, "update"), capture_output=True, check=False)
    done = subprocess.run(download, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"apt-get download failed (has apt-get update been run?): {done.stderr.strip()}")
