"""Everything that takes part in a run: gatepost in several settings, the ceiling, the peers.

A contestant is started once, stays up while the others have their turn, and is asked by the load client for a few
seconds in every round.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import peers
from bench.processes import Server, family, free_port, peak_megabytes, running
from bench.programs import Measurement, Workload, build, load
from bench.stores import GATEPOST, Shape, store_file

_CONFIGURATION = """\
[site]
hostname = "bench.example"
[lists]
directory = "sqlite:///{store}"
[log]
file = "{log}"
verdicts = {verdicts}
[{door}]
listen = {listen}
workers = {workers}
"""
_LISTEN = {"policy": '["inet:127.0.0.1:{port}"]', "milter": '"inet:127.0.0.1:{port}"'}
# What a milter answers where the policy service says DUNNO.
_CONTINUE = "continue"


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

    def ask(self, seconds: float, start: int) -> Measurement:
        connections = self.connections
        return load(self.mode, self.address, self.workload, connections=connections, seconds=seconds, start=start)

    def take_turn(self, seconds: float, start: int) -> None:
        self.measured.append(self.ask(seconds, start))

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
        workload = self.shape.workload()
        return workload if self.door == "policy" else _with_replies(workload, _CONTINUE, "550 5.7.2 ")


@contextmanager
def gatepost(folder: Path, store_folder: Path, setting: Setting) -> Iterator[Contestant]:
    """`gatepost run DOOR` on the store of `store_folder`, with its own files in `folder`."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "gatepost.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            store=store_file(store_folder),
            log=folder / "log",
            verdicts=str(setting.verdict_lines).lower(),
            door=setting.door,
            listen=_LISTEN[setting.door].format(port=port),
            workers=setting.workers,
        )
    )
    command = (GATEPOST, "--config", configuration, "run", setting.door)
    with running(command, f"{setting.door} ready on ", folder / "stderr") as server:
        address = f"inet:127.0.0.1:{port}"
        yield Contestant(setting.title, address, setting.workload(), setting.connections, setting.door, server)


@contextmanager
def ceiling(folder: Path, shape: Shape, connections: int) -> Iterator[Contestant]:
    """The server in C that answers at once and decides nothing."""
    folder.mkdir()
    with running((build("sink"), "policy", "0"), "sink ready on ", folder / "stderr") as server:
        address = server.ready_line.split()[-1]
        workload = _with_replies(shape.workload(), "DUNNO", "DUNNO")
        yield Contestant(f"ceiling: {connections} connections", address, workload, connections, server=server)


@contextmanager
def milter_ceiling(folder: Path, shape: Shape, connections: int) -> Iterator[Contestant]:
    """The libmilter program in C that decides nothing."""
    folder.mkdir()
    port = free_port()
    with running((build("milter_ceiling"), str(port)), "ceiling ready on ", folder / "stderr") as server:
        workload = _with_replies(shape.workload(), _CONTINUE, _CONTINUE)
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
            Contestant("postfwd2", postfwd2, _with_replies(workload, "DUNNO", "550 5.7.2 ")),
            Contestant("postgrey", postgrey, _with_replies(workload, "DEFER_IF_PERMIT ", "DEFER_IF_PERMIT ")),
            Contestant("postgrey, recipients whitelisted", idle_postgrey, _with_replies(workload, "DUNNO", "DUNNO")),
        )


def _with_replies(workload: Workload, *expected: str) -> Workload:
    senders = tuple(replace(sender, expected=text) for sender, text in zip(workload.senders, expected, strict=True))
    return replace(workload, senders=senders)
