"""What can go wrong with the queue, each with the exit code that a command ends with (sysexits.h)."""

from __future__ import annotations


class QueueError(Exception):
    """Something was not done. The message says why, `hint` (may be '') what would mend it."""

    exit_code = 70

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class QueueTrouble(QueueError):
    """The queue cannot be used now: missing, locked, damaged, read only, of another version (EX_TEMPFAIL).

    The message names the file and the reason. LMTP says 451 4.3.0.
    """

    exit_code = 75


class QueueFull(QueueTrouble):
    """There is no room: the disk or the quota is used up, or too much waits to be written. LMTP says 452 4.3.1."""


class LeaseLost(QueueError):
    """The lease has expired and the entry was given to another runner, or somebody has dropped it (EX_TEMPFAIL)."""

    exit_code = 75


class NoSuchEntry(QueueError):
    """There is no entry with that id, in the state that was asked for (EX_NOUSER)."""

    exit_code = 67


class EntryInUse(QueueError):
    """A runner has the entry (EX_TEMPFAIL)."""

    exit_code = 75


class NoEngine(QueueError, ValueError):
    """A URL that names no queue, or one that no engine serves (EX_CONFIG)."""

    exit_code = 78
