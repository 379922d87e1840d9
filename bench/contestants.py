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
[policy]
listen = ["inet:127.0.0.1:{port}"]
workers = {workers}
"""


@dataclass
class Contestant:
    """A running server, how it is asked, and what has been measured so far."""

    name: str
    address: str
    workload: Workload
    connections: int = 8
    server: Server | None = None
    measured: list[Measurement] = field(default_factory=list)

    def ask(self, seconds: float, start: int) -> Measurement:
        return load(self.address, self.workload, connections=self.connections, seconds=seconds, start=start)

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

    @property
    def title(self) -> str:
        processes = "1 process" if self.workers == 1 else f"{self.workers} workers"
        lines = "log lines to a file" if self.verdict_lines else "no verdict lines"
        return f"gatepost: {self.shape.title}, {processes}, {lines}"


@contextmanager
def gatepost(folder: Path, store_folder: Path, setting: Setting) -> Iterator[Contestant]:
    """`gatepost run policy` on the store of `store_folder`, with its own files in `folder`."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "gatepost.toml"
    configuration.write_text(
        _CONFIGURATION.format(
            store=store_file(store_folder),
            log=folder / "log",
            verdicts=str(setting.verdict_lines).lower(),
            port=port,
            workers=setting.workers,
        )
    )
    command = (GATEPOST, "--config", configuration, "run", "policy")
    with running(command, "policy ready on ", folder / "stderr") as server:
        address = f"inet:127.0.0.1:{port}"
        yield Contestant(setting.title, address, setting.shape.workload(), setting.connections, server)


@contextmanager
def ceiling(folder: Path, shape: Shape, connections: int) -> Iterator[Contestant]:
    """The server in C that answers at once and decides nothing."""
    folder.mkdir()
    with running((build("sink"), "policy", "0"), "sink ready on ", folder / "stderr") as server:
        address = server.ready_line.split()[-1]
        workload = _with_replies(shape.workload(), "DUNNO", "DUNNO")
        yield Contestant(f"ceiling: {connections} connections", address, workload, connections, server)


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
