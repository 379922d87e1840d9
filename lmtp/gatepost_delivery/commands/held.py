"""`gatepost held`: what waits for a moderator's word, and giving it.

A decision is kept with the entry, which goes back to the queue that it came from: delivery carries it out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from gatepost_queue import Waiting, listing, upkeep
from gatepost_queue.commands.context import QueueContext, pass_queue
from gatepost_queue.commands.shown import ENTRY_ID, check_form, moment, print_entry, printable
from gatepost_queue.values import HELD

_COLUMNS = ("id", "list", "request", "sender", "subject", "held_since", "reason")
_QUEUES = {"post": "in", "join": "command"}
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
    found = listing.ls(context.path, HELD, listid.lower())
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
    waiting, content = listing.show(context.path, number)
    upkeep.require_held(number, waiting.queue)
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
    _decide(context, numbers, {"approved": True}, "accepted")


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
    _decide(context, numbers, {"rejected": reason}, "rejected")


@held.command()
@_numbers
@pass_queue
def discard(context: QueueContext, numbers: Sequence[int]) -> None:
    """Throw posts or requests away, and tell nobody: all, or, if one does not wait, none.

    \b
    Example:
      gatepost held discard 42
    """
    with context.transaction() as transaction:
        for number in dict.fromkeys(numbers):
            upkeep.discard(transaction, time.time(), number)
    _say(numbers, "discarded")


def _decide(context: QueueContext, numbers: Sequence[int], decision: Mapping[str, Any], said: str) -> None:
    with context.transaction() as transaction:
        for number in dict.fromkeys(numbers):
            upkeep.decide(transaction, time.time(), number, decision, _QUEUES)
    _say(numbers, said)


def _say(numbers: Sequence[int], said: str) -> None:
    for number in dict.fromkeys(numbers):
        click.echo(f"{number}: {said}")


def _object(waiting: Waiting) -> dict[str, object]:
    """What waits as JSON shows it."""
    metadata = waiting.metadata
    return {
        "id": waiting.id,
        "list": waiting.listid,
        "request": metadata.get("request", "post"),
        "sender": metadata.get("email") or waiting.envsender,
        "subject": metadata.get("subject", ""),
        "reason": metadata.get("reason", ""),
        "held_since": moment(metadata.get("held_since", waiting.received)),
        "received": moment(waiting.received),
        "size": waiting.size,
        "recipients": list(waiting.recipients),
        "trace": waiting.trace,
    }


def _shown(row: Mapping[str, object]) -> dict[str, object]:
    return {name: printable(value) for name, value in row.items()}
