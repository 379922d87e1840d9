"""`gatepost domain`: the domains that hold lists."""

from __future__ import annotations

import click

from gatepost_lists.commands.context import ListsContext, as_json, complete_domain, pass_lists
from gatepost_lists.commands.output import print_rows
from gatepost_lists.store.changes import Change

_SAID = {Change.NEW: "added", Change.CHANGED: "changed", Change.SAME: "is there already"}


@click.group()
def domain() -> None:
    """Add, remove and list the domains that hold lists."""


@domain.command()
@click.argument("name", metavar="DOMAIN", shell_complete=complete_domain)
@click.option("--alias-domain", metavar="NAME", help="Another name of the domain; '' takes it away.")
@click.option("--shared/--no-shared", default=None, help="Whether the domain has ordinary mailboxes too.")
@pass_lists
def add(lists: ListsContext, name: str, alias_domain: str | None, shared: bool | None) -> None:
    """Add DOMAIN; of one that is there already, change what is given.

    \b
    Examples:
      gatepost domain add lists.example.org
      gatepost domain add example.org --shared --alias-domain example.net
    """
    with lists.store() as store:
        change = store.add_domain(name, alias_domain, shared)
    click.echo(f"{name}: {_SAID[change]}")
    if change is not Change.SAME:
        lists.names_changed(name)


@domain.command()
@click.argument("name", metavar="DOMAIN", shell_complete=complete_domain)
@click.option("--with-lists", is_flag=True, help="Remove all its lists too, with their members and bans.")
@pass_lists
def remove(lists: ListsContext, name: str, with_lists: bool) -> None:
    """Remove DOMAIN, which must have no lists any more, unless they are to go with it.

    \b
    Example:
      gatepost domain remove lists.example --with-lists
    """
    with lists.store() as store:
        removed = store.remove_domain(name, with_lists)
    for one in (*removed, name):
        click.echo(f"{one}: removed")
    lists.names_changed(name)


@domain.command()
@as_json
@pass_lists
def ls(lists: ListsContext, as_json: bool) -> None:
    """List the domains."""
    with lists.store() as store:
        found = store.domains()
    rows = [one._asdict() | {"alias_domain": one.alias_domain or None} for one in found]
    print_rows(rows, ("mail_host", "alias_domain", "shared"), as_json)
