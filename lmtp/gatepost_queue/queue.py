"""The queue as services, people and the command line meet it, whatever engine keeps it: the protocols.

    queue = open_queue(settings.queue.engine)
    ids = await asyncio.wrap_future(queue.put(message, entries))  # in an event loop
    ids = queue.put(message, entries).result()  # in a thread

`Queue` is for services, `Desk` for people and gauges, `Engine` for who makes a queue and looks after where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from gatepost_queue.metadata import Decision
from gatepost_queue.values import Claimed, Delivery, Entry, Figure, Message, Put, Waiting


class Queue(Protocol):
    """What services call. Any thread may call any method, none of them blocks, and what they give is a Future.

    A Future is resolved when what it stands for is on stable storage. It raises QueueFull or QueueTrouble (nothing of
    it is kept; the queue mends itself when the room or the storage is back), or LeaseLost for a claim that is no longer
    one's own. A Future that is cancelled before its turn has come leaves nothing behind; later it can no longer be
    cancelled. Nothing is opened before the first call: a queue may be made before a fork.
    """

    def put(
        self, message: Message, entries: Sequence[Entry], delivery: Delivery | None = None
    ) -> Future[tuple[int | None, ...]]:
        """Keep a message with all its entries, or nothing of it; gives the entries' ids.

        With `delivery`, an entry all of whose recipients got the same octets from the same sender within the last
        day, in a delivery that was lost, is not queued again: its id is None. Call `confirm` or `lost` afterwards.
        Raises ValueError where there is no entry.
        """

    def room(self) -> Future[None]:
        """Resolved as soon as so little waits to be written that the next message can be asked for (354)."""

    def confirm(self, delivery: Delivery) -> None:
        """The client's next command has come: it has the replies. What it sends again, it sends on purpose."""

    def lost(self, delivery: Delivery) -> Future[None]:
        """The connection broke before the client's next command; may be called before `put` has ended.

        What cannot be kept in mind at once, because of trouble, is when that is over.
        """

    def claim(
        self, queues: str | tuple[str, ...], runner: str, lease_seconds: float, limit: int = 1
    ) -> Future[list[Claimed]]:
        """Take up to `limit` entries that are due, the oldest first; nobody else gets them before the lease expires.

        Of several queues it is the first one that has any. Fewer come when their contents are big; an entry that has
        failed before comes alone.
        """

    def recover(self) -> Future[int]:
        """Free at once what runners had whose processes are dead; gives the number of those entries."""

    def renew(self, claimed: Claimed, lease_seconds: float) -> Future[None]:
        """Let the lease last `lease_seconds` from now."""

    def go_on(
        self, claimed: Claimed, metadata: Mapping[str, Any], lease_seconds: float, entries: Sequence[Entry] = ()
    ) -> Future[Claimed]:
        """Keep how far the runner has come with an entry: its metadata from now on, and further ones of its message.

        The lease lasts `lease_seconds` from now; gives the claim as it is then.
        """

    def done(
        self,
        claimed: Claimed,
        entries: Sequence[Entry] = (),
        puts: Sequence[Put] = (),
        next_from: tuple[str, ...] = (),
        lease_seconds: float = 0.0,
    ) -> Future[list[Claimed]]:
        """The entry has been dealt with: forget it, and the message with its last entry.

        What follows from it is kept in the same transaction: further entries of its message, and new messages. In that,
        too, its runner gets its next entry, or none, as by `claim`, from the queues `next_from`.
        """

    def later(self, claimed: Claimed, when: float, error: str = "") -> Future[None]:
        """Give the entry back, to be claimed from `when` on; that is no failure of the handler. Raises ValueError."""

    def failed(self, claimed: Claimed, error: str) -> Future[bool]:
        """The handler raised; `error` is its traceback. The third time the entry is shunted: True."""

    def give_up(self, claimed: Claimed, error: str) -> Future[None]:
        """Shunt the entry: it waits until somebody looks at it."""

    def expire_held(self, days: Mapping[str, int], limit: int) -> Future[int]:
        """Send held entries on that have waited for as many days as `days` has for their list_id, as `decide` does, at
        most `limit`; gives how many."""

    def full_lists(self, messages: int, octets: int) -> Future[frozenset[str]]:
        """The list_ids of those lists that have as many held messages, or octets of them; 0 for any number.

        It is read beside all that is written, which does not wait for it. Raises RuntimeError where no thread can be
        started.
        """

    def close(self) -> None:
        """Write what waits, then let go of the storage. Nothing can be submitted afterwards."""


