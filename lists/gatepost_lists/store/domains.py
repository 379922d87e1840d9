"""Domains: adding, changing, removing, listing. Every function works inside its caller's transaction."""

from __future__ import annotations

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.errors import ExistsError, NotFoundError
from gatepost_lists.model import Domain
from gatepost_lists.store.changes import Change
from gatepost_lists.store.schema import domain, mailinglist


def resolve(connection: sa.Connection, host: str) -> Domain | None:
    """The domain that is known by this name, its own or its alias; None if there is none."""
    found = connection.execute(_BY_NAME, {"host": host}).one_or_none()
    return _domain(found) if found else None


_BY_NAME = sa.select(domain).where(
    sa.or_(domain.c.mail_host == sa.bindparam("host"), domain.c.alias_domain == sa.bindparam("host"))
)


def _domain(row: sa.Row[str, str | None, bool]) -> Domain:
    return Domain(row.mail_host, row.alias_domain or "", row.shared)


def require(connection: sa.Connection, text: str) -> Domain:
    """The domain that is known by this name. Raises NotFoundError, BadValueError."""
    host = checks.domain_name(text)
    if found := resolve(connection, host):
        return found
    raise NotFoundError(f"no domain {host}", f"make it with: gatepost domain add {host}")


def add(connection: sa.Connection, text: str, alias: str | None, shared: bool | None) -> Change:
    """Make a domain; of one that is there, change what is given. An alias of '' takes the alias away."""
    host = checks.domain_name(text)
    alias = checks.domain_name(alias) if alias else alias
    found = resolve(connection, host)
    if found and found.mail_host != host:
        raise ExistsError(f"{host} is the alias of {found.mail_host} already")
    if alias:
        _refuse_taken_alias(connection, host, alias)
    before = found or Domain(host)
    after = Domain(host, before.alias_domain if alias is None else alias, before.shared if shared is None else shared)
    kept = {"alias_domain": after.alias_domain or None, "shared": after.shared}
    if found is None:
        connection.execute(domain.insert(), {"mail_host": host, **kept})
        return Change.NEW
    if after == before:
        return Change.SAME
    connection.execute(domain.update().where(domain.c.mail_host == host), kept)
    return Change.CHANGED


def _refuse_taken_alias(connection: sa.Connection, host: str, alias: str) -> None:
    if alias == host:
        raise ExistsError(f"{host} cannot be its own alias")
    other = resolve(connection, alias)
    if other and other.mail_host == alias:
        raise ExistsError(f"{alias} is a domain of its own already", f"remove it with: gatepost domain remove {alias}")
    if other and other.mail_host != host:
        raise ExistsError(f"{alias} is the alias of {other.mail_host} already")


def remove(connection: sa.Connection, text: str) -> None:
    """Remove a domain without lists. Raises NotFoundError, and ExistsError while it has lists."""
    host = checks.domain_name(text)
    found = require(connection, host)
    if found.mail_host != host:
        raise NotFoundError(
            f"{host} is the alias of {found.mail_host}, no domain of its own",
            f"take it away with: gatepost domain add {found.mail_host} --alias-domain ''",
        )
    lists = connection.scalar(sa.select(sa.func.count()).where(mailinglist.c.mail_host == host))
    if lists:
        raise ExistsError(
            f"{host} still has {lists} list{'s' if lists > 1 else ''}",
            f"see them with: gatepost list ls {host}; to remove them too: gatepost domain remove {host} --with-lists",
        )
    connection.execute(domain.delete().where(domain.c.mail_host == host))


def listing(connection: sa.Connection) -> list[Domain]:
    """All domains, in the order of their names."""
    return [_domain(row) for row in connection.execute(sa.select(domain).order_by(domain.c.mail_host))]
