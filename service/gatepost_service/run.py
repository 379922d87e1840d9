"""`run`: serve some parts until told to stop.

- One part with one worker is served in this process.
- One part with several workers: this process opens the listeners, forks the workers and supervises them.
- Several parts: one child process for each, which does as above: a part that is stuck stops no other.
"""

import gc
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from gatepost_service import log
from gatepost_service.accept import Load, Loads
from gatepost_service.metrics import Board, Gauges, Slot, Tally
from gatepost_service.part import Part, Worker, say
from gatepost_service.process import end_quietly_on_signals, exit_status, name_process, raise_file_limit
from gatepost_service.report import ParentReporter, Reporter, SystemdReporter, watchdog_seconds
from gatepost_service.sockets import (
    ListenAddress,
    ListenError,
    address_of,
    close_listener,
    inherited_listeners,
    is_same,
    open_listener,
)
from gatepost_service.supervisor import Job, Supervisor

# Seconds from TERM to KILL; a worker ends by itself at 4 s (part.GRACE), and all is over within 5.
WORKERS_END = 4.5
PARTS_END = 4.75
BEATS = 4  # a worker shows life so often in systemd's interval: what comes up to systemd then comes at half of it

_log = log.get_logger()


@dataclass(frozen=True)
class _Family:
    """What all processes of one run have in common."""

    slots: Sequence[Slot]
    beat_every: float


def run(parts: Sequence[Part], *, metrics: ListenAddress | None = None) -> int:
    """Serve the parts until TERM or INT; gives the exit status (sysexits(3)): 69 if an address cannot be listened on.

    `metrics` serves the figures of all parts; without it each part serves its own on `Part.metrics`. Configure the log
    before. Call it in the main thread, before any other thread is started.
    """
    raise_file_limit()
    end_quietly_on_signals()
    name_process("gatepost")
    _warn_of_unused_listeners(parts, metrics)
    family = _Family(Board(sum(part.workers for part in parts)).slots, watchdog_seconds() / BEATS)
    reporter = SystemdReporter()
    if len(parts) == 1:
        return _guarded(lambda: _run_part(parts[0], family, family.slots, reporter, metrics or parts[0].metrics))
    return _guarded(lambda: _run_parts(parts, family, reporter, metrics))


def _warn_of_unused_listeners(parts: Sequence[Part], metrics: ListenAddress | None) -> None:
    wanted = {metrics, *(address for part in parts for address in (*part.listen, part.metrics))} - {None}
    for listener in inherited_listeners():
        found = address_of(listener)
        if not any(address is not None and is_same(address, found) for address in wanted):
            _log.warning("systemd passed a socket that no setting asks for", listen=str(found))


def _run_parts(parts: Sequence[Part], family: _Family, reporter: Reporter, metrics: ListenAddress | None) -> int:
    jobs = []
    first = 0
    for part in parts:
        slots = family.slots[first : first + part.workers]
        first += part.workers
        jobs.append(Job(name=part.name, work=_part_work(part, family, slots, None if metrics else part.metrics)))
    if metrics is not None:
        gauges = dict.fromkeys(gauges for part in parts for gauges in part.gauges)
        jobs.append(_metrics_job(metrics, family, family.slots, tuple(gauges)))
    return Supervisor(jobs, reporter, PARTS_END).run()


def _part_work(
    part: Part, family: _Family, slots: Sequence[Slot], metrics: ListenAddress | None
) -> Callable[[socket.socket], int]:
    def work(channel: socket.socket) -> int:
        return _guarded(lambda: _run_part(part, family, slots, ParentReporter(channel), metrics))

    return work


def _run_part(
    part: Part, family: _Family, slots: Sequence[Slot], reporter: Reporter, metrics: ListenAddress | None
) -> int:
    """Open a part's listeners and serve it, in this process or by several."""
    name_process(f"gatepost-{part.name}")
    with ExitStack() as closing:
        listeners = part.open(part)
        for listener in listeners:
            closing.callback(close_listener, listener)
        loads = Loads(part.workers)
        if part.workers == 1:
            if metrics is not None:
                _scrape_in_thread(closing, metrics, slots, part.gauges)
            worker = _worker(part, 0, listeners, loads, slots, reporter, family, announce=True)
            return _serve(worker)
        jobs = [_worker_job(part, index, listeners, loads, slots, family) for index in range(part.workers)]
        if metrics is not None:
            jobs.append(_metrics_job(metrics, family, slots, part.gauges))
        return Supervisor(jobs, reporter, WORKERS_END, on_stop=closing.close).run()


def _worker_job(
    part: Part, index: int, listeners: Sequence[socket.socket], loads: Loads, slots: Sequence[Slot], family: _Family
) -> Job:
    def work(channel: socket.socket) -> int:
        def serve() -> int:
            reporter = ParentReporter(channel)
            return _serve(_worker(part, index, listeners, loads, slots, reporter, family, announce=False))

        return _guarded(serve)

    return Job(
        name=f"{part.name}/{index}",
        work=work,
        ready_line=part.ready_line(listeners),
        ended=lambda: loads.reset(index),
    )


def _worker(
    part: Part,
    index: int,
    listeners: Sequence[socket.socket],
    loads: Loads,
    slots: Sequence[Slot],
    reporter: Reporter,
    family: _Family,
    *,
    announce: bool,
) -> Worker:
    tally = Tally(slots[index] if slots else None)
    load = Load(loads, index)
    return Worker(part, index, listeners, load, tally, reporter, announce=announce, beat_every=family.beat_every)


def _serve(worker: Worker) -> int:
    gc.freeze()  # what has been loaded stays: the collector need not walk through it again and again
    try:
        worker.part.serve(worker)
    finally:
        worker.tally.publish()
        log.flush()
        worker.ended()
    return os.EX_OK


def _metrics_job(address: ListenAddress, family: _Family, slots: Sequence[Slot], gauges: Sequence[Gauges]) -> Job:
    part = Part(name="metrics", listen=(address,), serve=lambda worker: _serve_metrics(worker, slots, gauges))
    return Job(name=part.name, work=_part_work(part, family, (), None))


def _serve_metrics(worker: Worker, slots: Sequence[Slot], gauges: Sequence[Gauges]) -> None:
    from gatepost_service.scrape import ScrapeServer  # noqa: PLC0415  # takes 40 ms, and only this process needs it
    from gatepost_service.worker import watched  # noqa: PLC0415

    server = ScrapeServer(worker.listeners[0], slots, gauges)
    worker.on_stop(server.shutdown)
    with watched(worker):
        worker.ready()
        server.serve_forever()


def _scrape_in_thread(
    closing: ExitStack, address: ListenAddress, slots: Sequence[Slot], gauges: Sequence[Gauges]
) -> None:
    """For a part that is served in this very process."""
    listener = open_listener(address)
    closing.callback(close_listener, listener)

    def serve() -> None:
        from gatepost_service.scrape import ScrapeServer  # noqa: PLC0415

        server = ScrapeServer(listener, slots, gauges)
        say(f"metrics ready on {address_of(listener)}")
        server.serve_forever()

    threading.Thread(target=serve, name="metrics", daemon=True).start()


def _guarded(work: Callable[[], int]) -> int:
    """What `work` gives, or the exit status that fits what it raised."""
    try:
        return work()
    except SystemExit as end:
        return exit_status(end)
    except ListenError as error:
        say(f"gatepost: {error}")
        return os.EX_UNAVAILABLE
    except Exception:
        _log.exception("unexpected end")
        return os.EX_SOFTWARE