class Desk(Protocol):
    """What people and gauges ask. It belongs to one thread at a time, and waits for its answers.

    Every method but `has_changed` and `close` raises QueueTrouble.
    """

    def ls(self, queue: str = "", listid: str = "") -> Iterator[Waiting]:
        """The entries, all or those of one queue or list, by queue and time."""

    def show(self, number: int) -> tuple[Waiting, bytes]:
        """One entry and its message's content. Raises NoSuchEntry."""

    def show_held(self, number: int) -> tuple[Waiting, bytes]:
        """The same of an entry that waits for a moderator. Raises NoSuchEntry for another."""

    def figures(self, now: float) -> list[Figure]:
        """A Figure for each of QUEUES."""

    def retry(self, numbers: Iterable[int]) -> None:
        """Let entries be claimed at once, all or none; shunted ones go back to the queue that they came from.

        Raises NoSuchEntry, EntryInUse.
        """

    def retry_shunted(self) -> list[int]:
        """The same for all that is shunted; their ids, the oldest first."""

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget entries, all or none, and a message with the last entry of it. Raises NoSuchEntry, EntryInUse."""

    def decide(self, numbers: Iterable[int], decision: Decision) -> None:
        """Add a moderator's decision to held entries' metadata, all or none, and send each on to the queue that is for
        its request, to be dealt with at once. Raises NoSuchEntry."""

    def discard(self, numbers: Iterable[int], *, missing_ok: bool = False) -> None:
        """Forget held entries, all or none; missing_ok: even if some are there no more. Raises NoSuchEntry."""

    def has_changed(self) -> bool:
        """Whether anybody has written anything since the last call; True, too, at the first and after any trouble."""

    def close(self) -> None:
        """Let go of the storage; asked again, the desk opens it anew."""


class Told(NamedTuple):
    """What an examination has found: as it should be (ok), worth knowing (note), or wrong, with what mends it."""

    state: Literal["ok", "note", "wrong"]
    text: str
    mend: str = ""


class Machine(Protocol):
    """Through what an engine examines its storage. Every method may raise OSError."""

    def stat(self, path: Path) -> object:
        """Raises FileNotFoundError."""

    def query(self, path: Path, statement: str) -> Sequence[Sequence[object]]:
        """The rows of a statement on a database in a file, which is only read."""


class Engine(Protocol):
    """One queue as one engine keeps it. Nothing is opened by asking for it.

    name: what people are told where the queue is. schema: the version of its storage that is known here. files: the
    files of this machine that it is in, which its user must be able to write, with their folder; none on a server.
    folders: those in which the services write. spool: the folder for what is too big to be held in memory while it
    comes in, '' for the system's.
    """

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> str: ...
    @property
    def files(self) -> tuple[Path, ...]: ...
    @property
    def folders(self) -> tuple[Path, ...]: ...
    @property
    def spool(self) -> str: ...

    def open(self) -> Queue:
        """The queue, which must have been made; trouble shows at the first call."""

    def open_desk(self) -> Desk:
        """Its desk; trouble shows at the first call."""

    def create(self) -> bool:
        """Make an empty queue; True if it was not there before.

        One that is there stays as it is, or is upgraded, in one transaction. Raises QueueTrouble.
        """

    def make_ready(self) -> bool:
        """What a service that starts does: upgrade the queue that is there, or make one; True if it was not there.

        None is made where it may be out of sight only. Raises QueueTrouble.
        """

    def examine(self, machine: Machine) -> Told:
        """Whether it is there, and of the version that is known here."""

    def newest(self, machine: Machine) -> float:
        """When the newest message in it came, in seconds since the epoch; 0.0 where there is none."""
