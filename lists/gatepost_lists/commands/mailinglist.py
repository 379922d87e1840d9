"""`gatepost list`: the lists and their attributes."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from gatepost_lists.attributes import SETTABLE, described, literal_globs, setting
from gatepost_lists.commands.context import ListsContext, as_json, complete_domain, list_argument, pass_lists
from gatepost_lists.commands.output import print_attributes, print_json, print_rows, print_warnings
from gatepost_lists.store.changes import Change

_SAID = {Change.NEW: "created", Change.CHANGED: "changed", Change.SAME: "is there already"}


def _complete_setting(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(f"{name}=") for name in SETTABLE if name.startswith(incomplete)]


@click.group(name="list")
def mailinglist() -> None:
    """Create, show, change, remove and list lists.

    A list is named by its posting address (ann@lists.example.org) or by its list_id (ann.lists.example.org).
    """


@mailinglist.command()
@list_argument
@click.argument("settings", metavar="[ATTRIBUTE=VALUE]…", nargs=-1, shell_complete=_complete_setting)
@pass_lists
def create(lists: ListsContext, mailing_list: str, settings: tuple[str, ...]) -> None:
    """Create LIST, in a domain that is there; of a list that is there already, change what is given.

    \b
    Examples:
      gatepost list create ann@lists.example.org
      gatepost list create board@lists.example.org default_nonmember_action=reject
    """
    with lists.store() as store:
        created = store.create_list(mailing_list, *settings)
    click.echo(f"{created.fqdn_listname}: {_SAID[created.change]}")
    print_warnings((*created.warnings, *literal_globs(map(setting, settings))))
    if created.change is Change.NEW:
        lists.names_changed(created.fqdn_listname)


@mailinglist.command()
@list_argument
@as_json
@pass_lists
def show(lists: ListsContext, mailing_list: str, as_json: bool) -> None:
    """Print all attributes of LIST."""
    with lists.store() as store:
        found = store.show_list(mailing_list)
    if as_json:
        print_json(found)
    else:
        print_attributes(found)


_SET_HELP = """Change attributes of LIST: = sets, += adds an entry, -= takes one away.

\b
{attributes}

\b
Examples:
  gatepost list set ann@lists.example.org default_nonmember_action=reject
  gatepost list set ann@lists.example.org accept_these_nonmembers+='^.*@example\\.org$'
"""


@mailinglist.command(name="set", help=_SET_HELP.format(attributes=described()))
@list_argument
@click.argument("settings", metavar="ATTRIBUTE=VALUE…", nargs=-1, required=True, shell_complete=_complete_setting)
@pass_lists
def set_(lists: ListsContext, mailing_list: str, settings: tuple[str, ...]) -> None:
    """Change attributes; its help is made of their table."""
    with lists.store() as store:
        change = store.set_list(mailing_list, *settings)
    click.echo(f"{mailing_list}: {'changed' if change is Change.CHANGED else 'that is how it was already'}")
    print_warnings(literal_globs(map(setting, settings)))


@mailinglist.command()
@list_argument
@pass_lists
def remove(lists: ListsContext, mailing_list: str) -> None:
    """Remove LIST, with its members and bans."""
    with lists.store() as store:
        name = store.remove_list(mailing_list)
    click.echo(f"{name}: removed")
    lists.names_changed(name)


@mailinglist.command()
@click.argument("domain", metavar="[DOMAIN]", default="", shell_complete=complete_domain)
@as_json
@pass_lists
def ls(lists: ListsContext, domain: str, as_json: bool) -> None:
    """List the lists, all or those of DOMAIN."""
    with lists.store() as store:
        found = store.lists(domain)
    print_rows(found, ("fqdn_listname", "default_nonmember_action", "description"), as_json)
