"""The lists' store and the queue: there, of the right version, writable, with room."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, State, note, ok, wrong
from gatepost_conf.doctor.modes import ENTER, READ, WRITE, why_not
from gatepost_lists import DirectoryTrouble
from gatepost_lists.errors import StoreError
from gatepost_lists.open import path_of

# Beside each SQLite file in WAL mode; SQLite makes and removes them, so the folder must be writable too.
_BESIDE = ("-wal", "-shm")
# What must be left: some messages of the largest size, and what SQLite needs to put its log into the file.
ROOM = 256 * 2**20
FILES = 1000
_DAY = 86400.0


def lists(case: Case) -> Iterator[Result]:
    """The directory can be read."""
    try:
        found = case.read_lists()
    except StoreError as error:
        yield wrong(str(error), error.hint)
        return
    except DirectoryTrouble as trouble:
        yield wrong(str(trouble), "gatepost init")
        return
    count = sum(len(names) for _, names in found.domains)
    if not count:
        yield note("the directory has no lists yet", "gatepost domain add DOMAIN; gatepost list create LIST")
        return
    yield ok(f"{count} lists in {len(found.domains)} domains, {len(found.closed)} of them closed")


def store_writable(case: Case) -> Iterator[Result]:
    """gatepost's user may change the store."""
    yield _writable(case, _store(case))


def queue(case: Case) -> Iterator[Result]:
    """The queue is there, and of the version that is known here."""
    state, text, mend = case.queue.examine(case.machine)
    yield Result(State(state), text, mend)


def queue_writable(case: Case) -> Iterator[Result]:
    """gatepost's user may change the queue."""
    if not case.queue.files:
        raise Absent("it is not in files of this machine")
    for path in case.queue.files:
        yield _writable(case, path)


def room(case: Case) -> Iterator[Result]:
    """The file systems of store and queue have room."""
    for path in _files(case):
        folder = path.parent
        octets, files, read_only = case.machine.room(folder)
        if read_only:
            yield wrong(f"{folder}: the file system is read-only", f"mount -o remount,rw {shlex.quote(str(folder))}")
        elif octets < ROOM:
            yield wrong(
                f"{folder}: {octets // 2**20} MiB are free, less than {ROOM // 2**20}",
                f"du -xh {shlex.quote(str(folder))}: make room",
            )
        elif 0 <= files < FILES:
            yield wrong(
                f"{folder}: only {files} more files can be made", f"df -i {shlex.quote(str(folder))}: make room"
            )
        else:
            yield ok(f"{folder}: {octets // 2**20} MiB free")


def times(case: Case) -> Iterator[Result]:
    """Nothing in store or queue was written in the future, by a clock that was wrong."""
    now = case.machine.now()
    for path in _files(case):
        written = case.machine.stat(path).st_mtime
        newest = max(written, case.queue.newest(case.machine)) if path in _queue_files(case) else written
        if newest > now + _DAY:
            yield wrong(
                f"{path}: it has times {(newest - now) / _DAY:.0f} days in the future",
                "set the clock: timedatectl set-ntp true",
            )
        else:
            yield ok(f"{path}: no time in the future")


def _store(case: Case) -> Path:
    """Raises Absent for lists that are not in a SQLite file."""
    url = case.settings.lists.directory
    scheme = url.partition(":")[0]
    if scheme != "sqlite":
        raise Absent(f"it is in {scheme}:…")
    return Path(path_of(url))


def _queue_files(case: Case) -> tuple[Path, ...]:
    try:
        return case.queue.files
    except Absent:
        return ()


def _files(case: Case) -> Iterator[Path]:
    """Store and queue, as far as they are files that are there."""
    places = list(_queue_files(case))
    with suppress(Absent):
        places.insert(0, _store(case))
    for path in places:
        with suppress(FileNotFoundError):
            case.machine.stat(path)
            yield path


def _writable(case: Case, path: Path) -> Result:
    try:
        case.machine.stat(path)
    except FileNotFoundError:
        raise Absent(f"{path} is not there") from None
    for place, needed in ((path.parent, WRITE | ENTER), *((file, READ | WRITE) for file in _with_logs(case, path))):
        if reason := why_not(case.machine, case.user, place, needed):
            owner = shlex.quote(case.user.name)
            return wrong(reason, f"chown {owner} {shlex.quote(str(path.parent))} {shlex.quote(str(path))}*")
    return ok(f"{case.user.name} may write to {path}")


def _with_logs(case: Case, path: Path) -> Iterator[Path]:
    for file in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        try:
            case.machine.stat(file)
        except FileNotFoundError:
            continue
        yield file
