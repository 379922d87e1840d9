"""Budgets of what a list tells, as values. No database here."""

from __future__ import annotations

from typing import NamedTuple

HOUR = 3600
DAY = 86_400


class Budget(NamedTuple):
    """So many times in each span of so many seconds, counted from the epoch: a DAY is one of UTC."""

    what: str
    limit: int
    span: int
