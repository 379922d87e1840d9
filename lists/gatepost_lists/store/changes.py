"""What a change came to: values that the store hands back."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from gatepost_lists.model import Role


class Change(StrEnum):
    """What became of one thing that was to be there: it is new, or was changed, or was the same already."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


class Creation(NamedTuple):
    """A list that was to be there: its posting address, what became of it, and what its owner should know."""

    fqdn_listname: str
    change: Change
    warnings: tuple[str, ...]


class Member(NamedTuple):
    """One address on one list. email is the form in which it is compared, original how somebody wrote it."""

    email: str
    original: str
    display_name: str
    role: Role
    moderation_action: str | None


class Ban(NamedTuple):
    """One ban: an address or a ^regex, on the list of that posting address, or everywhere where that is ''."""

    email: str
    mailing_list: str


class Refused(NamedTuple):
    """A line of an import that was not taken: its number from 1, its text shortened, and why."""

    line: int
    text: str
    why: str


class Imported(NamedTuple):
    """What an import came to. changed are those of `already` that were given another moderation action."""

    new: int
    already: int
    changed: int
    refused: int
