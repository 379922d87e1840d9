"""What goes into the queue and what comes out of it, as values. No I/O here.

Times are seconds since the epoch, sizes octets. Text that is to be kept must be writable as UTF-8 and hold no NUL:
whoever has something else finds out when the value is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# Where a message can wait: for the handler of that name; held is for those that a moderator decides about, shunt for
# those that no handler could cope with.
QUEUES = ("in", "command", "bounces", "out", "retry", "held", "shunt")
HELD = "held"
SHUNT = "shunt"

# An entry that has failed so often is shunted; after each failure before, it rests for so many seconds: what is broken
# may be whole again, and others go first.
MAX_FAILURES = 3
FAILURE_PAUSES = (60.0, 600.0)

_FIRST, _LAST = -62135596800.0, 253402300799.0

# Octets that are read, written and held at a time.
BLOCK = 1024 * 1024


class Content(Protocol):
    """A message's octets that need not be in memory, all of them, at once (in a temporary file, for one)."""

    @property
    def size(self) -> int:
        """How many octets `blocks` gives in all."""

    def blocks(self) -> Iterable[bytes]:
        """The octets from their beginning, in pieces of any length; asked for more than once, in another thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a client has sent, once, whatever the number of lists that it is for.

    `trace` is the id that follows it through all log lines. Raises ValueError for what cannot be kept.
    """

    content: bytes | Content
    envsender: str
    received: float
    trace: str = ""

    def __post_init__(self) -> None:
        _check_text(self.envsender, self.trace)
        check_time(self.received)

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.size

    @property
    def octets_in_memory(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else 0

    def blocks(self) -> Iterator[bytes]:
        """The content in pieces of BLOCK octets, the last one shorter; at least one, which may be empty."""
        if isinstance(self.content, bytes):
            whole = self.content
            return (whole[start : start + BLOCK] for start in range(0, len(whole) or 1, BLOCK))
        return _even(self.content.blocks())


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > BLOCK:
            yield bytes(held[:BLOCK])
            del held[:BLOCK]
    yield bytes(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One list and sub-address that a message is for; '' is the posting address.

    `recipients` are those that the client named, or to whom it is to go (queue out). `metadata` is for the handler:
    whatever JSON can hold. `next_attempt`: when it is due; None: at once. `last_error`: why it was not dealt with
    before. Raises ValueError for an unknown queue, TypeError or ValueError for what cannot be kept.
    """

    queue: str
    listid: str
    subaddress: str = ""
    recipients: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    next_attempt: float | None = None
    last_error: str = ""

    def __post_init__(self) -> None:
        if self.queue not in QUEUES:
            raise ValueError(f"{self.queue!r} is no queue: there are {', '.join(QUEUES)}")
        _check_text(self.listid, self.subaddress, self.last_error, *self.recipients)
        _check_text(json.dumps(dict(self.metadata), allow_nan=False))
        if self.next_attempt is not None:
            check_time(self.next_attempt)


@dataclass(frozen=True, slots=True)
class Put:
    """A new message that follows from another, with its entries. Raises ValueError where there is no entry."""

    message: Message
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not self.entries:
            raise ValueError("a message must be for somebody")


@dataclass(eq=False, slots=True)
class Delivery:
    """One attempt of a client to hand a message in, remembered until it is known that the client has the replies.

    `digest` identifies the octets as the client sent them, before anything is added. Make one only for a message with
    a Message-ID. `keys` is the queue's own.
    """

    digest: bytes
    keys: list[tuple[bytes, int]] = field(default_factory=list)

    def key(self, envsender: str, recipient: str) -> bytes:
        """What is equal when the same octets go from the same sender to the same recipient again."""
        told = hashlib.sha256(self.digest)
        for text in (envsender, recipient):
            octets = text.encode()
            told.update(b"%d:%b" % (len(octets), octets))
        return told.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An entry in its queue, with the envelope of its message. `runner` is '' when nobody has it.

    `attempts` counts the claims: with `id` it tells one claim from every other.
    """

    id: int
    queue: str
    listid: str
    subaddress: str
    recipients: tuple[str, ...]
    metadata: Mapping[str, Any]
    attempts: int
    failures: int
    runner: str
    leased_until: float
    trace: str
    envsender: str
    received: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(Queued):
    """An entry that `runner` has until `leased_until`, with its message; `attempts` counts this claim too."""

    message: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Queued):
    """An entry as a listing shows it. `origin` is where a shunted one came from."""

    next_attempt: float
    last_error: str
    origin: str
    size: int


@dataclass(frozen=True, slots=True)
class Figure:
    """How many entries wait in a queue, and for how many seconds the oldest has (0.0 when there is none)."""

    queue: str
    messages: int
    oldest_seconds: float


def runner_of(kept: str) -> str:
    """A runner's name without the number of its process, which is kept behind it."""
    return kept.rpartition("/")[0]


def _check_text(*texts: str) -> None:
    for text in texts:
        if "\0" in text:
            raise ValueError(f"{text!r} has a NUL, which cannot be kept")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{text!r} cannot be written as UTF-8") from None


def check_time(seconds: float) -> None:
    """Raises ValueError for a time outside the years 1 to 9999."""
    if not _FIRST <= seconds <= _LAST:
        raise ValueError(f"{seconds} is no time that can be kept")
