"""What `gatepost init` makes: the settings, the store and the queue, each where it is missing.

Beside the command line, and like gatepost_services, it knows the parts whose files these are. Rules:

- What is there is kept; a store or a queue of an older version is upgraded.
- What root makes in a folder of somebody else's is theirs (gatepost_service.ownership). Where the service's user could
  not use what was made all the same, a hint says so.
- The system's own file keeps its data where a system has them, below /var/lib.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import click

from gatepost_conf import settings_file
from gatepost_conf.settings import Settings, load, template
from gatepost_conf.systemd import USER
from gatepost_lists.open import path_of
from gatepost_lists.store import versions as store_versions
from gatepost_queue import NoEngine, engine_of
from gatepost_service.ownership import make_file, make_folder, new_file

_SYSTEM_DATA = "/var/lib/gatepost"


class CannotCreateError(click.ClickException):
    """A file that cannot be made."""

    exit_code = os.EX_CANTCREAT


def make_all(path: Path) -> Iterator[str]:
    """Make what is missing, beginning with the settings at `path`; a line for each thing says what became of it.

    Raises CannotCreateError, SettingsError, StoreError and QueueError.
    """
    yield f"{path}: {'written' if _write_settings(path) else 'kept, it is there already'}"
    settings = load(path)
    yield _store_made(settings.lists.directory)
    yield _queue_made(settings.queue.engine)


def _write_settings(path: Path) -> bool:
    """Write the commented settings where there is no such file; whether they were written."""
    text = template(_SYSTEM_DATA) if path == settings_file.SYSTEM_FILE else template()
    try:
        make_folder(path.parent)
    except OSError as error:
        raise CannotCreateError(f"{path.parent}: {error.strerror}") from error
    try:
        # A password may come to stand in it: nobody but the owner and the group may read it.
        with os.fdopen(new_file(path, os.O_WRONLY, 0o640), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise CannotCreateError(f"{path}: {error.strerror}") from error
    return True


def _store_made(url: str) -> str:
    if not url.startswith("sqlite:"):
        return _not_made("store", url)
    is_new = store_versions.create(url, lambda path: make_file(path, store_versions.MODE))
    return _made("store", path_of(url), is_new=is_new)


def _queue_made(url: str) -> str:
    try:
        engine = engine_of(url)
    except NoEngine:
        return _not_made("queue", url)
    return _made("queue", engine.name, is_new=engine.create())


def _made(what: str, name: str, *, is_new: bool) -> str:
    return f"{name}: an empty {what}, made" if is_new else f"{name}: kept, it is a {what} already"


def _not_made(what: str, url: str) -> str:
    return f"no {what} is made for {url.partition(':')[0]}:…"


def hints(path: Path, environ: Mapping[str, str], cwd: Path) -> Iterator[str]:
    """What somebody should know of the settings at `path`, and of the files that they name."""
    if told := _about_search(path, environ, cwd):
        yield told
    if os.geteuid() == 0:
        yield from _about_user(path, load(path))


def _about_search(path: Path, environ: Mapping[str, str], cwd: Path) -> str:
    """Which file commands find in this folder, where that may surprise."""
    found = settings_file.search(None, environ, cwd)
    if found is None or not found.exists():
        return ""
    if not found.samefile(path):
        return f"commands that are run here take {found}; for this one: gatepost --config {shlex.quote(str(path))}"
    places = settings_file.usual_places(cwd)
    passed_over = [other for other in places if found in places and other != found and settings_file.is_there(other)]
    return f"commands that are run here take this file, and not {passed_over[0]}" if passed_over else ""


def _about_user(path: Path, settings: Settings) -> Iterator[str]:
    """What the service's user, if there is one, may not do with the files, and the line that mends it."""
    from gatepost_conf.doctor.local import LocalMachine  # noqa: PLC0415 - for root alone
    from gatepost_conf.doctor.modes import ENTER, READ, WRITE, why_not  # noqa: PLC0415

    machine = LocalMachine()
    try:
        account = machine.account(USER)
    except LookupError:
        return
    if reason := why_not(machine, account, path, READ):
        yield f"{reason}: chgrp {USER} {shlex.quote(str(path))}"
    lists, queue = settings.lists.directory, settings.queue.engine
    files = [Path(path_of(lists))] if lists.startswith("sqlite:") else []
    folders = [file.parent for file in files]
    with suppress(NoEngine):
        files += engine_of(queue).files
        folders += engine_of(queue).folders
    needed = dict.fromkeys(folders, WRITE | ENTER) | dict.fromkeys(files, READ | WRITE)
    reasons = [why_not(machine, account, place, rights) for place, rights in needed.items()]
    if any(reasons):
        yield f"{next(filter(None, reasons))}: chown {USER}: {shlex.join(map(str, needed))}"
