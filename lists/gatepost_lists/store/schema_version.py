"""The schema that this version reads and writes, by the newest migration; apart, so that readers need no SQLAlchemy."""

SCHEMA_VERSION = "0003"
