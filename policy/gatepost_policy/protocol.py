"""What the wires of this part have in common: a reader of octets, and the one exception that leaves it. No I/O."""

from __future__ import annotations

from typing import Protocol, TypeVar

Asked = TypeVar("Asked")


class ProtocolError(Exception):
    """What came is not of the protocol. The message says why, for the log."""


class Reader(Protocol[Asked]):
    """Puts the pieces of one connection together. `unfinished` tells whether a request has begun and not ended."""

    @property
    def unfinished(self) -> bool: ...

    def feed(self, data: bytes) -> tuple[list[Asked], ProtocolError | None]:
        """The requests that `data` completes, and what is wrong with what follows: nothing may be fed after that."""
