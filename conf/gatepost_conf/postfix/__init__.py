"""What Postfix needs. Table of contents:

- `maps`          the tables: lists' addresses, domains, virtual aliases, as Postfix reads them
- `machine`       what the Postfix of this machine says of itself
- `roles`         what has to be done for each domain, by its class
- `lookups`       the tables as main.cf names them: in files, or live
- `restrictions`  a check put in its place among restrictions
- `doors`         which of gatepost's doors Postfix asks
- `main_cf`       the lines of main.cf and master.cf
- `typed`         those lines as commands that root types
- `programs`      postconf, postmap and postfix, run without a shell
- `tables`        the tables on disk: written whole or not at all
- `reloading`     a running Postfix that does not know of a change yet
- `generator`     all of it as pieces, for `gatepost conf postfix`

Nothing is imported here: each command pays for what it uses.
"""

__all__ = [
    "doors",
    "generator",
    "lookups",
    "machine",
    "main_cf",
    "maps",
    "programs",
    "reloading",
    "restrictions",
    "roles",
    "tables",
    "typed",
]
