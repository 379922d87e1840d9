"""`gatepost member`: who is on a list, and in which role."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from gatepost_lists.checks import LIST_DEFAULT
from gatepost_lists.commands.context import ListsContext, as_json, list_argument, pass_lists
from gatepost_lists.commands.importing import import_file
from gatepost_lists.commands.output import moment, print_attributes, print_json, print_rows
from gatepost_lists.model import Action, Role
from gatepost_lists.store.changes import Change, DeliveryState, DeliveryStatus, Member

_SAID = {Change.NEW: "added", Change.CHANGED: "changed", Change.SAME: "is there already"}


def _role(_: click.Context, __: click.Parameter, value: str | None) -> Role | None:
    return Role(value) if value else None


def _role_option(default: Role | None, help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    choices = click.Choice([role.value for role in Role])
    return click.option(
        "--role", type=choices, default=default and default.value, callback=_role, show_default=True, help=help_text
    )


_in_role = _role_option(Role.MEMBER, "The role on the list.")
_moderation = click.option(
    "--moderation-action",
    type=click.Choice([*(action.value for action in Action), LIST_DEFAULT]),
    help="What happens to this sender's posts; 'default' is what the list says.",
)


@click.group()
def member() -> None:
    """Add, import, remove, list and link members, owners, moderators and known non-members.

    ADDRESS is user@example.org, or 'Name <user@example.org>' where one is added.
    """


@member.command()
@list_argument
@click.argument("addresses", metavar="ADDRESS…", nargs=-1, required=True)
@_in_role
@_moderation
@pass_lists
def add(
    lists: ListsContext, mailing_list: str, addresses: tuple[str, ...], role: Role, moderation_action: str | None
) -> None:
    """Put addresses on LIST, all or, if one cannot be read, none.

    \b
    Examples:
      gatepost member add ann@lists.example.org bo@example.org 'Cy Example <cy@example.org>'
      gatepost member add ann@lists.example.org dee@example.org --role nonmember --moderation-action accept
    """
    with lists.store() as store:
        changes = store.add_members(mailing_list, addresses, role, moderation_action)
    for address, change in changes:
        click.echo(f"{address}: {_SAID[change]}")


@member.command()
@list_argument
@click.argument("addresses", metavar="ADDRESS…", nargs=-1, required=True)
@_in_role
@pass_lists
def remove(lists: ListsContext, mailing_list: str, addresses: tuple[str, ...], role: Role) -> None:
    """Take addresses off LIST, all or, if one is not on it, none."""
    with lists.store() as store:
        store.remove_members(mailing_list, addresses, role)
    for address in addresses:
        click.echo(f"{address}: removed")


@member.command()
@list_argument
@_role_option(None, "Only those in this role.")
@as_json
@pass_lists
def ls(lists: ListsContext, mailing_list: str, role: Role | None, as_json: bool) -> None:
    """List who is on LIST, in every role.

    Behind address, name, role and moderation action stands who has stopped delivery to a member, where it is stopped.
    """
    with lists.store() as store:
        rows = (one._asdict() if as_json else _row(one) for one in store.members(mailing_list, role))
        print_rows(rows, ("original", "display_name", "role", "moderation_action", "delivery_status"), as_json)


def _row(one: Member) -> dict[str, object]:
    """What is printed of a member: of delivery, only that it is stopped."""
    stopped = one.delivery_status is not DeliveryStatus.ENABLED
    return {**one._asdict(), "delivery_status": one.delivery_status if stopped else None}


@member.command()
@list_argument
@click.argument("address")
@click.option("--enable/--disable", default=None, help="Let mail go to ADDRESS, its score set to 0; or stop it.")
@as_json
@pass_lists
def delivery(lists: ListsContext, mailing_list: str, address: str, enable: bool | None, as_json: bool) -> None:
    """Show or change whether the member ADDRESS gets mail of LIST.

    With it go the score and the log of bounces, in UTC. delivery_status is enabled, by_user, by_bounces, or
    by_moderator, which is what --disable sets.

    \b
    Examples:
      gatepost member delivery ann@lists.example.org bo@example.org
      gatepost member delivery ann@lists.example.org bo@example.org --enable
    """
    with lists.store() as store:
        if enable is not None:
            status = DeliveryStatus.ENABLED if enable else DeliveryStatus.BY_MODERATOR
            store.set_delivery(mailing_list, address, status, "by gatepost member delivery", time.time())
        with store.snapshot():
            state = store.delivery_state(mailing_list, address)
            events = store.bounce_events(mailing_list, address)
    if as_json:
        log = [{"happened": moment(event.happened), "why": event.why} for event in events]
        print_json({**_delivery(state), "log": log})
    else:
        print_attributes({**_delivery(state), "log": [f"{moment(event.happened)}  {event.why}" for event in events]})


def _delivery(state: DeliveryState) -> dict[str, object]:
    last = state.last_bounce
    return {**state._asdict(), "last_bounce": None if last is None else moment(last)}


@member.command(name="import")
@list_argument
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
@_in_role
@_moderation
@pass_lists
def import_(lists: ListsContext, mailing_list: str, file: str, role: Role, moderation_action: str | None) -> None:
    """Put everybody in FILE on LIST, in one transaction; FILE - is standard input.

    One address a line, 'Name <address>', 'address (Name)', what Mailman's list_members and members commands print, or
    CSV whose first line names its columns. Blank lines and # comments are passed over. Lines that name nobody are
    refused and listed on standard error; all others go in. The exit code is 65 where lines were refused.

    \b
    Examples:
      gatepost member import ann@lists.example.org addresses.txt
      mailman members ann@lists.example.org | gatepost member import ann@lists.example.org -
    """
    with lists.store() as store:
        imported = import_file(store, mailing_list, file, role, moderation_action)
    changed = f" ({imported.changed} changed)" if imported.changed else ""
    click.echo(f"{imported.new} new, {imported.already} there already{changed}, {imported.refused} refused")
    if imported.refused:
        click.get_current_context().exit(65)


@member.command()
@click.argument("address")
@click.argument("other")
@pass_lists
def link(lists: ListsContext, address: str, other: str) -> None:
    """Make ADDRESS and OTHER those of one user, who may then post from either.

    ADDRESS must be on some list, or linked to one that is; OTHER need not.

    \b
    Example:
      gatepost member link bo@example.org bo@work.example.com
    """
    with lists.store() as store:
        change = store.link(address, other)
    click.echo(f"{address} and {other}: {'linked' if change is Change.NEW else 'are linked already'}")


@member.command()
@click.argument("address")
@pass_lists
def unlink(lists: ListsContext, address: str) -> None:
    """Part ADDRESS from all that it is linked to."""
    with lists.store() as store:
        store.unlink(address)
    click.echo(f"{address}: unlinked")
