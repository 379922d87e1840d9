"""What a list has told already, how often. Every function works inside its caller's transaction."""

from __future__ import annotations

import sqlalchemy as sa

from gatepost_lists.store import mailinglists, values
from gatepost_lists.store.schema import told

_DAY = 86_400


def first_time(connection: sa.Connection, text: str, key: str, now: float, keep_seconds: float) -> bool:
    """Whether a list is asked this for the first time; it is then kept for so long."""
    storable = key.encode("utf-8", "backslashreplace").decode()
    return _times(connection, text, f"once {storable}", now, now + keep_seconds) == 1


def notices_today(connection: sa.Connection, text: str, kind: str, email: str, now: float) -> int:
    """Count one more notice of this kind from a list to an address; how many there are on this day of UTC."""
    return _times(connection, text, f"{kind} {values.known_as(email)}", now, (now // _DAY + 1) * _DAY)


def _times(connection: sa.Connection, text: str, what: str, now: float, expires: float) -> int:
    """How often this has been told, with this time, since it last expired; the first time says when it will."""
    key = mailinglists.find(connection, text)["id"]
    connection.execute(told.delete().where(told.c.expires <= now))
    this = sa.and_(told.c.list_id == key, told.c.what == what)
    before = connection.scalar(sa.select(told.c.times).where(this)) or 0
    if before:
        connection.execute(told.update().where(this), {"times": before + 1})
    else:
        connection.execute(told.insert(), {"list_id": key, "what": what, "expires": expires})
    return before + 1
