"""Where log lines go: a file, standard error, syslog, or nowhere.

Rules:
- lines are gathered and written with one system call; what is gathered is written before the process ends;
- a place that cannot be written (disk full, no permission, a pipe whose reader is gone or stands still) never stops
  the service: its lines go to the second place, or are counted as lost; this is said once, and again when the first
  place works;
- the file is opened to append, so that several processes and logrotate share it;
- a line cut short by a full disk is ended before the next one begins.
"""

import contextlib
import errno
import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gatepost_service.ownership import new_file

STDERR = 2
SYSLOG = "/dev/log"
PIPE_CHUNK = 4096  # pipe(7): PIPE_BUF. So much is written whole beside the writes of others, and at once after poll(2)
PATIENCE = 0.1  # s that a reader who does not read is waited for, once
MAX_PENDING = 1000  # lines: an owner that forgets to flush, or many threads, hold no more than this
FILE_MODE = 0o640
_SYSLOG_PRIORITY = "<22>"  # RFC 5424: facility mail (2), severity informational (6)


class Place(Protocol):
    """Somewhere to write lines to."""

    name: str

    def write(self, data: bytes) -> tuple[int, str]:
        """Write lines, each with its end: how many bytes of whole lines are there, and why not more ('' if all are)."""

    def close(self) -> None: ...


class Descriptor:
    """An open file descriptor, such as standard error."""

    def __init__(self, number: int, name: str) -> None:
        self.name = name
        self._number = number
        self._cut = False  # the last line was written in part only
        self._stalled = False  # nobody read, the last time
        self._whole = False  # one write is whole beside the writes of other processes, however long
        with contextlib.suppress(OSError):
            self._whole = stat.S_ISREG(os.fstat(number).st_mode)

    def write(self, data: bytes) -> tuple[int, str]:
        done = 0
        try:
            if self._cut:
                self._await_reader()
                os.write(self._number, b"\n")
                self._cut = False
            while done < len(data):
                self._await_reader()
                done += os.write(self._number, data[done : self._chunk_end(data, done)])
        except OSError as error:
            whole = data.rfind(b"\n", 0, done) + 1
            self._cut = done > whole
            return whole, error.strerror or str(error)
        return done, ""

    def _await_reader(self) -> None:
        if self._whole:
            return
        poll = select.poll()
        poll.register(self._number, select.POLLOUT)
        if not poll.poll(0 if self._stalled else PATIENCE * 1000):
            self._stalled = True
            raise BlockingIOError(errno.EAGAIN, "nobody reads it")
        self._stalled = False

    def _chunk_end(self, data: bytes, start: int) -> int:
        if self._whole or len(data) - start <= PIPE_CHUNK:
            return len(data)
        end = data.rfind(b"\n", start, start + PIPE_CHUNK) + 1 or data.find(b"\n", start) + 1
        return end or len(data)

    def close(self) -> None:
        """Standard error stays open."""


class AppendedFile:
    """A file that lines are appended to; opened when the first are written, and again after each trouble."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._number = -1
        self._lines: Descriptor | None = None

    def write(self, data: bytes) -> tuple[int, str]:
        if self._lines is None:
            try:
                self._number = self._open()
            except OSError as error:
                return 0, error.strerror or str(error)
            self._lines = Descriptor(self._number, self.name)
        return self._lines.write(data)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND
        try:
            return new_file(Path(self.name), flags, FILE_MODE)
        except FileExistsError:
            return os.open(self.name, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)  # a link may lead to nowhere yet

    def close(self) -> None:
        if self._lines is not None:
            self._lines = None
            os.close(self._number)


class Syslog:
    """The system's log, for a process whose standard error is the wire itself."""

    name = "syslog"

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def write(self, data: bytes) -> tuple[int, str]:
        done = 0
        try:
            for line in data.splitlines(keepends=True):
                self._socket.sendto(f"{_SYSLOG_PRIORITY}gatepost[{os.getpid()}]: ".encode() + line.rstrip(), SYSLOG)
                done += len(line)
        except OSError as error:
            return done, error.strerror or str(error)
        return done, ""

    def close(self) -> None:
        self._socket.close()


def stderr_is_wire() -> bool:
    """Whether standard output and standard error are one, as spawn(8) gives a command its client's socket for both."""
    try:
        out, err = os.fstat(1), os.fstat(STDERR)
    except OSError:
        return True
    return (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino)


def take_stderr_away() -> None:
    """Where standard error is the wire, let it be nothing: the interpreter itself may have something to say there."""
    if stderr_is_wire():
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, STDERR)
        os.close(nothing)


def choose_places(path: str, *, stdio: bool) -> list[Place]:
    """The first place, and the second for when that fails. `stdio`: standard output is a protocol's wire."""
    last: Place = Descriptor(STDERR, "standard error")
    if stdio and stderr_is_wire():
        last = Syslog()
    return [AppendedFile(str(Path(path).absolute())), last] if path else [last]


class Output:
    """Gathers lines and writes them.

    `describe(event, **fields)` renders a line that the output itself has to say, about its trouble.
    """

    def __init__(self, places: list[Place], describe: Callable[..., str]) -> None:
        self._first = places[0]
        self._second = places[1] if len(places) > 1 else None
        self._describe = describe
        self._lock = threading.Lock()
        self._troubled = False
        self._lost = 0  # lines that are nowhere
        self._elsewhere = 0  # lines that are in the second place
        self.pending: list[str] = []

    def add(self, line: str) -> None:
        """Keep a line, with its end, until `flush`."""
        self.pending.append(line)
        if len(self.pending) >= MAX_PENDING:
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered. Never raises."""
        with self._lock:
            count = len(self.pending)  # other threads may append meanwhile
            lines = self.pending[:count]
            del self.pending[:count]
            if lines:
                self._write("".join(lines).encode("utf-8", "backslashreplace"))

    def reopen(self) -> None:
        """Write what has been gathered and close the file; it is opened anew, by its name, for the next line."""
        self.flush()
        with self._lock:
            self._first.close()

    def _write(self, data: bytes) -> None:
        note = self._recovery() if self._troubled else b""
        done, why = self._first.write(note + data)
        if done > len(note) or not why:
            self._troubled = False
            self._lost = self._elsewhere = 0
        if why:
            self._write_elsewhere(data[max(0, done - len(note)) :], why)

    def _write_elsewhere(self, data: bytes, why: str) -> None:
        written = 0
        if self._second is not None:
            note = b"" if self._troubled else self._line("log cannot be written", log=self._first.name, why=why)
            done, _ = self._second.write(note + data)
            written = data.count(b"\n", 0, max(0, done - len(note)))
        self._troubled = True
        self._elsewhere += written
        self._lost += data.count(b"\n") - written

    def _recovery(self) -> bytes:
        return self._line("log written again", lines_elsewhere=self._elsewhere, lines_lost=self._lost)

    def _line(self, event: str, **fields: object) -> bytes:
        return f"{self._describe(event, **fields)}\n".encode()
