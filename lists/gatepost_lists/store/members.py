"""Members, and all others who are on a list in some role. Every function works inside its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.errors import BadValueError, NotFoundError
from gatepost_lists.model import Role
from gatepost_lists.senders import read_sender
from gatepost_lists.store import mailinglists, people
from gatepost_lists.store.changes import Change, DeliveryStatus, Member
from gatepost_lists.store.lines import LineError, parse_line
from gatepost_lists.store.schema import address, delivery_state, member

_LIST_ID = sa.bindparam("list", type_=sa.Integer)
_ROLE = sa.bindparam("role_", type_=sa.Text)
_EMAIL = sa.bindparam("email", type_=sa.Text)
_ACTION = sa.bindparam("action", type_=sa.Text)
_THIS_ADDRESS = sa.select(address.c.id).where(address.c.email == _EMAIL).scalar_subquery()
_THIS_MEMBER = sa.and_(member.c.list_id == _LIST_ID, member.c.role == _ROLE, member.c.address_id == _THIS_ADDRESS)
INSERT_NEW = member.insert().from_select(
    ["list_id", "user_id", "address_id", "role", "moderation_action"],
    sa.select(_LIST_ID, address.c.user_id, address.c.id, _ROLE, _ACTION).where(
        address.c.email == _EMAIL,
        ~sa.exists().where(
            member.c.list_id == _LIST_ID,
            member.c.user_id == address.c.user_id,
            member.c.address_id == address.c.id,
            member.c.role == _ROLE,
        ),
    ),
)
SET_ACTION = (
    member.update()
    .where(_THIS_MEMBER, member.c.moderation_action.is_distinct_from(_ACTION))
    .values(moderation_action=_ACTION)
)
_ROLES = (
    sa.select(member.c.role)
    .join_from(address, member, member.c.user_id == address.c.user_id)
    .where(member.c.list_id == _LIST_ID, address.c.email.in_(sa.bindparam("emails", expanding=True)))
)
_FORGET_DELIVERY = delivery_state.delete().where(
    delivery_state.c.list_id == _LIST_ID, delivery_state.c.address_id == sa.bindparam("address")
)
_HAS_STATE = sa.and_(
    member.c.role == Role.MEMBER.value,
    delivery_state.c.list_id == member.c.list_id,
    delivery_state.c.address_id == member.c.address_id,
)


def add(
    connection: sa.Connection, text: str, people_texts: Sequence[str], role: Role, action: str | None
) -> list[tuple[str, Change]]:
    """Put addresses, or `Name <address>`, on a list; each address and what became of it.

    Who is there already keeps his moderation action unless one is given. Raises NotFoundError, BadValueError.
    """
    key = mailinglists.find(connection, text)["id"]
    kept = checks.moderation(action)
    return [(_add_one(connection, key, person, role, action is not None, kept)) for person in people_texts]


def _add_one(
    connection: sa.Connection, key: int, person: str, role: Role, given: bool, action: str | None
) -> tuple[str, Change]:
    try:
        email, original, display_name = parse_line(person)
    except LineError as error:
        raise BadValueError(f"{person!r}: {error}") from error
    people.ensure(connection, [{"email": email, "original": original, "display_name": display_name}])
    row = {"list": key, "role_": role, "email": email, "action": action}
    if connection.execute(INSERT_NEW, row).rowcount:
        return original, Change.NEW
    if given and connection.execute(SET_ACTION, row).rowcount:
        return original, Change.CHANGED
    return original, Change.SAME


def remove(connection: sa.Connection, text: str, addresses: Sequence[str], role: Role) -> None:
    """Take addresses off a list, in that role. Raises NotFoundError for one that is not on it."""
    row = mailinglists.find(connection, text)
    for one in addresses:
        email = str(checks.member_address(one))
        found = people.find(connection, email)
        gone = found and connection.execute(
            member.delete().where(_THIS_MEMBER), {"list": row["id"], "role_": role, "email": email}
        )
        if not found or not gone or not gone.rowcount:
            raise NotFoundError(f"{email} is no {role} of {row['list_name']}@{row['mail_host']}")
        if role is Role.MEMBER:
            connection.execute(_FORGET_DELIVERY, {"list": row["id"], "address": found.id})
        people.forget_strangers(connection, [found.user_id])


def roles(connection: sa.Connection, text: str, sender: str) -> frozenset[Role]:
    """What a sender is on a list, by any address that it is known by for certain, or by one that is linked to it."""
    key = mailinglists.find(connection, text)["id"]
    found = connection.scalars(_ROLES, {"list": key, "emails": read_sender(sender).known_as})
    return frozenset(map(Role, found))


def listing(connection: sa.Connection, text: str, role: Role | None) -> Iterator[Member]:
    """Who is on a list, in that role or in any, in the order of their addresses."""
    query = (
        sa.select(
            address.c.email,
            address.c.original,
            address.c.display_name,
            member.c.role,
            member.c.moderation_action,
            sa.func.coalesce(delivery_state.c.delivery_status, DeliveryStatus.ENABLED.value),
        )
        .join_from(member, address, member.c.address_id == address.c.id)
        .join(delivery_state, _HAS_STATE, isouter=True)
        .where(member.c.list_id == mailinglists.find(connection, text)["id"])
        .order_by(address.c.email, member.c.role)
    )
    if role is not None:
        query = query.where(member.c.role == role)
    rows = connection.execute(query.execution_options(yield_per=1000))
    for email, original, display_name, kept, action, status in rows:
        yield Member(email, original, display_name, Role(kept), action, DeliveryStatus(status))
