"""Messages and entries to put in, a clock that tests move, and short ways to ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from gatepost_queue import Claimed, Content, Desk, Entry, Message, Queue

T = TypeVar("T")

# How long a test waits for what must happen, in seconds; far above what a busy machine needs.
WAIT = 60.0
POST = b"From: bo@example.org\r\nSubject: hello\r\n\r\nhello\r\n"
ANN = Entry(
    queue="in",
    listid="ann.lists.example",
    recipients=("ann@lists.example",),
    metadata={"to_list": True, "original_size": len(POST), "version": 3},
)
BOB = Entry(
    queue="bounces",
    listid="bob.lists.example",
    subaddress="bounces",
    recipients=("bob-bounces+bo=example.org@lists.example",),
    metadata={"extension": "bo=example.org"},
)


class Clock:
    """Seconds since the epoch, as a test wants them: time passes where `now` is changed, unless by `set`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self._set_by = 0.0
        self.run = "first"

    def __call__(self) -> float:
        return self.now

    def set(self, seconds: float) -> None:
        """Somebody sets the clock, so much later."""
        self.now += seconds
        self._set_by += seconds

    def start_again(self) -> None:
        """The machine starts again, and its steady clock with it."""
        self._set_by = self.now
        self.run += " and another"

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now - self._set_by

    def boot(self) -> str:
        return self.run


@dataclass(frozen=True)
class Spooled:
    """Content that is not in memory: a piece, many times."""

    piece: bytes
    times: int
    said: int | None = None

    @property
    def size(self) -> int:
        return len(self.piece) * self.times if self.said is None else self.said

    def blocks(self) -> Iterator[bytes]:
        return (self.piece for _ in range(self.times))


def post(content: bytes | Content = POST, *, received: float = 1_800_000_000.0, envsender: str = "bo@x") -> Message:
    """A message to put in."""
    return Message(content=content, envsender=envsender, received=received, trace="T1")


def outcome(future: Future[T]) -> T:
    """What a Future comes to."""
    return future.result(WAIT)


def take(queue: Queue, name: str = "in", limit: int = 10, runner: str = "r1", lease: float = 60.0) -> list[Claimed]:
    """What a runner gets now."""
    return outcome(queue.claim(name, runner, lease, limit))


def only(claimed: list[Claimed]) -> Claimed:
    """The one entry that there is."""
    assert len(claimed) == 1
    return claimed[0]


def ids(desk: Desk, queue: str = "") -> list[int]:
    """The ids of all entries, or of those in one queue, in the order of the listing."""
    return [waiting.id for waiting in desk.ls(queue)]
