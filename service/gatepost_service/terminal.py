"""The terminal in whose foreground gatepost was started, if it was: a run ends with it.

HUP is said for two reasons: somebody wants the settings to be read again (kill -HUP), or the terminal is gone. The
terminal itself tells which it is. What was started in the background, by nohup(1), or without a terminal does not end
with one. The state is the process's own, and that of its children.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_NONE = -1
# The descriptor of the terminal: standard input's or standard error's.
_descriptor = _NONE


def remember() -> None:
    """Look whether there is one; call it when the process starts, before the terminal can have gone."""
    global _descriptor  # noqa: PLW0603 - it is told once, for all that this process becomes
    is_to_survive = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    _descriptor = _NONE if is_to_survive else next(filter(_is_in_foreground, (0, 2)), _NONE)


def _is_in_foreground(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:  # it is no terminal, or not that of this session
        return False


def has_gone() -> bool:
    """Whether there was one, and it is no more. Ask when HUP has come."""
    if _descriptor == _NONE:
        return False
    try:
        os.tcgetpgrp(_descriptor)
    except OSError:  # EIO: it has hung up; ENOTTY: the shell has ended, and it is no longer this session's
        return True
    return False


def end_with_it(_number: int, _frame: FrameType | None) -> None:
    """The handler of HUP while there is nothing to be read again."""
    if has_gone():
        sys.exit(os.EX_OK)
