"""A worker's life: it starts, answers, reads its settings again at HUP, and ends after TERM or INT.

`async_part` is for code on an event loop, `watched` for code that has its own main loop, such as libmilter's.
"""

import asyncio
import select
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Protocol

from gatepost_service import log, terminal
from gatepost_service.metrics import PUBLISH_EVERY, Gauges
from gatepost_service.part import GRACE, Part, Worker
from gatepost_service.process import SignalPipe
from gatepost_service.report import RELOAD
from gatepost_service.sockets import ListenAddress

_log = log.get_logger()


class Service(Protocol):
    """What `run_async` keeps alive."""

    async def close(self) -> None:
        """Stop listening, let the transactions under way end; it is cancelled after GRACE seconds."""

    async def reload(self) -> None:
        """Read the settings again. An exception is logged, and the service goes on as it was."""


def async_part(
    name: str,
    start: Callable[[Worker], Awaitable[Service]],
    *,
    listen: tuple[ListenAddress, ...] = (),
    workers: int = 1,
    metrics: ListenAddress | None = None,
    gauges: Sequence[Gauges] = (),
) -> Part:
    """A part each of whose workers runs an event loop. `start`, called in it, gives the service when it answers."""

    def serve(worker: Worker) -> None:
        run_async(worker, lambda: start(worker))

    return Part(name=name, listen=listen, serve=serve, workers=workers, metrics=metrics, gauges=gauges)


def run_async(worker: Worker, start: Callable[[], Awaitable[Service]]) -> None:
    """Run an event loop until the process is told to stop. `start` gives the service when it answers."""
    import uvloop  # noqa: PLC0415  # 10 ms that a worker without event loop does not pay

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _handle_signals(worker, runner.get_loop())  # before it runs: a SystemExit in it would leave it half closed
        runner.run(_live(worker, start))


async def _live(worker: Worker, start: Callable[[], Awaitable[Service]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    worker.on_stop(stop.set)
    if worker.reporter.channel is not None:
        loop.add_reader(worker.reporter.channel, _obey, worker, worker.reporter.channel, loop)
    service = await _started(start, stop)
    if service is None:
        return
    ticking = loop.create_task(_tick(worker))
    reloads: set[asyncio.Task[None]] = set()  # the loop itself holds a task only weakly

    def reload() -> None:
        task = loop.create_task(_reload(worker, service))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    worker.on_reload(reload)
    worker.ready()
    await stop.wait()
    await _close(worker, service)
    ticking.cancel()


def _handle_signals(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    """Python's own handlers, not the loop's: a loop that hangs would never come to begin the end."""

    def tell(callback: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop is closed: this is the second signal, and the end is near
            loop.call_soon_threadsafe(callback)

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.count_down()
        tell(worker.stop)

    def hang_up(number: int, frame: FrameType | None) -> None:
        stop(number, frame) if terminal.has_gone() else tell(worker.reload)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, hang_up)


async def _started(start: Callable[[], Awaitable[Service]], stop: asyncio.Event) -> Service | None:
    """The service, or None if the process was told to stop before it was there."""
    starting = asyncio.ensure_future(start())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return starting.result() if starting.done() else None
    finally:
        starting.cancel()
        stopping.cancel()


async def _tick(worker: Worker) -> None:
    while True:
        await asyncio.sleep(PUBLISH_EVERY)
        worker.tick()


async def _reload(worker: Worker, service: Service) -> None:
    try:
        await service.reload()
    except Exception:
        _log.exception("settings not read again: the old ones stay", part=worker.part.name)


async def _close(worker: Worker, service: Service) -> None:
    try:
        await asyncio.wait_for(service.close(), GRACE)
    except TimeoutError:
        _log.warning("transactions cut off", part=worker.part.name, seconds=GRACE)
    except Exception:
        _log.exception("trouble at the end", part=worker.part.name)


def _obey(worker: Worker, channel: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
    if not _obeyed(worker, channel):
        loop.remove_reader(channel)


def _obeyed(worker: Worker, channel: socket.socket) -> bool:
    """Do what the parent says; False, and stop, if it has gone."""
    try:
        messages = channel.recv(4096)
    except BlockingIOError:
        return True
    except OSError:
        messages = b""
    if RELOAD in messages:
        worker.reload()
    if not messages:
        worker.stop()
    return bool(messages)


@contextmanager
def watched(worker: Worker) -> Iterator[None]:
    """While the block runs in the main thread, a thread beside it handles signals and what else a worker owes.

    The callbacks of `worker.on_stop` must make the block end. Use it where the main thread is away in a library's loop.
    """
    with SignalPipe(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        ended = threading.Event()
        thread = threading.Thread(target=_watch, args=(worker, signals, ended), name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            signals.wake()
            thread.join()


def _watch(worker: Worker, signals: SignalPipe, ended: threading.Event) -> None:
    sources: list[SignalPipe | socket.socket] = [signals]
    if worker.reporter.channel is not None:
        sources.append(worker.reporter.channel)
    while not ended.is_set():
        readable, _, _ = select.select(sources, [], [], PUBLISH_EVERY)
        arrived = signals.arrived()
        if {signal.SIGTERM, signal.SIGINT} & arrived:
            worker.stop()
        if signal.SIGHUP in arrived:
            worker.stop() if terminal.has_gone() else worker.reload()
        if worker.reporter.channel in readable and not _obeyed(worker, worker.reporter.channel):
            sources.remove(worker.reporter.channel)
        worker.tick()
