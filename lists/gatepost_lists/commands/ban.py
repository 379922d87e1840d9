"""`gatepost ban`: who may not post, to one list or to any."""

from __future__ import annotations

import click

from gatepost_lists.checks import literal_glob
from gatepost_lists.commands.context import ListsContext, as_json, complete_list, pass_lists
from gatepost_lists.commands.output import print_rows, print_warnings
from gatepost_lists.store.changes import Change

_of_list = click.option(
    "--list", "mailing_list", metavar="LIST", default="", shell_complete=complete_list, help="On this list only."
)
_patterns = click.argument("patterns", metavar="PATTERN…", nargs=-1, required=True)


@click.group()
def ban() -> None:
    """Ban senders, from one list or from all, and lift bans.

    PATTERN is an address, or ^regex: Python's syntax, matched at the start of the sender, whatever its case.
    """


@ban.command()
@_patterns
@_of_list
@pass_lists
def add(lists: ListsContext, patterns: tuple[str, ...], mailing_list: str) -> None:
    """Ban senders, all or, if a pattern cannot be read, none.

    \b
    Examples:
      gatepost ban add mallory@example.net
      gatepost ban add '^.*@spam\\.example$' --list ann@lists.example.org
    """
    with lists.store() as store, store.transaction():
        changes = [store.add_ban(pattern, mailing_list) for pattern in patterns]
    for pattern, change in zip(patterns, changes, strict=True):
        click.echo(f"{pattern}: {'banned' if change is Change.NEW else 'is banned already'}")
    print_warnings(filter(None, map(literal_glob, patterns)))


@ban.command()
@_patterns
@_of_list
@pass_lists
def remove(lists: ListsContext, patterns: tuple[str, ...], mailing_list: str) -> None:
    """Lift bans, all or, if there is none of one pattern, none."""
    with lists.store() as store, store.transaction():
        for pattern in patterns:
            store.remove_ban(pattern, mailing_list)
    for pattern in patterns:
        click.echo(f"{pattern}: lifted")


@ban.command()
@_of_list
@as_json
@pass_lists
def ls(lists: ListsContext, mailing_list: str, as_json: bool) -> None:
    """List bans; those without a list are in force everywhere."""
    with lists.store() as store:
        found = store.bans(mailing_list)
    rows = [{"pattern": one.email, "list": one.mailing_list or None} for one in found]
    print_rows(rows, ("pattern", "list"), as_json)
