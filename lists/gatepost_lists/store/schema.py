"""The embedded store's tables, in SQLAlchemy Core: the same on SQLite and on PostgreSQL.

Addresses and names are kept in the form in which they are compared (gatepost_lists.addresses); `original` is how
somebody wrote one. Every address belongs to a user, at first to one of its own; linked addresses share one. A
membership carries its user, so that one look-up finds it by any linked address. Migrations are in `migrations/`;
SCHEMA_VERSION is the newest of them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gatepost_lists.attributes import ATTRIBUTES, Attribute, Kind
from gatepost_lists.store.schema_version import SCHEMA_VERSION

__all__ = [
    "SCHEMA_VERSION",
    "address",
    "ban",
    "bounce_event",
    "delivery_state",
    "domain",
    "mailinglist",
    "member",
    "metadata",
    "pending",
    "told",
]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

domain = sa.Table(
    "domain",
    metadata,
    sa.Column("mail_host", sa.Text, primary_key=True),
    sa.Column("alias_domain", sa.Text, unique=True),
    sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_with_rowid=False,
)

_TYPES = {Kind.TEXT: sa.Text, Kind.BOOLEAN: sa.Boolean, Kind.NUMBER: sa.Integer, Kind.ENTRIES: sa.JSON}


def _column(attribute: Attribute) -> sa.Column[Any]:
    """An attribute of lists, with what those have that were there before it came."""
    unsaid = attribute.unsaid
    spelt = (sa.true() if unsaid else sa.false()) if attribute.kind is Kind.BOOLEAN else str(unsaid)
    return sa.Column(attribute.name, _TYPES[attribute.kind], nullable=False, server_default=spelt)


mailinglist = sa.Table(
    "mailinglist",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("list_id", sa.Text, nullable=False, unique=True),
    sa.Column("mail_host", sa.Text, sa.ForeignKey("domain.mail_host"), nullable=False),
    sa.Column("list_name", sa.Text, nullable=False),
    *(_column(attribute) for attribute in ATTRIBUTES),
    sa.Column("post_id", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("mail_host", "list_name"),
)

address = sa.Table(
    "address",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("original", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False, server_default=""),
    sa.Column("user_id", sa.Integer, nullable=False, index=True),
)
# With the user in the index, the look-up of a sender reads no page of the table. So the index cannot be a unique one,
# and a trigger refuses an address that is there already.
sa.Index("ix_address_email_user_id", address.c.email, address.c.user_id)
_EMAIL_ONCE = sa.DDL(  # type: ignore[no-untyped-call]
    "CREATE TRIGGER address_email_once BEFORE INSERT ON address"
    " WHEN EXISTS (SELECT 1 FROM address WHERE email = NEW.email)"
    " BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: address.email'); END"
)
sa.event.listen(address, "after_create", _EMAIL_ONCE.execute_if(dialect="sqlite"))

member = sa.Table(
    "member",
    metadata,
    sa.Column("list_id", sa.ForeignKey("mailinglist.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("address_id", sa.Integer, sa.ForeignKey("address.id"), primary_key=True, autoincrement=False, index=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("moderation_action", sa.Text),
    sqlite_with_rowid=False,
)

# A ban with no list is in force everywhere.
ban = sa.Table(
    "ban",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("list_id", sa.Integer, sa.ForeignKey("mailinglist.id", ondelete="CASCADE")),
)
sa.Index("uq_ban_email_list_id", ban.c.email, sa.func.coalesce(ban.c.list_id, 0), unique=True)

# Of members whose delivery is not enabled, or who have bounced. Not in `member`, whose rows must stay small: nearly all
# members have no row here.
delivery_state = sa.Table(
    "delivery_state",
    metadata,
    sa.Column("list_id", sa.ForeignKey("mailinglist.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column(
        "address_id",
        sa.Integer,
        sa.ForeignKey("address.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    ),
    sa.Column("delivery_status", sa.Text, nullable=False, server_default="enabled"),
    sa.Column("bounce_score", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_bounce", sa.Float),
    sqlite_with_rowid=False,
)

# Times here and below are seconds since the epoch.
bounce_event = sa.Table(
    "bounce_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("list_id", sa.Integer, sa.ForeignKey("mailinglist.id", ondelete="CASCADE"), nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("happened", sa.Float, nullable=False, index=True),
    sa.Column("why", sa.Text, nullable=False),
)
sa.Index(
    "ix_bounce_event_list_id_email_happened",
    bounce_event.c.list_id,
    bounce_event.c.email,
    bounce_event.c.happened,
)

# Requests that wait for a confirmation. `original` is the address as it was written.
pending = sa.Table(
    "pending",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("list_id", sa.Integer, sa.ForeignKey("mailinglist.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("original", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False, server_default=""),
    sa.Column("data", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("expires", sa.Float, nullable=False, index=True),
    sa.UniqueConstraint("list_id", "kind", "email"),
    sqlite_with_rowid=False,
)

# What was answered or announced already, and how often, until it expires.
told = sa.Table(
    "told",
    metadata,
    sa.Column("list_id", sa.ForeignKey("mailinglist.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("times", sa.Integer, nullable=False, server_default="1"),
    sa.Column("expires", sa.Float, nullable=False, index=True),
    sqlite_with_rowid=False,
)
