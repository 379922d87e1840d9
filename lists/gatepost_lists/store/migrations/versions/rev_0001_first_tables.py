"""The first tables: domain, mailinglist, address, member, ban."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables. Written out, not taken from schema.py: a revision stays as it was."""
    op.create_table(
        "domain",
        sa.Column("mail_host", sa.Text, nullable=False),
        sa.Column("alias_domain", sa.Text),
        sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("mail_host", name="pk_domain"),
        sa.UniqueConstraint("alias_domain", name="uq_domain_alias_domain"),
        sqlite_with_rowid=False,
    )
    _create_mailinglist()
    op.create_table(
        "address",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("original", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False, server_default=""),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_address"),
        sa.UniqueConstraint("email", name="uq_address_email"),
    )
    op.create_index("ix_address_user_id", "address", ["user_id"])
    _create_member()
    _create_ban()


def _create_mailinglist() -> None:
    op.create_table(
        "mailinglist",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("list_id", sa.Text, nullable=False),
        sa.Column("mail_host", sa.Text, nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_mailinglist"),
        sa.ForeignKeyConstraint(["mail_host"], ["domain.mail_host"], name="fk_mailinglist_mail_host"),
        sa.UniqueConstraint("list_id", name="uq_mailinglist_list_id"),
        sa.UniqueConstraint("mail_host", "list_name", name="uq_mailinglist_mail_host_list_name"),
    )


def _create_member() -> None:
    op.create_table(
        "member",
        sa.Column("list_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("address_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("moderation_action", sa.Text),
        sa.PrimaryKeyConstraint("list_id", "user_id", "address_id", "role", name="pk_member"),
        sa.ForeignKeyConstraint(["list_id"], ["mailinglist.id"], name="fk_member_list_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["address_id"], ["address.id"], name="fk_member_address_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_member_address_id", "member", ["address_id"])


def _create_ban() -> None:
    op.create_table(
        "ban",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("list_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_ban"),
        sa.ForeignKeyConstraint(["list_id"], ["mailinglist.id"], name="fk_ban_list_id", ondelete="CASCADE"),
    )
    op.create_index("uq_ban_email_list_id", "ban", ["email", sa.text("coalesce(list_id, 0)")], unique=True)


def downgrade() -> None:
    """Drop the tables, those that refer to others first."""
    for name in ("ban", "member", "address", "mailinglist", "domain"):
        op.drop_table(name)
