"""Child processes: started, watched, started again when they die, told, and ended.

Rules:
- nothing here runs on an event loop or in a thread, so that nothing but signals and children can disturb it;
- a child that ends before it was ever ready, with one of sysexits(3)'s codes, would end so again: all is ended with it;
- every other child that ends is started again, at once, and later and later while it keeps dying young.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gatepost_service import log, terminal
from gatepost_service.part import say
from gatepost_service.process import SignalPipe, fork
from gatepost_service.report import BEAT, READY, RELOAD, Reporter

PAUSES = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)  # s before a child is started again, by how often it died young
TOLD_PAUSE = 1.0  # s before one that was told to end is: TERM for the whole family may still be on its way to us
HEALTHY = 10.0  # s: who has lived as long did not die young
_FATAL = range(os.EX_USAGE, os.EX_CONFIG + 1)  # sysexits(3): another try would end the same way

_log = log.get_logger()


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one child process does. `ready_line` is printed once when all jobs that share it are ready."""

    name: str
    work: Callable[[socket.socket], int]
    ready_line: str = ""
    ended: Callable[[], None] = lambda: None


@dataclass
class _Child:
    job: Job
    pid: int = 0  # 0 while it does not run
    channel: socket.socket | None = None
    started: float = 0.0
    start_at: float = 0.0
    deaths: int = 0  # in a row, young
    ready: bool = False  # has been, at least once
    beat: bool = False  # since the last one that was reported
    story: dict[str, object] | None = None  # how it ended, if that is still to be logged


@dataclass
class Supervisor:
    """Runs each job in a child process until it is told to stop; `run` gives the exit status.

    `stop_within`: seconds after TERM when what is left is killed. `on_stop` is called when stopping begins.
    """

    jobs: Sequence[Job]
    reporter: Reporter
    stop_within: float
    on_stop: Callable[[], None] = lambda: None
    _children: list[_Child] = field(default_factory=list)
    _status: int = os.EX_OK
    _stop_by: float = 0.0
    _is_ready: bool = False

    def run(self) -> int:
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        self._children = [_Child(job) for job in self.jobs]
        with SignalPipe(*numbers) as signals, selectors.PollSelector() as selector:
            self._signals, self._selector = signals, selector
            selector.register(signals, selectors.EVENT_READ, self._on_signals)
            if self.reporter.channel is not None:
                selector.register(self.reporter.channel, selectors.EVENT_READ, self._on_parent)
            while not self._stop_by or any(child.pid for child in self._children):
                self._start_due()
                for key, _ in selector.select(self._timeout()):
                    key.data()
                self._reap()
                self._kill_late()
        return self._status

    def _timeout(self) -> float | None:
        if self._stop_by:
            return max(0.0, self._stop_by - time.monotonic())
        waiting = [child.start_at for child in self._children if not child.pid]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.pid and not self._stop_by and child.start_at <= now:
                self._tell_end(child)
                self._start(child)

    def _start(self, child: _Child) -> None:
        def work(channel: socket.socket) -> int:
            self._leave_family()
            return child.job.work(channel)

        try:
            child.pid, channel = fork(work)
        except OSError as error:
            child.start_at = time.monotonic() + PAUSES[-1]
            _log.error("process cannot be started", process=child.job.name, why=error.strerror)
            return
        child.started = time.monotonic()
        child.channel = channel
        self._selector.register(channel, selectors.EVENT_READ, lambda: self._on_child(child, channel))

    def _leave_family(self) -> None:
        """In a new child: close what only the parent needs."""
        self._signals.close()
        for child in self._children:
            if child.channel is not None:
                child.channel.close()
        if self.reporter.channel is not None:
            self.reporter.channel.close()

    def _on_signals(self) -> None:
        arrived = self._signals.arrived()
        if {signal.SIGTERM, signal.SIGINT} & arrived:
            self._stop()
        elif signal.SIGHUP in arrived:
            self._stop() if terminal.has_gone() else self._reload()

    def _on_parent(self) -> None:
        messages = _received(self.reporter.channel)
        if not messages:
            self._stop()
        elif RELOAD in messages:
            self._reload()

    def _on_child(self, child: _Child, channel: socket.socket) -> None:
        messages = _received(channel)
        if not messages:
            self._selector.unregister(channel)
            channel.close()
            child.channel = None
        if READY in messages and not child.ready:
            child.ready = True
            self._tell_ready(child.job.ready_line)
        child.beat = child.beat or BEAT in messages
        if all(member.beat for member in self._children):
            for member in self._children:
                member.beat = False
            self.reporter.beat()

    def _tell_ready(self, line: str) -> None:
        if line and all(child.ready for child in self._children if child.job.ready_line == line):
            say(line)
        if not self._is_ready and all(child.ready for child in self._children):
            self._is_ready = True
            self.reporter.ready(self._summary())

    def _summary(self) -> str:
        return f"{', '.join(child.job.name for child in self._children)} ready"

    def _reload(self) -> None:
        self.reporter.reloading()
        log.reopen()
        for child in self._children:
            if child.channel is not None:
                with suppress(OSError):  # it has ended, or begins only now, with the settings as they are
                    child.channel.send(RELOAD)
        if self._is_ready:
            self.reporter.ready(self._summary())

    def _stop(self) -> None:
        if self._stop_by:
            return
        self._stop_by = time.monotonic() + self.stop_within
        self.reporter.stopping()
        self.on_stop()
        self._signal_all(signal.SIGTERM)

    def _kill_late(self) -> None:
        if self._stop_by and time.monotonic() >= self._stop_by:
            self._signal_all(signal.SIGKILL)
            self._stop_by = time.monotonic() + self.stop_within

    def _signal_all(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.pid:  # not yet waited for, so the number is still its own
                os.kill(child.pid, number)

    def _reap(self) -> None:
        for child in self._children:
            if child.pid:
                pid, wait_status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    self._ended(child, os.waitstatus_to_exitcode(wait_status))

    def _ended(self, child: _Child, status: int) -> None:
        """`status`: the exit status, or a signal's number below 0."""
        pid, child.pid = child.pid, 0
        child.beat = False
        child.job.ended()
        if self._stop_by:
            return
        if not child.ready and status in _FATAL:
            self._status = status
            self._stop()
            return
        now = time.monotonic()
        child.deaths = 0 if now - child.started >= HEALTHY else child.deaths
        pause = PAUSES[min(child.deaths, len(PAUSES) - 1)]
        told = status in {os.EX_OK, -signal.SIGTERM, -signal.SIGINT}
        child.start_at = now + (max(pause, TOLD_PAUSE) if told else pause)
        child.deaths += 1
        child.story = {"pid": pid, **_how(status), "pause": pause}
        if not told:
            self._tell_end(child)

    def _tell_end(self, child: _Child) -> None:
        """Of one that was told to end, it is said only when it is started again: TERM may be for all of us."""
        if child.story is not None:
            _log.error("process ended, will be started again", process=child.job.name, **child.story)
            child.story = None


def _how(status: int) -> dict[str, object]:
    return {"signal": signal.Signals(-status).name} if status < 0 else {"status": status}


def _received(channel: socket.socket | None) -> bytes:
    """What the other side has sent; b'' if it has gone."""
    try:
        return channel.recv(4096) if channel is not None else b""
    except OSError:
        return b""
