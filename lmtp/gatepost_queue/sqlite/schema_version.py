"""The schema that this version reads and writes, by the newest migration; apart: services need no SQLAlchemy."""

SCHEMA_VERSION = "0002"
# Where the database says of which version it is; a name of its own, so that a store of lists may share the database.
VERSION_TABLE = "gatepost_queue_version"
