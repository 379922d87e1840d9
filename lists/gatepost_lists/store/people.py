"""Addresses and the users whom they belong to. Every function works inside its caller's transaction.

A user has no row of its own: it is what addresses with the same user_id have in common, and that is always the id of
one of them. A membership mirrors the user_id of its address. An address that is on no list and linked to no other is
forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.errors import BadValueError, NotFoundError
from gatepost_lists.store.changes import Change
from gatepost_lists.store.schema import address, member

# The user of an address that was just inserted, until its own id is known. It never outlives a transaction.
_UNBORN = 0
# Users to a statement, so that the end of a large list takes little memory.
_SET_SIZE = 20_000
_BY_EMAIL = sa.select(address).where(address.c.email == sa.bindparam("email"))
INSERT_NEW = address.insert().from_select(
    ["email", "original", "display_name", "user_id"],
    sa.select(
        sa.bindparam("email", type_=sa.Text),
        sa.bindparam("original", type_=sa.Text),
        sa.bindparam("display_name", type_=sa.Text),
        sa.literal_column(str(_UNBORN)),
    ).where(~sa.exists().where(address.c.email == sa.bindparam("email", type_=sa.Text))),
)
GIVE_USERS = address.update().where(address.c.user_id == _UNBORN).values(user_id=address.c.id)
_kin = address.alias("kin")
_FORGET_STRANGER = address.delete().where(
    address.c.user_id == sa.bindparam("user"),
    ~sa.exists().where(_kin.c.user_id == sa.bindparam("user"), _kin.c.id != address.c.id),
    ~sa.exists().where(member.c.address_id == address.c.id),
)


def find(connection: sa.Connection, email: str) -> sa.Row[int, str, str, str, int] | None:
    """The row of an address, None where it is not known."""
    return connection.execute(_BY_EMAIL, {"email": email}).one_or_none()


def ensure(connection: sa.Connection, rows: list[dict[str, str]]) -> None:
    """Make the addresses that are not there: dicts of email, original and display_name."""
    connection.execute(INSERT_NEW, rows)
    connection.execute(GIVE_USERS)


def link(connection: sa.Connection, known: str, other: str) -> Change:
    """Make both addresses, and all that are linked to either, those of one user.

    The first must be known; the second need not be on any list. Raises NotFoundError, BadValueError.
    """
    first, second = checks.member_address(known), checks.member_address(other)
    if str(first) == str(second):
        raise BadValueError(f"{first} cannot be linked to itself")
    row = _require(connection, str(first))
    ensure(connection, [{"email": str(second), "original": other.strip(), "display_name": ""}])
    joining = _require(connection, str(second)).user_id
    if joining == row.user_id:
        return Change.SAME
    kin = connection.scalars(sa.select(address.c.id).where(address.c.user_id == joining)).all()
    _give_user(connection, kin, row.user_id)
    return Change.NEW


def unlink(connection: sa.Connection, text: str) -> None:
    """Part an address from all that it is linked to. Raises NotFoundError where it is linked to none."""
    email = str(checks.member_address(text))
    row = _require(connection, email)
    kin = connection.scalars(
        sa.select(address.c.id).where(address.c.user_id == row.user_id, address.c.id != row.id).order_by(address.c.id)
    ).all()
    if not kin:
        raise NotFoundError(f"{email} is linked to no other address")
    if row.user_id == row.id:
        _give_user(connection, kin, kin[0])
    else:
        _give_user(connection, [row.id], row.id)
    forget_strangers(connection, (row.id, kin[0], row.user_id))


def linked(connection: sa.Connection, text: str) -> list[str]:
    """The other addresses of the user with this address, in their order. Raises NotFoundError."""
    row = _require(connection, str(checks.member_address(text)))
    query = sa.select(address.c.email).where(address.c.user_id == row.user_id, address.c.id != row.id)
    return list(connection.scalars(query.order_by(address.c.email)))


def _require(connection: sa.Connection, email: str) -> sa.Row[int, str, str, str, int]:
    if (row := find(connection, email)) is None:
        raise NotFoundError(f"{email} is on no list, and linked to no address")
    return row


def _give_user(connection: sa.Connection, address_ids: Iterable[int], user: int) -> None:
    rows = [{"of": address_id, "user": user} for address_id in address_ids]
    for table, column in ((address, address.c.id), (member, member.c.address_id)):
        statement = table.update().where(column == sa.bindparam("of")).values(user_id=sa.bindparam("user"))
        connection.execute(statement, rows)


def forget_strangers(connection: sa.Connection, users: Iterable[int]) -> None:
    """Forget those of these users who have one address only, which is on no list."""
    rest = iter(users)
    while rows := [{"user": user} for user in islice(rest, _SET_SIZE)]:
        connection.execute(_FORGET_STRANGER, rows)
