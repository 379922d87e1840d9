"""What the doctor finds: values, and the words that make them. No I/O here.

A check yields results; the item that it stands for gives them its name, and so they become findings.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What became of one item. A note is worth knowing and no fault; skipped is what does not concern this machine."""

    OK = "ok"
    WRONG = "wrong"
    SKIPPED = "skipped"
    NOTE = "note"


class Result(NamedTuple):
    """One thing that a check has to say: its state, what was found, and for a fault the line that mends it."""

    state: State
    text: str
    mend: str = ""


class Finding(NamedTuple):
    """A result under the name of its item, such as 'postfix-policy'."""

    name: str
    state: State
    text: str
    mend: str = ""


class Absent(Exception):
    """What a check would look at is not here, and need not be: str() says what."""


def ok(text: str) -> Result:
    """A thing that is right."""
    return Result(State.OK, text)


def wrong(text: str, mend: str) -> Result:
    """A fault, and the line that mends it."""
    return Result(State.WRONG, text, mend)


def skipped(text: str) -> Result:
    """A thing that does not concern this machine."""
    return Result(State.SKIPPED, text)


def note(text: str, mend: str = "") -> Result:
    """A thing worth knowing."""
    return Result(State.NOTE, text, mend)
