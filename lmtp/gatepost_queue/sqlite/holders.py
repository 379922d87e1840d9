"""Which processes are alive: each holds a lock on an octet of its own in a file beside the queue.

The octet's number, chosen at random, is the process's number as a holder. The kernel gives a lock back when its process
has ended, in whatever way; so a number that nobody has locked belongs to a process that is dead. The file stays empty.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
from pathlib import Path

from gatepost_service.ownership import new_file_beside

# struct flock of 64-bit Linux: type, whence, start, length, pid.
_FLOCK = struct.Struct("hhqqi4x")


class Holders:
    """The holders of one queue. Locks are of the open file, not of the process: made after a fork, not before."""

    def __init__(self, path: Path) -> None:
        self._queue = path
        self._path = path.with_name(f"{path.name}-holders")
        self._file = -1
        self.own = 0
        """This process's number; 0 before `hold`."""

    def hold(self) -> None:
        """Take a lock, or make sure that the one taken is in the file that is there. Raises OSError."""
        if self._file >= 0 and self._is_same_file():
            return
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._file = self._open()
        self.own = self.own or secrets.randbelow(2**62) + 1
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK, self.own))

    def _open(self) -> int:
        try:
            return new_file_beside(self._queue, self._path, os.O_RDWR)
        except FileExistsError:
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)

    def _is_same_file(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False

    def is_alive(self, holder: int) -> bool:
        """Whether that process is there. Raises OSError."""
        if holder == self.own:
            return True
        found = fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK, holder))
        return _FLOCK.unpack(found)[0] != fcntl.F_UNLCK  # type: ignore[no-any-return]

    def close(self) -> None:
        """Give the lock back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self.own = 0


def _lock(kind: int, holder: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, holder, 1, 0)
