"""What alembic runs: it migrates over the connection that it is handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from gatepost_queue.sqlite.schema import metadata
from gatepost_queue.sqlite.schema_version import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
