"""Lines of main.cf and master.cf as commands for root's shell, to be pasted as they stand. No I/O here.

postconf(1) puts each line in the place of the one with the same name: a second one below it would be warned of at every
start. Comments stay, above what they are about.
"""

from __future__ import annotations

import shlex

RELOAD = "postfix reload\n"


def postconf(main_cf: str) -> str:
    """Each `NAME = VALUE` of these lines as a command; comments and empty lines as they are."""
    return "".join(f"{_command(line)}\n" for line in main_cf.splitlines())


def postconf_master(master_cf: str) -> str:
    """Each line of master.cf as a command."""
    return "".join(f"postconf -M {shlex.quote(_service(line))}\n" for line in master_cf.splitlines())


def _service(line: str) -> str:
    name, kind, _ = line.split(None, 2)
    return f"{name}/{kind}={line}"


def _command(line: str) -> str:
    return f"postconf -e {shlex.quote(line)}" if line and not line.startswith("#") else line
