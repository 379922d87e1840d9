"""Bans, on one list or everywhere. Every function works inside its caller's transaction."""

from __future__ import annotations

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.errors import NotFoundError
from gatepost_lists.store import mailinglists
from gatepost_lists.store.changes import Ban, Change
from gatepost_lists.store.schema import ban, mailinglist


def _list_key(connection: sa.Connection, text: str) -> int | None:
    return int(mailinglists.find(connection, text)["id"]) if text else None


def _this(email: str, key: int | None) -> sa.ColumnElement[bool]:
    return sa.and_(ban.c.email == email, sa.func.coalesce(ban.c.list_id, 0) == (key or 0))


def add(connection: sa.Connection, pattern: str, text: str) -> Change:
    """Ban an address or a ^regex on a list, or everywhere where `text` is ''."""
    email, key = checks.ban_pattern(pattern), _list_key(connection, text)
    if connection.scalar(sa.select(ban.c.id).where(_this(email, key))):
        return Change.SAME
    connection.execute(ban.insert(), {"email": email, "list_id": key})
    return Change.NEW


def remove(connection: sa.Connection, pattern: str, text: str) -> None:
    """Lift a ban. Raises NotFoundError where there is none."""
    key = _list_key(connection, text)
    email = checks.one_line(pattern) if pattern.strip().startswith("^") else checks.ban_pattern(pattern)
    if not connection.execute(ban.delete().where(_this(email, key))).rowcount:
        where = f"on {text}" if text else "everywhere"
        raise NotFoundError(f"no ban of {email} {where}", "see which there are with: gatepost ban ls")


def listing(connection: sa.Connection, text: str) -> list[Ban]:
    """The bans of one list; where `text` is '', all bans, those in force everywhere first."""
    query = sa.select(ban.c.email, mailinglist.c.list_name, mailinglist.c.mail_host).join_from(
        ban, mailinglist, isouter=True
    )
    if text:
        query = query.where(ban.c.list_id == _list_key(connection, text))
    order = (sa.func.coalesce(mailinglist.c.mail_host, ""), sa.func.coalesce(mailinglist.c.list_name, ""), ban.c.email)
    rows = connection.execute(query.order_by(*order))
    return [Ban(email, f"{name}@{host}" if name else "") for email, name, host in rows]
