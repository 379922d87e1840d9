"""A disk that gets full: a small file system in memory, for a queue."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

from gatepost_queue import create
from labs.needs import mount


class Disk:
    """A small file system of its own. Use as a context manager; skips the test where mounting is not permitted."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self.path = folder / "queue.db"
        self._mebibytes = mebibytes

    def __enter__(self) -> Disk:
        self.folder.mkdir()
        mount(self.folder, f"size={self._mebibytes}m")
        create(f"sqlite:///{self.path}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def fill(self) -> Path:
        """Use up all the room that is left; the file that does."""
        return fill(self.folder / "filler")


def fill(filler: Path) -> Path:
    """Use up all the room that is left where this file is made; the file."""
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return filler
