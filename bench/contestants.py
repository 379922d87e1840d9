"""Everything that takes part in a run: gatepost in several settings, the ceiling, the peers.

A contestant is started once, stays up while the others have their turn, and is asked by the load client for a few
seconds in every round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench import checks, peers
from bench.checks import Check
from bench.processes import Server, family, free_port, peak_megabytes, running
from bench.programs import Load, Measurement, Workload, build
from bench.stores import GATEPOST, Shape, store_file

_CONFIGURATION = """\
[site]
hostname = "bench.example"
[lists]
directory = "sqlite:///{store}"
[log]
file = "{log}"
verdicts = {verdicts}
[queue]
engine = "sqlite:///{queue}"
[{part}]
listen = {listen}
workers = {workers}
[socketmap]
enabled = {tables}
listen = ["inet:127.0.0.1:{table_port}"]
"""
_LISTEN = {
    "policy": '["inet:127.0.0.1:{port}"]',
    "milter": '"inet:127.0.0.1:{port}"',
    "lmtp": '["inet:127.0.0.1:{port}"]',
}
# What a milter answers where the policy service says DUNNO.
_CONTINUE = "continue"
REFUSED = "550 5.7.2 "
# What a door answers to members and to strangers.
_REPLIES = {
    "policy": ("DUNNO", REFUSED),
    "socketmap": ("OK", REFUSED),
    "milter": (_CONTINUE, REFUSED),
    "lmtp": ("250 2.1.5 ", REFUSED),
}
_WARM_UP_SECONDS = 0.5
# The mode in which the load client asks a door, where it is not the door's name.
_MODES = {"lmtp": "lmtp-rcpt"}
# The part of gatepost that serves a door, where that is not its name.
_PARTS = {"socketmap": "policy"}


@dataclass
class Contestant:
    """A running server, how it is asked, and what has been measured so far."""

    name: str
    address: str
    workload: Workload
    connections: int = 8
    mode: str = "policy"
    server: Server | None = None
    measured: list[Measurement] = field(default_factory=list)

    def begin(self, seconds: float, start: int) -> Load:
        """Begin to ask; others may be asked meanwhile."""
        connections = self.connections
        return Load(self.mode, self.address, self.workload, connections=connections, seconds=seconds, start=start)

    def ask(self, seconds: float, start: int) -> Measurement:
        return self.begin(seconds, start).result()

    def warm_up(self, seconds: float, start: int) -> None:
        self.ask(min(_WARM_UP_SECONDS, seconds), start)

    def take_turn(self, seconds: float, start: int) -> None:
        self.measured.append(self.ask(seconds, start))

    def figures(self) -> tuple[str, str, str, str]:
        """A row of the report: the name, and the medians over the rounds."""
        rate = median(each.rate for each in self.measured)
        p50 = median(each.p50 for each in self.measured) / 1000
        p99 = median(each.p99 for each in self.measured) / 1000
        return self.name, f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}", f"{p50:.2f}", f"{p99:.2f}"

    @property
    def lists(self) -> str:
        """How many lists it is asked about."""
        return f"{self.workload.recipients:,}"

    def memory(self) -> float:
        """The most that one of its processes has had resident, in MB. Only for a server that was started here."""
        assert self.server is not None
        return max(peak_megabytes(pid) for pid in family(self.server.process.pid))


@dataclass(frozen=True)
class Setting:
    """How gatepost is run: on which store, with how many workers, with or without a log line for each verdict."""

    shape: Shape
    workers: int = 1
    verdict_lines: bool = True
    connections: int = 8
    door: str = "policy"

    @property
    def title(self) -> str:
        processes = "1 process" if self.workers == 1 else f"{self.workers} workers"
        lines = "log lines to a file" if self.verdict_lines else "no verdict lines"
        return f"gatepost {self.door}: {self.shape.title}, {processes}, {lines}"

    def workload(self) -> Workload:
        """The questions, with the answers of this door."""
        return with_replies(self.shape.workload(), *_REPLIES[self.door])


@contextmanager
def gatepost(folder: Path, store_folder: Path, setting: Setting) -> Iterator[Contestant]:
    """`gatepost run DOOR` on the store of `store_folder`, with its own files in `folder`."""
    folder.mkdir()
    port, table_port = free_port(), free_port()
    part, has_tables = _PARTS.get(setting.door, setting.door), setting.door == "socketmap"
    configuration = folder / "gatepost.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            store=store_file(store_folder),
            log=folder / "log",
            verdicts=str(setting.verdict_lines).lower(),
            queue=folder / "queue.db",
            part=part,
            listen=_LISTEN[part].format(port=port),
            workers=setting.workers,
            tables=str(has_tables).lower(),
            table_port=table_port,
        )
    )
    command = (GATEPOST, "--config", configuration, "run", part)
    with running(command, f"{setting.door} ready on ", folder / "stderr") as server:
        address = f"inet:127.0.0.1:{table_port if has_tables else port}"
        mode = _MODES.get(setting.door, setting.door)
        yield Contestant(setting.title, address, setting.workload(), setting.connections, mode, server)


@contextmanager
def ceiling(folder: Path, shape: Shape, connections: int, door: str = "policy") -> Iterator[Contestant]:
    """The server in C that answers at once and decides nothing."""
    folder.mkdir()
    with running((build("sink"), door, "0"), "sink ready on ", folder / "stderr") as server:
        address = server.ready_line.split()[-1]
        accepted, mode = _REPLIES[door][0].split()[0], _MODES.get(door, door)
        workload = with_replies(shape.workload(), accepted, accepted)
        yield Contestant(f"ceiling: {connections} connections", address, workload, connections, mode, server)


@contextmanager
def milter_ceiling(folder: Path, shape: Shape, connections: int) -> Iterator[Contestant]:
    """The libmilter program in C that decides nothing."""
    folder.mkdir()
    port = free_port()
    with running((build("milter_ceiling"), str(port)), "ceiling ready on ", folder / "stderr") as server:
        workload = with_replies(shape.workload(), _CONTINUE, _CONTINUE)
        name = f"milter ceiling: {connections} connections"
        yield Contestant(name, f"inet:127.0.0.1:{port}", workload, connections, "milter", server)


@contextmanager
def peer_servers(folder: Path, shape: Shape) -> Iterator[tuple[Contestant, Contestant, Contestant]]:
    """postfwd2, postgrey, and postgrey with the recipients whitelisted."""
    folder.mkdir()
    workload = shape.workload()
    with ExitStack() as stack:
        postfwd2 = stack.enter_context(peers.postfwd2(folder / "postfwd2"))
        postgrey = stack.enter_context(peers.postgrey(folder / "postgrey", whitelisted=False))
        idle_postgrey = stack.enter_context(peers.postgrey(folder / "whitelisted", whitelisted=True))
        yield (
            Contestant("postfwd2", postfwd2, with_replies(workload, "DUNNO", REFUSED)),
            Contestant("postgrey", postgrey, with_replies(workload, "DEFER_IF_PERMIT ", "DEFER_IF_PERMIT ")),
            Contestant("postgrey, recipients whitelisted", idle_postgrey, with_replies(workload, "DUNNO", "DUNNO")),
        )


def with_replies(workload: Workload, *expected: str) -> Workload:
    """The same questions, with other replies expected: one to each kind of sender."""
    senders = tuple(replace(sender, expected=text) for sender, text in zip(workload.senders, expected, strict=True))
    return replace(workload, senders=senders)


def rate_ratio(over: Contestant, under: Contestant) -> float:
    """How many times as fast one is as the other."""
    return checks.ratio(over.measured, under.measured)


def resources(gateposts: Sequence[Contestant], prefix: str = "") -> list[Check]:
    """What is promised of every door: the memory of its largest process, and how soon it is ready."""
    slowest_start = max(each.server.ready_seconds for each in gateposts if each.server is not None)
    memory = max(each.memory() for each in gateposts)
    return [
        checks.amount(f"{prefix}peak resident memory, the largest process", memory, 100, "MB"),
        checks.amount(f"{prefix}ready, the slowest start", slowest_start, 1, "s"),
    ]
