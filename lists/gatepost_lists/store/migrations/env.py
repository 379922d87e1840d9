"""What alembic runs: it migrates over the connection that it is handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from gatepost_lists.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
