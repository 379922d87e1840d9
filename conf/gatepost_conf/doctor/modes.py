"""Whether a user may read, write or enter something, by owner, group and mode; nobody's rights are taken on for it.

Access control lists, capabilities and security modules are not looked at.
"""

from __future__ import annotations

import stat
from pathlib import Path

from gatepost_conf.doctor.machine import Account, Machine

READ, WRITE, ENTER = 4, 2, 1
_VERBS = {READ: "read", WRITE: "write to", ENTER: "enter"}


def why_not(machine: Machine, account: Account, path: Path, needed: int) -> str:
    """Why an account may not do all that is needed (READ | WRITE | ENTER) with a path; '' if it may.

    Every folder above must let it enter. Raises OSError for what is not there.
    """
    for folder in reversed(path.parents):
        if reason := _refusal(machine, account, folder, ENTER):
            return reason
    return _refusal(machine, account, path, needed)


def _refusal(machine: Machine, account: Account, path: Path, needed: int) -> str:
    found = machine.stat(path)
    if account.uid == 0:
        return ""
    if account.uid == found.st_uid:
        granted = found.st_mode >> 6
    elif found.st_gid in account.groups:
        granted = found.st_mode >> 3
    else:
        granted = found.st_mode
    missing = [verb for bit, verb in _VERBS.items() if needed & bit & ~granted]
    if not missing:
        return ""
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    held = f"mode {mode}, owner {found.st_uid}, group {found.st_gid}"
    return f"{account.name} may not {' or '.join(missing)} {path} ({held})"
