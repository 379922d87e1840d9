"""A disk that gets full: a small file system in memory, for a queue."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest

from gatepost_queue.versions import create


class Disk:
    """A small file system of its own. Use as a context manager; skips the test where mounting is not permitted."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self.path = folder / "queue.db"
        self._mebibytes = mebibytes

    def __enter__(self) -> Disk:
        self.folder.mkdir()
        self.mount(f"size={self._mebibytes}m")
        create(f"sqlite:///{self.path}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def mount(self, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"no mount: {error}")
        if done.returncode:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")

    def fill(self) -> Path:
        """Use up all the room that is left; the file that does."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    assert error.errno == errno.ENOSPC
        return filler
