"""How listings are printed: a table on a terminal, tab-separated lines elsewhere, JSON where it is asked for.

Everything streams where it can: a list may have a million members.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import click

Row = Mapping[str, object]


def print_rows(rows: Iterable[Row], columns: Sequence[str], as_json: bool) -> None:
    """Print a listing: of each row the named columns, or all that it has as a JSON object."""
    if as_json:
        _print_json(rows)
    elif sys.stdout.isatty():
        _print_table(rows, columns)
    else:
        for row in rows:
            click.echo("\t".join(_word(row[column]) for column in columns))


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    click.echo(json.dumps(value))


def _print_json(rows: Iterable[Row]) -> None:
    """A JSON array, an object a line, without holding them all."""
    between = "[\n"
    for row in rows:
        click.echo(between + json.dumps(row), nl=False)
        between = ",\n"
    click.echo("[]" if between == "[\n" else "\n]")


def _print_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    from rich import box  # noqa: PLC0415 - slow to load, and needed on terminals only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*columns, box=box.SIMPLE_HEAD, header_style="")
    for row in rows:
        table.add_row(*(Text(_word(row[column])) for column in columns))
    Console().print(table)


def moment(seconds: float) -> str:
    """A time as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def print_warnings(warnings: Iterable[str]) -> None:
    """Say on standard error what somebody should know of a change that was made."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def print_attributes(attributes: Row) -> None:
    """Print what one thing is, an attribute a line; of an attribute with several entries, an entry a line."""
    width = max(map(len, attributes)) if sys.stdout.isatty() else 0
    for name, value in attributes.items():
        for entry in (value or [""]) if isinstance(value, list) else [value]:
            click.echo(f"{name:<{width}}  {_word(entry)}" if width else f"{name}\t{_word(entry)}")
