"""Who brings one post to many members, and how long that takes: gatepost's delivery, and Mailman's outgoing runner.

Rules: a turn is one post. The time counts from the first message that smtp-sink has to the last, so that nobody's way
there does: neither how often a queue is looked at, nor what is decided about the post. After each turn the courier's
own log must say that all recipients have it; otherwise the measurement is void.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate, make_msgid
from pathlib import Path
from statistics import median

from bench import mailman
from bench.processes import Server, family, peak_megabytes, running
from bench.programs import BenchError, Measurement
from bench.smtp_sink import SmtpSink, smtp_sink
from bench.stores import DOMAIN, GATEPOST, Shape, store_file
from gatepost_lmtp.entries import Destination, Origin, entries_for
from gatepost_queue import Message, create, open_queue

LIST = f"list0@{DOMAIN}"
_LISTID = f"list0.{DOMAIN}"
# Recipients of one transaction, for everyone: gatepost's default.
CHUNK = 100
# Octets of a post.
_POST = 10_000
_CONFIGURATION = """\
[site]
hostname = "bench.example"
[lists]
directory = "sqlite:///{store}"
[log]
file = "{log}"
[queue]
engine = "sqlite:///{queue}"
[delivery]
smtp_host = "127.0.0.1"
smtp_port = {port}
max_recipients = {chunk}
verp_delivery_interval = {verp:d}
dmarc = "off"
"""
_TURN = 0.002
# So long, in seconds, nothing may happen before a post counts as stuck.
_PATIENCE = 60.0


@dataclass
class Courier:
    """Who is measured: `post` hands it one post, `told` is how many recipients have got theirs by its own log.

    recipients: of a post. transactions: that a post takes.
    """

    name: str
    sink: SmtpSink
    recipients: int
    transactions: int
    post: Callable[[], object]
    told: Callable[[], int]
    server: Server | None = None
    measured: list[Measurement] = field(default_factory=list)
    # Recipients a second, counted from the moment when the post was handed over.
    whole: list[float] = field(default_factory=list)

    def warm_up(self, seconds: float, start: int) -> None:
        """The first post opens files and connections."""
        self._deliver()

    def take_turn(self, seconds: float, start: int) -> None:
        """Deliver one post, however long that takes."""
        whole, rate = self._deliver()
        self.whole.append(whole)
        self.measured.append(Measurement(rate, 0, 0, 0, ()))

    def figures(self) -> tuple[str, str, str, str]:
        """A row of the report: a post has no latencies."""
        return self.name, f"{median(each.rate for each in self.measured):,.0f}", "", ""

    def memory(self) -> float:
        """The most that its processes have had resident, in MB. Only for gatepost."""
        assert self.server is not None
        return sum(peak_megabytes(pid) for pid in family(self.server.process.pid))

    def _deliver(self) -> tuple[float, float]:
        """Recipients a second, from the handing over and from the first message."""
        told, before = self.told(), self.sink.messages()
        handed_over = time.monotonic()
        self.post()
        first = self._wait_for(self.sink.messages, before + 1)
        begun = time.monotonic()
        self._wait_for(self.sink.messages, before + self.transactions)
        ended = time.monotonic()
        self._wait_for(self.told, told + self.recipients)
        part = (before + self.transactions - first) / self.transactions
        return self.recipients / (ended - handed_over), part * self.recipients / (ended - begun)

    def _wait_for(self, figure: Callable[[], int], wanted: int) -> int:
        """The figure, as soon as it is `wanted` or more."""
        seen, deadline = figure(), time.monotonic() + _PATIENCE
        while seen < wanted:
            time.sleep(_TURN)
            if (now := figure()) != seen:
                seen, deadline = now, time.monotonic() + _PATIENCE
            elif time.monotonic() > deadline:
                raise BenchError(f"{self.name}: {wanted} were to come in, and there are {seen}")
        return seen


@contextmanager
def delivery(folder: Path, store_folder: Path, name: str, shape: Shape, *, verp: bool) -> Iterator[Courier]:
    """`gatepost run delivery` for the one list of a store, with its queue, its log and its sink in `folder`."""
    folder.mkdir()
    log, queue, configuration = folder / "log", folder / "queue.db", folder / "gatepost.toml"
    create(f"sqlite:///{queue}")
    with smtp_sink(folder / "sink") as sink:
        configuration.write_text(
            _CONFIGURATION.format(
                store=store_file(store_folder), log=log, queue=queue, port=sink.port, chunk=CHUNK, verp=verp
            )
        )
        command = (GATEPOST, "--config", configuration, "run", "delivery")
        with running(command, "delivery ready", folder / "stderr") as server:
            count = shape.memberships
            yield Courier(
                name=name,
                sink=sink,
                recipients=count,
                transactions=count if verp else -(-count // CHUNK),
                post=lambda: _put(queue, shape),
                told=Told(log, rb'outcome="(\d+) sent"'),
                server=server,
            )


@contextmanager
def mailmen(folder: Path, shape: Shape, verp_recipients: int) -> Iterator[tuple[Courier, Courier]]:
    """Mailman's outgoing runner for a list of this shape, in bulk, and with VERP to so many of the members."""
    with (
        smtp_sink(folder.with_name(f"{folder.name}-sink")) as sink,
        mailman.out_runner(folder, shape, sink.port, CHUNK) as runner,
    ):
        told = Told(runner.log, rb"for (\d+) recips, completed")

        def courier(name: str, recipients: int, *, verp: bool) -> Courier:
            members = [shape.member(number) for number in range(recipients)]
            return Courier(
                name=name,
                sink=sink,
                recipients=recipients,
                transactions=recipients if verp else -(-recipients // CHUNK),
                post=lambda: runner.post(_post(shape).decode(), members, verp=verp),
                told=told,
            )

        yield (
            courier("bulk: Mailman", shape.memberships, verp=False),
            courier(f"VERP: Mailman, {verp_recipients:,} recipients", verp_recipients, verp=True),
        )


class Told:
    """The sum of the figures that a growing log has in lines of this form."""

    def __init__(self, log: Path, form: bytes) -> None:
        self._log = log
        self._form = re.compile(form)
        self._read = 0
        self._sum = 0

    def __call__(self) -> int:
        if self._log.exists():
            with self._log.open("rb") as lines:
                lines.seek(self._read)
                whole, end, _ = lines.read().rpartition(b"\n")
            self._read += len(whole + end)
            self._sum += sum(map(int, self._form.findall(whole)))
        return self._sum


def _put(queue: Path, shape: Shape) -> None:
    """Put a post into the queue `in`, as the receiver does."""
    content, sender, now = _post(shape), shape.member(0), time.time()
    entries = entries_for([Destination(_LISTID, "", "", LIST)], Origin(sender, len(content), now, sender))
    with closing(open_queue(f"sqlite:///{queue}")) as opened:
        opened.put(Message(content=content, envsender=sender, received=now), entries).result()


def _post(shape: Shape) -> bytes:
    """A post by the first member."""
    head = (
        f"From: {shape.member(0)}\r\nTo: {LIST}\r\nSubject: one post\r\nDate: {formatdate()}\r\n"
        f"Message-ID: {make_msgid(domain='bench.example')}\r\n\r\n"
    ).encode()
    line = b"The quick brown fox jumps over the lazy dog, time and again, as it does.\r\n"
    return head + line * ((_POST - len(head)) // len(line))
