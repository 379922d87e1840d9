"""The first tables: message, message_block, entry, delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables. Written out, not taken from schema.py: a revision stays as it was."""
    op.create_table(
        "message",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("trace", sa.Text, nullable=False),
        sa.Column("envsender", sa.Text, nullable=False),
        sa.Column("received", sa.Double, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
    )
    op.create_table(
        "message_block",
        sa.Column("message_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "number", name="pk_message_block"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_message_block_message_id", ondelete="CASCADE"),
    )
    _create_entry()
    op.create_table(
        "delivery",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("holder", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("taken", sa.Double, nullable=False),
        sa.Column("lost", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("key", "holder", "number", name="pk_delivery"),
        sqlite_with_rowid=False,
    )


def _create_entry() -> None:
    op.create_table(
        "entry",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("message_id", _KEY, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("listid", sa.Text, nullable=False),
        sa.Column("subaddress", sa.Text, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt", sa.Double, nullable=False),
        sa.Column("leased_until", sa.Double, nullable=False, server_default="0"),
        sa.Column("runner", sa.Text, nullable=False, server_default=""),
        sa.Column("origin", sa.Text, nullable=False, server_default=""),
        sa.Column("last_error", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_entry"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_entry_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_entry_message_id", "entry", ["message_id"])
    op.create_index(
        "ix_entry_queue_next_attempt_id_leased_until", "entry", ["queue", "next_attempt", "id", "leased_until"]
    )


def downgrade() -> None:
    """Drop the tables, those that refer to others first."""
    for name in ("delivery", "entry", "message_block", "message"):
        op.drop_table(name)
