"""The embedded store's tables, in SQLAlchemy Core: the same on SQLite and on PostgreSQL.

Addresses and names are kept in the form in which they are compared (gatepost_lists.addresses); `original` is how
somebody wrote one. Every address belongs to a user, at first to one of its own; linked addresses share one. A
membership carries its user, so that one look-up finds it by any linked address. Migrations are in `migrations/`;
SCHEMA_VERSION is the newest of them.
"""

from __future__ import annotations

import sqlalchemy as sa

from gatepost_lists.store.schema_version import SCHEMA_VERSION

__all__ = ["SCHEMA_VERSION", "address", "ban", "domain", "mailinglist", "member", "metadata"]

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

mailinglist = sa.Table(
    "mailinglist",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("list_id", sa.Text, nullable=False, unique=True),
    sa.Column("mail_host", sa.Text, sa.ForeignKey("domain.mail_host"), nullable=False),
    sa.Column("list_name", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False, server_default=""),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("subscription_policy", sa.Text, nullable=False, server_default="confirm"),
    sa.Column("accept_these_nonmembers", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("hold_these_nonmembers", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("reject_these_nonmembers", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("discard_these_nonmembers", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("default_nonmember_action", sa.Text, nullable=False, server_default="hold"),
    sa.Column("default_member_action", sa.Text, nullable=False, server_default="defer"),
    sa.Column("emergency", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("max_message_size", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("mail_host", "list_name"),
)

address = sa.Table(
    "address",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("original", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False, server_default=""),
    sa.Column("user_id", sa.Integer, nullable=False, index=True),
)

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
