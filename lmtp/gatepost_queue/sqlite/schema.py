"""The queue's tables, in SQLAlchemy Core.

A message stands once, however many entries share it, and goes with the last of them. Of a long one, `message` has the
first block and `message_block` the others, so that no statement needs all of it in memory. `delivery` remembers which
deliveries may have been lost, each recipient by a digest. Times are seconds since the epoch; 0 in `leased_until` means
that nobody has the entry. `clock` has one row: which run of the machine it is of, and when that began by the wall clock
(clock.py). Ids of entries are never used twice. Migrations are in `migrations/`.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["clock", "delivery", "entry", "message", "message_block", "metadata"]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts by itself only where a key is called INTEGER.
_Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("trace", sa.Text, nullable=False),
    sa.Column("envsender", sa.Text, nullable=False),
    sa.Column("received", sa.Double, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),  # last, so that the others are read without it
)

message_block = sa.Table(
    "message_block",
    metadata,
    sa.Column("message_id", sa.ForeignKey("message.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

entry = sa.Table(
    "entry",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("message_id", sa.ForeignKey("message.id"), nullable=False, index=True),
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
    # All that a claim has to look at stands in this index.
    sa.Index("ix_entry_queue_next_attempt_id_leased_until", "queue", "next_attempt", "id", "leased_until"),
    sqlite_autoincrement=True,
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("holder", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("taken", sa.Double, nullable=False),
    sa.Column("lost", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_with_rowid=False,
)

clock = sa.Table(
    "clock",
    metadata,
    sa.Column("boot", sa.Text, primary_key=True),
    sa.Column("began", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)
