"""One module for each revision of the schema; alembic finds them here."""
