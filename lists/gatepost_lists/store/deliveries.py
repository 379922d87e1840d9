"""Who gets a list's mail, and how it stands with mail to each. Every function works inside its caller's transaction."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.errors import NotFoundError
from gatepost_lists.model import Role
from gatepost_lists.store import mailinglists
from gatepost_lists.store.changes import DeliveryAddress, DeliveryState, DeliveryStatus
from gatepost_lists.store.schema import address, delivery_state, member

_UNTOUCHED = DeliveryState(DeliveryStatus.ENABLED, 0, None)
# The key before every other.
_START = (0, 0)
_OF_ADDRESS = sa.and_(
    delivery_state.c.list_id == sa.bindparam("list"), delivery_state.c.address_id == sa.bindparam("address")
)
_STATE = sa.select(delivery_state.c.delivery_status, delivery_state.c.bounce_score, delivery_state.c.last_bounce).where(
    _OF_ADDRESS
)
_KEY = (member.c.user_id, member.c.address_id)
# In the order of the key of `member`, from any place in it; whose delivery is stopped is looked up one by one. The
# address is a subquery so that no planner begins with the addresses.
RECIPIENTS = (
    sa.select(*_KEY, sa.select(address.c.original).where(address.c.id == member.c.address_id).scalar_subquery())
    .where(
        member.c.list_id == sa.bindparam("list"),
        sa.tuple_(*_KEY) > sa.tuple_(sa.bindparam("user", type_=sa.Integer), sa.bindparam("address", type_=sa.Integer)),
        member.c.role == Role.MEMBER.value,
        ~sa.exists().where(
            delivery_state.c.list_id == member.c.list_id,
            delivery_state.c.address_id == member.c.address_id,
            delivery_state.c.delivery_status != DeliveryStatus.ENABLED.value,
        ),
    )
    .order_by(*_KEY)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_OWNERS = (
    sa.select(address.c.original)
    .join_from(member, address, member.c.address_id == address.c.id)
    .where(member.c.list_id == sa.bindparam("list"), member.c.role.in_((Role.OWNER.value, Role.MODERATOR.value)))
    .group_by(address.c.email, address.c.original)
    .order_by(address.c.email)
)
_MEMBERSHIP = (
    sa.select(member.c.list_id, member.c.address_id)
    .join_from(address, member, sa.and_(member.c.user_id == address.c.user_id, member.c.address_id == address.c.id))
    .where(
        address.c.email == sa.bindparam("email"),
        member.c.list_id == sa.bindparam("list"),
        member.c.role == Role.MEMBER.value,
    )
)


class Membership(NamedTuple):
    """A member of a list, by the keys of both."""

    list_id: int
    address_id: int


def recipients(
    connection: sa.Connection, text: str, after: tuple[int, int] | None, limit: int
) -> list[DeliveryAddress]:
    """At most `limit` members of a list who get mail, by (user_id, address_id), from the one after that key on."""
    key = mailinglists.find(connection, text)["id"]
    user, own = after or _START
    rows = connection.execute(RECIPIENTS, {"list": key, "user": user, "address": own, "limit": limit})
    return [DeliveryAddress(*row) for row in rows]


def owners(connection: sa.Connection, text: str) -> list[str]:
    """The addresses of a list's owners and moderators as they were written, each once."""
    return list(connection.scalars(_OWNERS, {"list": mailinglists.find(connection, text)["id"]}))


def membership(connection: sa.Connection, key: int, email: str) -> Membership | None:
    """The membership of this very address, None where it is no member; a linked one does not count."""
    row = connection.execute(_MEMBERSHIP, {"list": key, "email": checks.known_as(email)}).one_or_none()
    return Membership(*row) if row else None


def require(connection: sa.Connection, row: sa.RowMapping, email: str) -> Membership:
    """The membership of an address on the list of this row. Raises NotFoundError."""
    if found := membership(connection, row["id"], email):
        return found
    raise NotFoundError(f"{checks.said(email)} is no member of {row['list_name']}@{row['mail_host']}")


def state(connection: sa.Connection, text: str, email: str) -> DeliveryState:
    """How it stands with mail to a member. Raises NotFoundError."""
    return state_of(connection, require(connection, mailinglists.find(connection, text), email))


def state_of(connection: sa.Connection, of: Membership) -> DeliveryState:
    """How it stands with mail to this member."""
    row = connection.execute(_STATE, {"list": of.list_id, "address": of.address_id}).one_or_none()
    return DeliveryState(DeliveryStatus(row[0]), *row[1:]) if row else _UNTOUCHED


def keep(connection: sa.Connection, of: Membership, new: DeliveryState) -> None:
    """Keep how it stands with mail to this member; of one with whom nothing is the matter, nothing is kept."""
    connection.execute(delivery_state.delete().where(_OF_ADDRESS), {"list": of.list_id, "address": of.address_id})
    if (new.delivery_status, new.bounce_score) != _UNTOUCHED[:2]:
        connection.execute(delivery_state.insert(), {**of._asdict(), **new._asdict()})
