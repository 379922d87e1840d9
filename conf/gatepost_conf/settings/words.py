"""How a value of the file is called and shown in a message: in TOML's words, on one line, without passwords."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time

# TOML promises 64-bit integers and no more.
LARGEST_INTEGER = 2**63 - 1

# Longer values are cut: the line must stay readable, and the place is named anyway.
SHOWN_CHARACTERS = 100

# What stands between the user's name and the last @ of a URL; a password may hold an @ that nobody escaped.
_PASSWORD = re.compile(r"(://[^:/@]*:).*@", re.DOTALL)

# The first class that fits counts: a boolean is an integer to Python, and a date-time a date.
_WORDS: tuple[tuple[type, str], ...] = (
    (str, "a string"),
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (datetime, "a date-time"),
    (date, "a date"),
    (time, "a time"),
    (list, "an array"),
    (tuple, "an array"),
    (dict, "a table"),
)


def toml_word(value: object) -> str:
    """The TOML type of a value, with its article: 'a string', 'an integer', 'a table'."""
    return next(word for kind, word in _WORDS if isinstance(value, kind))


def shown(value: str | float) -> str:
    """A string in quotes, with what is not printable escaped; a number as it is, unless it is beyond TOML's 64 bits."""
    if isinstance(value, str):
        bare = _PASSWORD.sub(r"\1***@", value)
        return repr(bare if len(bare) <= SHOWN_CHARACTERS else bare[:SHOWN_CHARACTERS] + "…")
    return "one beyond 64 bits" if isinstance(value, int) and abs(value) > LARGEST_INTEGER else str(value)


def either(choices: Sequence[str]) -> str:
    """'a', 'a or b', 'a, b or c'."""
    *first, last = choices
    return f"{', '.join(first)} or {last}" if first else last
