"""Counting what the doors answer, cheaply and exactly, for the whole family of processes.

- Each process counts in plain memory (`Tally`), and at most every PUBLISH_EVERY seconds writes its counts down in its
  `Slot`, in memory that all processes share. prometheus_client is needed by the one process that serves the figures
  (`scrape`), and by no other.
- A process that takes a dead one's slot counts on from there: a counter never goes back.
- A slot has two halves, written in turn and each with a checksum: a reader, or the successor of a process that was
  killed while it wrote, finds the older half whole.
- One cell a door, test and verdict holds the histogram of its times: the number of verdicts is the sum of it, so that
  the two metrics made from it always agree.
"""

import json
import mmap
import struct
import threading
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gatepost_service.log import get_logger

PUBLISH_EVERY = 0.2  # s
HALF = 65536  # bytes of half a slot; the cells of every door, test and verdict that there are need a third of it
_HEAD = struct.Struct("<QII")  # number of the writing, length, CRC-32 of number and text

# Upper bounds in seconds. A look-up in memory takes tens of microseconds, one over a network milliseconds.
BOUNDS = (
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)

_WIDTH = len(BOUNDS) + 2

_log = get_logger("metrics")


@dataclass(frozen=True, slots=True)
class Cell:
    """The verdicts of one kind: how many took how long (one number a bound, and one beyond), and seconds in all."""

    door: str
    test: str
    verdict: str
    buckets: Sequence[float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric that is looked up whenever it is asked for: a figure for each value of one label."""

    name: str
    help: str
    label: str
    figures: Mapping[str, float]


# Looks up gauges; where it raises, they are left out of the page. Equal ones are asked once.
Gauges = Callable[[], Iterable[Gauge]]


class Slot:
    """One process's place in shared memory; one writer, any number of readers."""

    def __init__(self, memory: memoryview) -> None:
        self._halves = (memory[:HALF], memory[HALF : 2 * HALF])

    def write(self, text: bytes) -> bool:
        """Replace the text; False if it does not fit."""
        if len(text) > HALF - _HEAD.size:
            return False
        numbers = [self._read_half(half)[0] for half in self._halves]
        older = self._halves[numbers.index(min(numbers))]
        number = max(numbers) + 1
        older[_HEAD.size : _HEAD.size + len(text)] = text
        _HEAD.pack_into(older, 0, number, len(text), _checksum(number, text))
        return True

    def read(self) -> bytes:
        """The last text that was written whole; b'' if there is none."""
        return max(self._read_half(half) for half in self._halves)[1]

    def _read_half(self, half: memoryview) -> tuple[int, bytes]:
        number, length, checksum = _HEAD.unpack_from(half)
        text = bytes(half[_HEAD.size : _HEAD.size + min(length, HALF)])
        return (number, text) if _checksum(number, text) == checksum else (0, b"")


def _checksum(number: int, text: bytes) -> int:
    return zlib.crc32(text, number & 0xFFFFFFFF)


class Board:
    """The slots of `processes` processes, in memory shared by all; make it before fork."""

    def __init__(self, processes: int) -> None:
        memory = memoryview(mmap.mmap(-1, processes * 2 * HALF))
        self.slots = [Slot(memory[index * 2 * HALF : (index + 1) * 2 * HALF]) for index in range(processes)]


def tally_of(slots: Iterable[Slot]) -> "Tally":
    """What all the processes that write to these slots have counted together."""
    tally = Tally()
    for slot in slots:
        tally.take(slot.read())
    return tally


class Tally:
    """Counts verdicts, outgoing mail, and notices that were not sent, in this process. May be used by many threads."""

    def __init__(self, slot: Slot | None = None) -> None:
        self._slot = slot
        self._lock = threading.Lock()
        # By door, test and verdict: a count for each bound, one beyond, and last the seconds in all.
        self._counts: dict[tuple[str, str, str], list[float]] = {}
        self._deliveries: dict[str, int] = {}
        self._withheld: dict[tuple[str, str], int] = {}
        self._changed = False
        if slot is not None:
            self.take(slot.read())

    def count(self, door: str, test: str, verdict: str, seconds: float) -> None:
        """One verdict, which took so many seconds."""
        with self._lock:
            try:
                counts = self._counts[door, test, verdict]
            except KeyError:
                counts = self._counts[door, test, verdict] = [0] * _WIDTH
            counts[bisect_left(BOUNDS, seconds)] += 1
            counts[-1] += seconds
            self._changed = True

    def deliver(self, outcome: str, recipients: int) -> None:
        """A message was sent to so many recipients, or was not: outcome is sent, deferred or failed."""
        with self._lock:
            self._deliveries[outcome] = self._deliveries.get(outcome, 0) + recipients
            self._changed = True

    def withhold(self, notice: str, why: str) -> None:
        """A notice of this kind was not sent."""
        with self._lock:
            self._withheld[notice, why] = self._withheld.get((notice, why), 0) + 1
            self._changed = True

    def withheld(self) -> dict[tuple[str, str], int]:
        """Notices that were not sent, by kind and reason."""
        with self._lock:
            return dict(self._withheld)

    def deliveries(self) -> dict[str, int]:
        """Recipients by outcome."""
        with self._lock:
            return dict(self._deliveries)

    def cells(self) -> list[Cell]:
        """Verdicts by door, test and verdict."""
        with self._lock:
            return [Cell(*kind, tuple(counts[:-1]), counts[-1]) for kind, counts in self._counts.items()]

    def publish(self) -> None:
        """Write the counts down where other processes see them, if there is anything new."""
        if self._slot is None or not self._changed:
            return
        self._changed = False
        with self._lock:
            verdicts = [[*kind, counts] for kind, counts in self._counts.items()]
            withheld = [[*kind, count] for kind, count in self._withheld.items()]
            text = json.dumps({"verdicts": verdicts, "deliveries": self._deliveries, "withheld": withheld})
        if not self._slot.write(text.encode()):
            _log.error("metrics do not fit in their memory", bytes=len(text))
            self._slot = None

    def take(self, text: bytes) -> None:
        """Add what a `Tally` has published."""
        published = json.loads(text or "{}")
        for outcome, recipients in published.get("deliveries", {}).items():
            self._deliveries[outcome] = self._deliveries.get(outcome, 0) + recipients
        for notice, why, count in published.get("withheld", ()):
            self._withheld[notice, why] = self._withheld.get((notice, why), 0) + count
        for door, test, verdict, counts in published.get("verdicts", ()):
            own = self._counts.get((door, test, verdict), [0] * _WIDTH)
            self._counts[door, test, verdict] = [sum(pair) for pair in zip(own, counts, strict=True)]
