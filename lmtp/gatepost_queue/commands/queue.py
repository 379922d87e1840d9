"""`gatepost queue`: what waits, why, and since when; and what an operator can do about it."""

from __future__ import annotations

import click

from gatepost_queue.commands.context import QueueContext, pass_queue
from gatepost_queue.commands.shown import ENTRY_ID, check_form, moment, print_entry, printable
from gatepost_queue.values import QUEUES, Waiting

_COLUMNS = ("id", "queue", "list", "subaddress", "sender", "received", "attempts", "next_attempt", "last_error")
_numbers = click.argument("numbers", metavar="ID…", nargs=-1, type=ENTRY_ID)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def queue() -> None:
    """Show what waits, why, and since when; have it tried again, or drop it.

    A message waits once for each list and sub-address that it is for, in one of the queues in, command, bounces, out,
    retry and shunt. In shunt are those that no handler could cope with: they stay until somebody looks at them.
    """


@queue.command()
@click.option("--queue", "name", type=click.Choice(QUEUES), default=None, help="Only what waits in this queue.")
@click.option("--list", "listid", metavar="LIST_ID", default="", help="Only what is for this list.")
@_as_json
@pass_queue
def ls(context: QueueContext, name: str | None, listid: str, as_json: bool) -> None:
    """List what waits, by queue and in the order in which it will be tried; times are UTC.

    \b
    Examples:
      gatepost queue ls
      gatepost queue ls --queue shunt --json
    """
    with context.desk() as desk:
        found = desk.ls(name or "", listid.lower())
        rows = (_object(waiting) if as_json else _row(waiting) for waiting in found)
        context.output.print_rows(rows, _COLUMNS, as_json)


@queue.command()
@click.argument("number", metavar="ID", type=ENTRY_ID)
@click.option("--raw", is_flag=True, help="Print the message itself, octet by octet.")
@_as_json
@pass_queue
def show(context: QueueContext, number: int, raw: bool, as_json: bool) -> None:
    """Print all that is known of the entry ID, or its message.

    \b
    Examples:
      gatepost queue show 42
      gatepost queue show 42 --raw
    """
    check_form(raw=raw, as_json=as_json)
    with context.desk() as desk:
        waiting, content = desk.show(number)
    if raw:
        click.echo(content, nl=False)
    else:
        print_entry(context.output, _object(waiting) if as_json else _attributes(waiting), as_json=as_json)


@queue.command()
@_numbers
@click.option("--all", "everything", is_flag=True, help="All that is shunted.")
@pass_queue
def retry(context: QueueContext, numbers: tuple[int, ...], everything: bool) -> None:
    """Have entries tried now, all or, if one is not there, none; shunted ones go back where they came from.

    \b
    Examples:
      gatepost queue retry 42 43
      gatepost queue retry --all
    """
    if bool(numbers) == everything:
        raise click.UsageError("name entries, or say --all")
    going = list(dict.fromkeys(numbers))
    with context.desk() as desk:
        if everything:
            going = desk.retry_shunted()
        else:
            desk.retry(going)
    for number in going:
        click.echo(f"{number}: will be tried now")


@queue.command()
@_numbers
@pass_queue
def drop(context: QueueContext, numbers: tuple[int, ...]) -> None:
    """Throw entries away, all or, if one is not there, none. They do not come back, and nobody is told.

    \b
    Example:
      gatepost queue drop 42
    """
    if not numbers:
        raise click.UsageError("name entries: gatepost queue ls shows them")
    going = list(dict.fromkeys(numbers))
    with context.desk() as desk:
        desk.drop(going)
    for number in going:
        click.echo(f"{number}: dropped")


def _object(waiting: Waiting) -> dict[str, object]:
    """An entry as JSON shows it."""
    return {
        "id": waiting.id,
        "queue": waiting.queue,
        "list": waiting.listid,
        "subaddress": waiting.subaddress,
        "sender": waiting.envsender,
        "recipients": list(waiting.recipients),
        "size": waiting.size,
        "received": moment(waiting.received),
        "attempts": waiting.attempts,
        "failures": waiting.failures,
        "next_attempt": moment(waiting.next_attempt),
        "last_error": waiting.last_error,
        "runner": waiting.runner,
        "leased_until": moment(waiting.leased_until) if waiting.leased_until else None,
        "origin": waiting.origin,
        "trace": waiting.trace,
        "metadata": dict(waiting.metadata),
    }


def _row(waiting: Waiting) -> dict[str, object]:
    """An entry as a line of a listing: of a traceback its end, and nothing that a terminal would obey."""
    error = waiting.last_error.strip().rpartition("\n")[2]
    row = _object(waiting) | {"sender": waiting.envsender or "<>", "last_error": error}
    return {column: printable(row[column]) for column in _COLUMNS}


def _attributes(waiting: Waiting) -> dict[str, object]:
    metadata = [f"{name} = {value!r}" for name, value in sorted(waiting.metadata.items())]
    shown = _object(waiting) | {
        "sender": waiting.envsender or "<>",
        "last_error": waiting.last_error.splitlines(),
        "metadata": metadata,
    }
    return {name: printable(value) for name, value in shown.items()}
