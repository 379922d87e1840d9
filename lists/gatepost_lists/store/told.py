"""What a list has told already, how often. Every function works inside its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from gatepost_lists.store import mailinglists
from gatepost_lists.store.budgets import Budget
from gatepost_lists.store.schema import told


def first_time(connection: sa.Connection, text: str, key: str, now: float, keep_seconds: float) -> bool:
    """Whether a list is asked this for the first time; it is then kept for so long."""
    list_key, what = _current(connection, text, now), _once(key)
    if _times(connection, list_key, what):
        return False
    _keep(connection, list_key, what, 1, now + keep_seconds)
    return True


def first_time_anywhere(connection: sa.Connection, text: str, key: str, now: float, keep_seconds: float) -> bool:
    """Whether any list is asked this for the first time; it is then kept, with this one, for so long.

    Looks at all that has been told: only for what is asked now and then.
    """
    this = sa.and_(told.c.what == _once(key), told.c.expires > now)
    is_known = connection.scalar(sa.select(sa.exists().where(this)))
    return not is_known and first_time(connection, text, key, now, keep_seconds)


def _once(key: str) -> str:
    storable = key.encode("utf-8", "backslashreplace").decode()
    return f"once {storable}"


def spend(connection: sa.Connection, text: str, budgets: Sequence[Budget], now: float) -> list[int]:
    """Take one of each budget of a list, or, where one is used up, of none; what is left of each, -1 of that."""
    key = _current(connection, text, now)
    before = [_times(connection, key, f"budget {what}") for what, _, _ in budgets]
    left = [limit - times - 1 for (_, limit, _), times in zip(budgets, before, strict=True)]
    if min(left, default=0) >= 0:
        for (what, _, span), times in zip(budgets, before, strict=True):
            _keep(connection, key, f"budget {what}", times + 1, (now // span + 1) * span)
    return [max(-1, number) for number in left]


def _current(connection: sa.Connection, text: str, now: float) -> int:
    """The key of a list, when what has expired is forgotten."""
    connection.execute(told.delete().where(told.c.expires <= now))
    return int(mailinglists.find(connection, text)["id"])


def _times(connection: sa.Connection, key: int, what: str) -> int:
    return connection.scalar(sa.select(told.c.times).where(told.c.list_id == key, told.c.what == what)) or 0


def _keep(connection: sa.Connection, key: int, what: str, times: int, expires: float) -> None:
    """How often this has been told; the first time says when it expires."""
    if times > 1:
        connection.execute(told.update().where(told.c.list_id == key, told.c.what == what), {"times": times})
    else:
        connection.execute(told.insert(), {"list_id": key, "what": what, "expires": expires})
