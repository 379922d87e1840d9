"""`gatepost qmail-lmtp`, as the help and the page of commands show it.

gatepost.py calls gatepost_conf.qmail_lmtp.command itself, before click looks at the arguments: click's exit codes would
make qmail bounce the message.
"""

from __future__ import annotations

import os

import click

from gatepost_conf.qmail_lmtp.command import NAME, run


@click.command(NAME, context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="PORT PARTS [HOST]", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def qmail_lmtp(context: click.Context, words: tuple[str, ...]) -> None:
    """Deliver the message on standard input over LMTP, as the command of a .qmail file.

    PORT is the LMTP server's port at HOST, which is 127.0.0.1 by default, or the path of its socket. PARTS is how many
    leading parts of the address, each with its dash, are taken off again: 1 for the user whom virtualdomains put there,
    2 for alias and one more, 0 for none. The addresses come from the environment that qmail-local sets. No settings
    are read.

    The exit code is 0 when the message was taken, 100 when it was refused for good, and 111 for everything else: qmail
    tries again.

    \b
    Example, a .qmail-default file:
      |/opt/gatepost/.venv/bin/gatepost qmail-lmtp 8024 1
    """
    context.exit(run(words, os.environb))
