"""The commands for the queue, called as click calls them."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.testing import CliRunner, Result

from gatepost_lists.commands import output
from gatepost_queue.commands.context import META_KEY, QueueContext

Run = Callable[..., Result]


def runner_of(command: click.Command, url: str) -> Run:
    """Runs a command with arguments on a queue; it raises what the command raises."""

    @click.group()
    @click.pass_context
    def cli(context: click.Context) -> None:
        context.meta[META_KEY] = QueueContext(lambda: url, output)

    cli.add_command(command)

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(cli, [str(command.name), *map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
