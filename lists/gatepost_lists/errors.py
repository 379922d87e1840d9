"""What can go wrong when the store is changed, each with the exit code that a command ends with (sysexits.h)."""

from __future__ import annotations


class StoreError(Exception):
    """A change that was not made. The message says what is wrong, `hint` (may be '') what would mend it."""

    exit_code = 70

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadValueError(StoreError):
    """A name, an address, a pattern or a value that cannot be kept (EX_DATAERR)."""

    exit_code = 65


class ExistsError(BadValueError):
    """What was asked for stands in the way of something that is there already (EX_DATAERR)."""


class NotFoundError(StoreError):
    """A domain, a list, a member, a ban or an entry that is not there (EX_NOUSER)."""

    exit_code = 67


class BadUrlError(StoreError):
    """A URL that names no store, or one that no engine serves (EX_CONFIG)."""

    exit_code = 78


class StoreReadOnlyError(StoreError):
    """The lists live where gatepost only reads (EX_UNAVAILABLE)."""

    exit_code = 69


class StoreTroubleError(StoreError):
    """The store cannot be used now: missing, locked, damaged, of another version, the disk full (EX_TEMPFAIL)."""

    exit_code = 75
