"""Durations as people write them: a number and a unit, such as 90s, 15m, 12h, 5d or 2w."""

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]{1,6})([smhdw])").fullmatch
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """Raises ValueError for what is none, and for none at all."""
    match = _DURATION(text)
    if not match or not int(match[1]):
        raise ValueError(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
