"""What final delivery keeps: bounces and stopped deliveries, pending requests, what was answered already, post numbers.

The unique index over address.email becomes one over (email, user_id): with that the look-up of a sender reads no page
of the table. No index of SQLite's can do both, so a trigger sees to it that an address is there only once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Written out, not taken from schema.py: a revision stays as it was."""
    for column in (
        sa.Column("process_bounces", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("bounce_score_threshold", sa.Integer, nullable=False, server_default="5"),
        sa.Column("bounce_info_stale_after", sa.Integer, nullable=False, server_default="7"),
        sa.Column("post_id", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("mailinglist", column)
    _index_addresses_with_their_users()
    _create_delivery_state()
    _create_bounce_event()
    _create_pending()
    _create_told()


def _index_addresses_with_their_users() -> None:
    with op.batch_alter_table("address", recreate="always") as address:
        address.drop_constraint("uq_address_email", type_="unique")
    op.create_index("ix_address_email_user_id", "address", ["email", "user_id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER address_email_once BEFORE INSERT ON address"
            " WHEN EXISTS (SELECT 1 FROM address WHERE email = NEW.email)"
            " BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: address.email'); END"
        )


def _create_delivery_state() -> None:
    op.create_table(
        "delivery_state",
        sa.Column("list_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("address_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("delivery_status", sa.Text, nullable=False, server_default="enabled"),
        sa.Column("bounce_score", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_bounce", sa.Float),
        sa.PrimaryKeyConstraint("list_id", "address_id", name="pk_delivery_state"),
        sa.ForeignKeyConstraint(["list_id"], ["mailinglist.id"], name="fk_delivery_state_list_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["address_id"], ["address.id"], name="fk_delivery_state_address_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_state_address_id", "delivery_state", ["address_id"])


def _create_bounce_event() -> None:
    op.create_table(
        "bounce_event",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("list_id", sa.Integer, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("happened", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bounce_event"),
        sa.ForeignKeyConstraint(["list_id"], ["mailinglist.id"], name="fk_bounce_event_list_id", ondelete="CASCADE"),
    )
    op.create_index("ix_bounce_event_list_id_email_happened", "bounce_event", ["list_id", "email", "happened"])
    op.create_index("ix_bounce_event_happened", "bounce_event", ["happened"])


def _create_pending() -> None:
    op.create_table(
        "pending",
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("list_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("original", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False, server_default=""),
        sa.Column("data", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("expires", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_pending"),
        sa.ForeignKeyConstraint(["list_id"], ["mailinglist.id"], name="fk_pending_list_id", ondelete="CASCADE"),
        sa.UniqueConstraint("list_id", "kind", "email", name="uq_pending_list_id_kind_email"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pending_expires", "pending", ["expires"])


def _create_told() -> None:
    op.create_table(
        "told",
        sa.Column("list_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False, server_default="1"),
        sa.Column("expires", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("list_id", "what", name="pk_told"),
        sa.ForeignKeyConstraint(["list_id"], ["mailinglist.id"], name="fk_told_list_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_told_expires", "told", ["expires"])


def downgrade() -> None:
    """Take away what this revision has brought."""
    for name in ("told", "pending", "bounce_event", "delivery_state"):
        op.drop_table(name)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER address_email_once")
    op.drop_index("ix_address_email_user_id", "address")
    with op.batch_alter_table("address", recreate="always") as address:
        address.create_unique_constraint("uq_address_email", ["email"])
    for name in ("process_bounces", "bounce_score_threshold", "bounce_info_stale_after", "post_id"):
        op.drop_column("mailinglist", name)
