"""A password in the settings is for gatepost alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Result, ok, wrong
from gatepost_conf.passwords import others_can_read, passwords


def settings_file(case: Case) -> Iterator[Result]:
    """Nobody but its owner and group can read a settings file with a password."""
    file, found = case.settings_file, " and ".join(passwords(case.settings))
    if not found:
        yield ok(f"{file} holds no password")
    elif others_can_read(file, case.machine.stat):
        yield wrong(f"everybody on this machine can read {found} in {file}", f"chmod o-rwx {shlex.quote(str(file))}")
    else:
        yield ok(f"nobody but owner and group can read {found} in {file}")
