"""What is told to a callback, as a value: for those parts that answer at once or later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def at_once(begin: Callable[[Callable[[T], object]], object]) -> T:
    """What `begin` calls back with before it returns."""
    told: list[T] = []
    begin(told.append)
    [answer] = told
    return answer
