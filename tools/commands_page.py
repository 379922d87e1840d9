"""Writes docs/commands.md from the commands' own help, so that the page can say nothing else than the program.

`commands_page.py` writes it; `page()` gives its text, for the test that holds the page up to date. The width is fixed:
the page is the same whatever terminal it is made on. So is what is left out: the settings file that a machine has.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gatepost import cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
_WIDTH = 100
_OPENING = """\
# Commands

This page lists every command with its help, as `--help` prints it, but for the last line, which says which settings are
in use. It is made by `make docs`: change the commands, not the page. What they are for is told in [lists](lists.md) and
[running it](service.md), which has the exit codes too.
"""


def page() -> str:
    """The text of the page."""
    root = cli.make_context("gatepost", [], resilient_parsing=True, terminal_width=_WIDTH)
    with root:
        sections = [_section(context) for context in _walk(root)]
    return "\n".join([_OPENING, *sections])


def _walk(context: click.Context) -> Iterator[click.Context]:
    """The context of a command, then those of its commands, in the order of the help."""
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _walk(click.Context(command, context, name, **command.context_settings))


def _section(context: click.Context) -> str:
    level = min(context.command_path.count(" ") + 2, 3)
    return f"{'#' * level} {context.command_path}\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    click.echo(f"{PAGE}: written")
