"""The lists' store and the queue: there, of the right version, writable, with room."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
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
    path = _queue(case)
    try:
        case.machine.stat(path)
    except FileNotFoundError:
        yield wrong(f"{path}: there is no queue", "gatepost init")
        return
    table, version = case.queue_schema
    rows = case.machine.query(path, f"SELECT version_num FROM {table}")  # noqa: S608 - a constant of ours
    found = str(rows[0][0]) if rows else "none"
    if found > version:
        yield wrong(
            f"{path}: its schema is {found}, and known here is {version}", "use the newer gatepost that made it"
        )
    elif found != version:
        yield note(f"{path}: its schema is {found}; the receiver brings it to {version} when it starts")
    else:
        yield ok(f"{path}: schema {found}")


def queue_writable(case: Case) -> Iterator[Result]:
    """gatepost's user may change the queue."""
    yield _writable(case, _queue(case))


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
        newest = [written, *(_received(case, path) if path == _queue_or_none(case) else [])]
        if max(newest) > now + _DAY:
            yield wrong(
                f"{path}: it has times {(max(newest) - now) / _DAY:.0f} days in the future",
                "set the clock: timedatectl set-ntp true",
            )
        else:
            yield ok(f"{path}: no time in the future")


def _received(case: Case, path: Path) -> list[float]:
    rows = case.machine.query(path, "SELECT max(received) FROM message")
    return [float(value) for (value,) in rows if isinstance(value, int | float)]


def _store(case: Case) -> Path:
    """Raises Absent for lists that are not in a SQLite file."""
    return _sqlite_file(case.settings.lists.directory)


def _queue(case: Case) -> Path:
    """Raises Absent for a queue that is not in a SQLite file, or not needed."""
    if not case.settings.lmtp.enabled and not case.settings.delivery.enabled:
        raise Absent("[lmtp] and [delivery] are not enabled")
    return _sqlite_file(case.settings.queue.engine)


def _queue_or_none(case: Case) -> Path | None:
    try:
        return _queue(case)
    except Absent:
        return None


def _sqlite_file(url: str) -> Path:
    scheme = url.partition(":")[0]
    if scheme != "sqlite":
        raise Absent(f"it is in {scheme}:…")
    return Path(path_of(url))


def _files(case: Case) -> Iterator[Path]:
    """Store and queue, as far as they are files that are there."""
    for find in (_store, _queue):
        try:
            path = find(case)
            case.machine.stat(path)
        except (Absent, FileNotFoundError):
            continue
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
