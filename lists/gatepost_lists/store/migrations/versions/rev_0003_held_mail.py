"""What lists say of mail that waits for a moderator: whom they tell of it, and for how many days it waits.

On lists that are there it waits without end, as it did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Written out, not taken from schema.py: a revision stays as it was."""
    op.add_column("mailinglist", sa.Column("hold_notices", sa.Text, nullable=False, server_default="members"))
    op.add_column("mailinglist", sa.Column("max_days_to_hold", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Take away what this revision has brought."""
    op.drop_column("mailinglist", "max_days_to_hold")
    op.drop_column("mailinglist", "hold_notices")
