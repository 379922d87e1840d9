"""The embedded store: its schema and migrations, its quick reading side, and its changing side."""
