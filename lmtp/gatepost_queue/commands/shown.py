"""How entries and durations are named, and entries shown, by the commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import click

from gatepost_queue.commands.context import Output
from gatepost_service.durations import duration

ENTRY_ID = click.IntRange(min=1, max=2**63 - 1)


def read_duration(_context: click.Context, _option: click.Parameter, text: str) -> timedelta | None:
    """For an option that takes a number and a unit, as in the settings; None where it is not given."""
    try:
        return duration(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is no duration such as 90s, 15m, 12h, 5d or 2w") from None


def check_form(*, raw: bool, as_json: bool) -> None:
    """Raise UsageError where an entry is asked for in two forms."""
    if raw and as_json:
        raise click.UsageError("--raw and --json do not go together")


def print_entry(output: Output, entry: Mapping[str, object], *, as_json: bool) -> None:
    """Print what is known of an entry."""
    if as_json:
        output.print_json(entry)
    else:
        output.print_attributes(entry)


def printable(value: object) -> object:
    """A value with nothing in its texts that a terminal would obey."""
    if isinstance(value, list):
        return [printable(entry) for entry in value]
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in value)


def moment(seconds: float) -> str:
    """A time as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
