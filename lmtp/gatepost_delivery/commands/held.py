"""`gatepost held`: what waits for a moderator's word, and giving it.

A decision is kept with the entry, which goes back to the queue that it came from: delivery carries it out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import click

from gatepost_lists.senders import compile_globs
from gatepost_queue import HELD, Desk, Waiting
from gatepost_queue.commands.context import QueueContext, pass_queue
from gatepost_queue.commands.shown import ENTRY_ID, check_form, moment, print_entry, printable, read_duration
from gatepost_queue.metadata import Decision, HeldMetadata

_COLUMNS = ("id", "list", "request", "sender", "subject", "held_since", "reason")
# What is thrown away in one transaction, so that nobody waits long for the queue.
_AT_ONCE = 500
_numbers = click.argument("numbers", metavar="ID…", nargs=-1, required=True, type=ENTRY_ID)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def held() -> None:
    """Show posts and requests to join that wait for a moderator, and accept, reject or discard them."""


@held.command()
@click.option("--list", "listid", metavar="LIST_ID", default="", help="Only what is for this list.")
@_as_json
@pass_queue
def ls(context: QueueContext, listid: str, as_json: bool) -> None:
    """List what waits, the oldest first; times are UTC.

    \b
    Example:
      gatepost held ls --list ann.lists.example.org
    """
    with context.desk() as desk:
        found = desk.ls(HELD, listid.lower())
        rows = (_object(waiting) if as_json else _shown(_object(waiting)) for waiting in found)
        context.output.print_rows(rows, _COLUMNS, as_json)


@held.command()
@click.argument("number", metavar="ID", type=ENTRY_ID)
@click.option("--raw", is_flag=True, help="Print the message itself, octet by octet.")
@_as_json
@pass_queue
def show(context: QueueContext, number: int, raw: bool, as_json: bool) -> None:
    """Print all that is known of ID, or its message.

    \b
    Examples:
      gatepost held show 42
      gatepost held show 42 --raw
    """
    check_form(raw=raw, as_json=as_json)
    with context.desk() as desk:
        waiting, content = desk.show_held(number)
    if raw:
        click.echo(content, nl=False)
    else:
        print_entry(context.output, _object(waiting) if as_json else _shown(_object(waiting)), as_json=as_json)


@held.command()
@_numbers
@pass_queue
def accept(context: QueueContext, numbers: Sequence[int]) -> None:
    """Let posts through, or let people join: all, or, if one does not wait, none.

    \b
    Example:
      gatepost held accept 42 43
    """
    _decide(context, numbers, Decision(approved=True), "accepted")


@held.command()
@_numbers
@click.option("--reason", metavar="TEXT", default="", help="What the sender is told.")
@pass_queue
def reject(context: QueueContext, numbers: Sequence[int], reason: str) -> None:
    """Turn posts or requests down, and tell the sender: all, or, if one does not wait, none.

    \b
    Example:
      gatepost held reject 42 --reason "Please write to the board instead."
    """
    _decide(context, numbers, Decision(rejected=reason), "rejected")


@held.command()
@click.argument("numbers", metavar="[ID…]", nargs=-1, type=ENTRY_ID)
@click.option(
    "--older-than",
    metavar="DURATION",
    default="",
    callback=read_duration,
    help="All that has waited for longer, such as 30d.",
)
@click.option("--list", "listid", metavar="LIST_ID", default="", help="All that is for this list.")
@click.option(
    "--sender", metavar="GLOB", default="", help="All that is from such a sender, in any case of its letters."
)
@pass_queue
def discard(
    context: QueueContext, numbers: Sequence[int], older_than: timedelta | None, listid: str, sender: str
) -> None:
    """Throw posts or requests away, and tell nobody: all, or, if one does not wait, none.

    With options instead of ID: whatever waits to which all of them apply.

    \b
    Examples:
      gatepost held discard 42
      gatepost held discard --older-than 30d
      gatepost held discard --list ann.lists.example.org --sender '*@spam.example'
    """
    wanted = bool(older_than or listid or sender)
    if bool(numbers) == wanted:
        raise click.UsageError("name entries, or say which ones by --older-than, --list and --sender")
    with context.desk() as desk:
        if numbers:
            desk.discard(dict.fromkeys(numbers))
            _say(numbers, "discarded")
            return
        before = time.time() - older_than.total_seconds() if older_than else math.inf
        found = _matching(desk, before, listid, sender)
        for start in range(0, len(found), _AT_ONCE):
            desk.discard(found[start : start + _AT_ONCE], missing_ok=True)  # somebody else may decide meanwhile
    click.echo(f"{len(found)} discarded")


def _matching(desk: Desk, before: float, listid: str, sender: str) -> list[int]:
    """The ids of what waits since then, for this list, from such a sender; '' for any."""
    is_meant = compile_globs((sender or "*",)).match
    return [
        waiting.id
        for waiting in desk.ls(HELD, listid.lower())
        if _since(waiting) <= before and is_meant(_sender(waiting).lower())
    ]


def _decide(context: QueueContext, numbers: Sequence[int], decision: Decision, said: str) -> None:
    with context.desk() as desk:
        desk.decide(dict.fromkeys(numbers), decision)
    _say(numbers, said)


def _say(numbers: Sequence[int], said: str) -> None:
    for number in dict.fromkeys(numbers):
        click.echo(f"{number}: {said}")


def _object(waiting: Waiting) -> dict[str, object]:
    """What waits as JSON shows it."""
    request = HeldMetadata.from_json(waiting.metadata)
    return {
        "id": waiting.id,
        "list": waiting.listid,
        "request": request.request or "post",
        "sender": _sender(waiting),
        "subject": request.subject or "",
        "reason": request.reason,
        "held_since": moment(_since(waiting)),
        "received": moment(waiting.received),
        "size": waiting.size,
        "recipients": list(waiting.recipients),
        "trace": waiting.trace,
    }


def _sender(waiting: Waiting) -> str:
    return HeldMetadata.from_json(waiting.metadata).email or waiting.envsender


def _since(waiting: Waiting) -> float:
    since = HeldMetadata.from_json(waiting.metadata).held_since
    return waiting.received if since is None else since


def _shown(row: Mapping[str, object]) -> dict[str, object]:
    return {name: printable(value) for name, value in row.items()}
