"""The file side of `gatepost member import`: opening it, showing how far it is, naming the lines that are refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from gatepost_lists.model import Role
from gatepost_lists.store.changes import Imported, Refused
from gatepost_lists.store.lines import octet_lines

if TYPE_CHECKING:
    from gatepost_lists.store.admin import Store

_EX_NOINPUT = 66
# The progress bar moves after so many lines: seldom enough to cost nothing.
_STEP = 10_000


class NoInputError(click.ClickException):
    """A file that cannot be read."""

    exit_code = _EX_NOINPUT


def import_file(store: Store, mailing_list: str, file: str, role: Role, moderation_action: str | None) -> Imported:
    """Put everybody in the file on the list; '-' is standard input. Raises StoreError, NoInputError."""
    try:
        with _opened(file) as source, _watched(source) as lines:
            return store.import_members(mailing_list, lines, role, moderation_action, _name_refused)
    except OSError as error:
        raise NoInputError(f"{file}: {error.strerror}") from error


def _name_refused(refused: Refused) -> None:
    click.echo(f"line {refused.line}: {refused.text!r}: {refused.why}", err=True)


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as source:
            yield source


@contextmanager
def _watched(source: BinaryIO) -> Iterator[Iterable[bytes]]:
    """The file's lines, with a progress bar while they are read if somebody sits there to see it."""
    if not sys.stderr.isatty():
        yield octet_lines(source)
        return
    from rich.console import Console  # noqa: PLC0415 - slow to load, and needed on terminals only
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn  # noqa: PLC0415

    columns = ("importing", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    # Refused lines are written above the bar.
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as progress:
        task = progress.add_task("", total=_size(source))
        yield _counted(octet_lines(source), lambda octets: progress.advance(task, octets))


def _size(source: BinaryIO) -> int | None:
    try:
        return os.fstat(source.fileno()).st_size or None
    except OSError:
        return None


def _counted(lines: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    octets = 0
    for number, line in enumerate(lines, 1):
        yield line
        octets += len(line)
        if number % _STEP == 0:
            advance(octets)
            octets = 0
    advance(octets)
