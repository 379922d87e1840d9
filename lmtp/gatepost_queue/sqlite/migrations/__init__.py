"""The queue's migrations, run by alembic from inside the package (one module for each revision in versions/)."""
