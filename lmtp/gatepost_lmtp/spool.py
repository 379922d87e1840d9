"""A message's octets while they come in and until they are in the queue: in memory, or in a file when there are many.

So many large messages at once take little memory. The file has no name: it goes with the process, however that ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import IO

from gatepost_lmtp.message import MAX_HEADER_OCTETS

# Octets of a message that stay in memory; what is longer goes into a file.
MEMORY_OCTETS = 2 * 1024 * 1024
_BLOCK = 256 * 1024


class Spool:
    """One message: add() its octets, seal() it, then read and set `head`; `size` and `blocks()` are those of the whole.

    head_cut: the header section goes on behind `head`. Not for two threads at a time. Raises OSError when there is no
    room for the file.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._begun = bytearray()
        self._has_head = False
        self._memory: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._body_octets = 0
        self._digest = sha256()
        self.head = b""
        self.head_cut = False

    def add(self, octets: bytes) -> None:
        """Take what comes next."""
        self._digest.update(octets)
        if self._has_head:
            self._add_body(octets)
            return
        before = len(self._begun)
        self._begun += octets
        if self._begun.startswith(b"\r\n"):
            self._part_at(2)
        elif (end := self._begun.find(b"\r\n\r\n", max(before - 3, 0))) >= 0:
            self._part_at(end + 4)
        elif len(self._begun) > MAX_HEADER_OCTETS:
            self.head_cut = True
            self._part_at(MAX_HEADER_OCTETS)

    def _part_at(self, end: int) -> None:
        """The head is there, or longer than anybody reads: part it from what belongs to the body."""
        self._has_head = True
        self.head = bytes(self._begun[:end])
        if end < len(self._begun):
            self._add_body(bytes(self._begun[end:]))
        self._begun.clear()

    def _add_body(self, octets: bytes) -> None:
        self._body_octets += len(octets)
        if self._file is not None:
            self._file.write(octets)
            return
        self._memory.append(octets)
        if self._body_octets > MEMORY_OCTETS:
            self._file = tempfile.TemporaryFile(dir=self._folder, prefix="gatepost-", buffering=_BLOCK)  # noqa: SIM115 - close() does it
            self._file.writelines(self._memory)
            self._memory.clear()

    def seal(self) -> bytes:
        """All has come: `head` is the header section, or what there is. Gives a digest of all octets as they came."""
        if not self._has_head:
            self._part_at(len(self._begun))
        if self._file is not None:
            self._file.flush()
        return self._digest.digest()

    @property
    def size(self) -> int:
        return len(self.head) + self._body_octets

    @property
    def in_memory(self) -> bytes | None:
        """The whole, where it is in memory; else None."""
        return None if self._file is not None else b"".join((self.head, *self._memory))

    def blocks(self) -> Iterator[bytes]:
        """The whole in pieces, from the beginning; as often as it is asked for."""
        yield self.head
        yield from self._memory
        if self._file is not None:
            self._file.seek(0)
            while block := self._file.read(_BLOCK):
                yield block

    def close(self) -> None:
        """Forget all of it."""
        self._memory.clear()
        if self._file is not None:
            with suppress(OSError):  # what a full disk has not taken it is offered once more
                self._file.close()
            self._file = None
