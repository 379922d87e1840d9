"""`gatepost conf`: what each mail server needs, printed or written to a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gatepost_conf.commands.context import ConfContext, pass_conf
from gatepost_conf.pieces import Piece, printed

# Of the unit that is printed; written out, because click's own form of it has changed from release to release.
_UNITS = ("gatepost.service", "gatepost.socket")
_to_folder = click.option(
    "--write", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Write all of it to files in DIR."
)


class CannotWritePiecesError(click.ClickException):
    """The files could not be written; none of them was."""

    exit_code = os.EX_CANTCREAT


@click.group()
def conf() -> None:
    """Print exactly what to put where, for the lists and settings at hand; or write it to files.

    With --write, the files are written to DIR, which must be there, all of them or none; what DIR has under other names
    stays.
    """


@conf.command()
@_to_folder
@pass_conf
def postfix(context: ConfContext, folder: Path | None) -> None:
    """Commands that set main.cf and master.cf, for root to type, and tables of the lists.

    They keep the values that this machine's Postfix has, and add to them. With the first of them gatepost itself tells
    Postfix which lists there are; with the second, tables do. Tables in maps_dir of [postfix] are written anew with
    every list and domain that comes or goes.

    \b
    Examples:
      gatepost conf postfix
      gatepost conf postfix --write /etc/postfix/gatepost
    """
    from gatepost_conf.postfix import generator  # noqa: PLC0415 - for this command alone
    from gatepost_conf.postfix.lookups import FolderError  # noqa: PLC0415
    from gatepost_conf.postfix.programs import PostmapError  # noqa: PLC0415
    from gatepost_conf.postfix.tables import follow  # noqa: PLC0415

    site = context.site()
    try:
        made = generator.generate(site, folder)
        for warning in made.warnings:
            _warn(warning)
        _hand_over(made.pieces, folder, lambda _, into: generator.write(made, into, _warn))
        if folder:
            follow(folder, context.site)  # what has changed since the lists were read
    except (FolderError, PostmapError) as error:
        raise CannotWritePiecesError(f"nothing was written: {error}") from error


@conf.command()
@_to_folder
@pass_conf
def exim(context: ConfContext, folder: Path | None) -> None:
    """Exim 4: macros, routers, transports and ACLs, as one file and as Debian's split files."""
    _hand_over(_pieces("exim", context), folder)


@conf.command()
@_to_folder
@pass_conf
def sendmail(context: ConfContext, folder: Path | None) -> None:
    """Sendmail: the .mc lines for the milter, the LMTP mailer and the socket map, and mailertable entries."""
    _hand_over(_pieces("sendmail", context), folder)


@conf.command()
@_to_folder
@pass_conf
def qmail(context: ConfContext, folder: Path | None) -> None:
    """qmail: the .qmail files of the lists, which call gatepost qmail-lmtp."""
    _hand_over(_pieces("qmail", context), folder)


@conf.command()
@click.argument("unit", required=False, type=click.Choice(_UNITS), metavar=f"[{'|'.join(_UNITS)}]")
@_to_folder
@pass_conf
def systemd(context: ConfContext, unit: str | None, folder: Path | None) -> None:
    """systemd: the unit of gatepost itself, or the one of its sockets, which may be left out.

    What is printed is one whole unit, gatepost.service if none is named. With --write, both are written.

    \b
    Examples:
      gatepost conf systemd > /etc/systemd/system/gatepost.service
      gatepost conf systemd gatepost.socket
    """
    units = _pieces("systemd", context)
    if unit or folder is None:
        units = [piece for piece in units if piece.name == (unit or "gatepost.service")]
    if not units:
        raise click.UsageError(f"there is no {unit}: no door listens on a TCP address")
    _hand_over(units, folder)


def _pieces(server: str, context: ConfContext) -> list[Piece]:
    generator: Any = import_module(f"gatepost_conf.{server}")
    site = context.site()
    for warning in generator.warnings(site) if hasattr(generator, "warnings") else []:
        click.echo(f"warning: {warning}", err=True)
    pieces: list[Piece] = generator.pieces(site)
    return pieces


def _hand_over(
    pieces: list[Piece], folder: Path | None, write: Callable[[list[Piece], Path], list[Path]] | None = None
) -> None:
    """Print the pieces, or write them to a folder and tell where they are."""
    if folder is None:
        click.echo(printed(pieces), nl=False)
        return
    from gatepost_conf import writing  # noqa: PLC0415 - where something is written

    try:
        paths = (write or writing.write)(pieces, folder)
    except writing.CannotWriteError as error:
        raise CannotWritePiecesError(str(error)) from error
    for path in paths:
        click.echo(path)


def _warn(warning: str) -> None:
    click.echo(f"warning: {warning}", err=True)
