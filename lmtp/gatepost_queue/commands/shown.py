"""How entries are named and shown by the commands."""

from __future__ import annotations

from datetime import UTC, datetime

import click

ENTRY_ID = click.IntRange(min=1, max=2**63 - 1)


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
