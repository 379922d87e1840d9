"""Forking, signals and limits.

Rules: fork happens without exec and before any thread is started; a child puts aside what belongs to its parent (signal
handlers, wake-up descriptor) before a signal can reach it; a child dies with its parent, whatever way that goes.
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from gatepost_service import log, terminal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_PR_SET_NAME = 15
_FILES_ASIDE = 64  # that connections leave for stores, log and listeners, or half of the limit if that is less
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def raise_file_limit() -> None:
    """Let this process open as many files as it is allowed to: the soft limit is for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections_allowed(files: int) -> int:
    """How many connections this process may have if each takes so many of the files that it may open; 1 at least."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return max((limit - min(_FILES_ASIDE, limit // 2)) // files, 1)


def name_process(name: str) -> None:
    """What ps and top show as the command; 15 bytes count."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, of this process id, ends; at once if it has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(os.EX_UNAVAILABLE)


def end_quietly_on_signals() -> None:
    """Until a service has its own handlers: TERM, INT and the terminal's end end the process with 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    signal.signal(signal.SIGHUP, terminal.end_with_it)
    for number in (signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(os.EX_OK)


def fork(work: Callable[[socket.socket], int]) -> tuple[int, socket.socket]:
    """Run `work` in a child process, which ends with the exit status that it gives.

    Gives the child's process id, and this side of a channel between the two; `work` gets the other side. Raises OSError
    where the system allows no more processes.
    """
    ours, theirs = socket.socketpair()
    log.flush()
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        pid = os.fork()
        if pid == 0:
            ours.close()
            _be_child(work, theirs, parent)
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    ours.setblocking(False)
    return pid, ours


def _be_child(work: Callable[[socket.socket], int], channel: socket.socket, parent: int) -> None:
    """Never returns, and runs nothing of what the parent has registered for its own end."""
    status = os.EX_SOFTWARE
    try:
        signal.set_wakeup_fd(-1)
        end_quietly_on_signals()
        die_with(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        status = work(channel)
    except SystemExit as end:
        status = exit_status(end)
    except BaseException:  # nothing may come back into the parent's code
        traceback.print_exc()
    finally:
        log.flush()
        os._exit(status)


def exit_status(end: SystemExit) -> int:
    """The exit status that Python would give for it."""
    if end.code is None:
        return os.EX_OK
    return end.code if isinstance(end.code, int) else 1


class SignalPipe:
    """Signals as something to wait for beside other descriptors. Use in the main thread, as a context manager."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> "SignalPipe":
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self._numbers:
            signal.signal(number, _note)
        return self

    def __exit__(self, *_: object) -> None:
        end_quietly_on_signals()
        signal.set_wakeup_fd(-1)
        self.close()

    def close(self) -> None:
        """Give up the descriptors alone: for a child process, whose handlers are its own already."""
        os.close(self._read)
        os.close(self._write)

    def fileno(self) -> int:
        return self._read

    def wake(self) -> None:
        """Make whoever waits look up, without a signal."""
        os.write(self._write, b"\0")

    def arrived(self) -> set[int]:
        """The numbers of the signals that have come since the last call."""
        try:
            return set(os.read(self._read, 4096))
        except BlockingIOError:
            return set()


def _note(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor says it all."""
