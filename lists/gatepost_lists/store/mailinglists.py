"""Lists: making, finding, changing, removing. Every function works inside its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.addresses import Address, AddressError, parse_address
from gatepost_lists.attributes import DEFAULTS, Setting, apply
from gatepost_lists.attributes import setting as read_setting
from gatepost_lists.errors import BadValueError, ExistsError, NotFoundError
from gatepost_lists.store import domains, people
from gatepost_lists.store.changes import Change, Creation
from gatepost_lists.store.profiles import Profile
from gatepost_lists.store.schema import (
    ban,
    bounce_event,
    delivery_state,
    domain,
    mailinglist,
    member,
    pending,
    told,
)
from gatepost_lists.subaddresses import SUBADDRESSES, readings

_READ_ONLY = ("id", "mail_host", "list_name")
_PROFILE = tuple(one.name for one in fields(Profile) if one.init and one.name != "key")
_BY_ADDRESS = (
    sa.select(mailinglist)
    .join(domain)
    .where(
        mailinglist.c.list_name == sa.bindparam("name"),
        sa.or_(domain.c.mail_host == sa.bindparam("host"), domain.c.alias_domain == sa.bindparam("host")),
    )
)
_BY_LIST_ID = sa.select(mailinglist).where(mailinglist.c.list_id == sa.bindparam("list_id"))


def find(connection: sa.Connection, text: str) -> sa.RowMapping:
    """The row of the list with this posting address, by an alias domain too, or this list_id. Raises NotFoundError."""
    found = _find(connection, text)
    if found is None:
        raise NotFoundError(f"no list {text}", "see which there are with: gatepost list ls")
    return found


def _find(connection: sa.Connection, text: str) -> sa.RowMapping | None:
    try:
        address = parse_address(text)
    except AddressError as error:
        raise BadValueError(str(error)) from error
    if address.domain:
        return connection.execute(_BY_ADDRESS, {"name": address.local, "host": address.domain}).mappings().one_or_none()
    return connection.execute(_BY_LIST_ID, {"list_id": address.local}).mappings().one_or_none()


def attributes(row: sa.RowMapping) -> dict[str, Any]:
    """What a list is, under Mailman's names."""
    rest = {name: value for name, value in row.items() if name not in (*_READ_ONLY, "list_id")}
    return {"list_id": row["list_id"], "fqdn_listname": f"{row['list_name']}@{row['mail_host']}", **rest}


def profile(connection: sa.Connection, text: str) -> Profile | None:
    """What mail of a list has to say of it; None where there is no such list."""
    row = _find(connection, text)
    return Profile(key=row["id"], **{name: row[name] for name in _PROFILE}) if row is not None else None


def days_to_hold(connection: sa.Connection) -> dict[str, int]:
    """For how many days held mail waits, by the list_id of those lists where it does not wait without end."""
    query = sa.select(mailinglist.c.list_id, mailinglist.c.max_days_to_hold).where(mailinglist.c.max_days_to_hold > 0)
    return {row.list_id: row.max_days_to_hold for row in connection.execute(query)}


def next_post(connection: sa.Connection, text: str) -> int:
    """Count one more post of a list; its number, from 1."""
    row = find(connection, text)
    connection.execute(mailinglist.update().where(mailinglist.c.id == row["id"]), {"post_id": row["post_id"] + 1})
    return int(row["post_id"]) + 1


def create(connection: sa.Connection, text: str, settings: Iterable[str]) -> Creation:
    """Make a list; of one that is there, change what is given."""
    checked = [read_setting(setting) for setting in settings]
    address = checks.list_address(text)
    host = domains.resolve(connection, address.domain)
    if host is None:
        raise BadValueError(f"no domain {address.domain}", f"make it with: gatepost domain add {address.domain}")
    name = f"{address.local}@{host.mail_host}"
    if (found := _find(connection, name)) is not None:
        return Creation(name, _change(connection, found, checked), ())
    list_id = f"{address.local}.{host.mail_host}"
    if (other := connection.execute(_BY_LIST_ID, {"list_id": list_id}).one_or_none()) is not None:
        raise ExistsError(f"its list_id would be {list_id}, which is that of {other.list_name}@{other.mail_host}")
    fresh = {**DEFAULTS, **apply(checked, DEFAULTS)}
    connection.execute(
        mailinglist.insert(), {"list_id": list_id, "list_name": address.local, "mail_host": host.mail_host, **fresh}
    )
    return Creation(name, Change.NEW, _warnings(connection, address, host.mail_host))


def _warnings(connection: sa.Connection, address: Address, host: str) -> tuple[str, ...]:
    """What the name of a new list takes from a list that is there, or gives to it."""
    name = address.local
    above = {reading.list_name for reading in readings(address)[1:]}
    below = {f"{name}-{suffix}" for suffix in SUBADDRESSES}
    found = connection.scalars(
        sa.select(mailinglist.c.list_name).where(
            mailinglist.c.mail_host == host, mailinglist.c.list_name.in_(above | below)
        )
    ).all()
    shadowed = [
        f"{name}@{host} reads like an address of the list {other}@{host}, and takes its place"
        for other in found
        if other in above
    ]
    shadowing = [
        f"{other}@{host} is a list of its own, and stays in the place of that address of {name}@{host}"
        for other in found
        if other in below
    ]
    plus = [f"{name}@{host} has a '+': mail servers may cut its name there"] if "+" in name else []
    return (*plus, *sorted(shadowed), *sorted(shadowing))


def change(connection: sa.Connection, text: str, settings: Iterable[str]) -> Change:
    """Change attributes of a list."""
    checked = [read_setting(setting) for setting in settings]
    return _change(connection, find(connection, text), checked)


def _change(connection: sa.Connection, row: sa.RowMapping, checked: list[Setting]) -> Change:
    new = apply(checked, dict(row))
    if not new:
        return Change.SAME
    connection.execute(mailinglist.update().where(mailinglist.c.id == row["id"]), new)
    return Change.CHANGED


def remove(connection: sa.Connection, text: str) -> str:
    """Remove a list with its members, bans and all else that is kept of it; its posting address."""
    row = find(connection, text)
    users = connection.scalars(sa.select(member.c.user_id).where(member.c.list_id == row["id"]).distinct()).all()
    for table in (member, ban, delivery_state, bounce_event, pending, told):
        connection.execute(table.delete().where(table.c.list_id == row["id"]))
    connection.execute(mailinglist.delete().where(mailinglist.c.id == row["id"]))
    people.forget_strangers(connection, users)
    return f"{row['list_name']}@{row['mail_host']}"


def remove_all(connection: sa.Connection, text: str) -> list[str]:
    """Remove all lists of a domain; their posting addresses. Raises NotFoundError for an unknown domain."""
    return [remove(connection, row["fqdn_listname"]) for row in listing(connection, text)]


def listing(connection: sa.Connection, text: str = "") -> list[dict[str, Any]]:
    """The attributes of all lists, or of those of one domain, in the order of their addresses."""
    query = sa.select(mailinglist).order_by(mailinglist.c.mail_host, mailinglist.c.list_name)
    if text:
        query = query.where(mailinglist.c.mail_host == domains.require(connection, text).mail_host)
    return [attributes(row) for row in connection.execute(query).mappings()]
