"""The queue in a SQLite file: `sqlite:///PATH`. Only open.py knows of it."""
