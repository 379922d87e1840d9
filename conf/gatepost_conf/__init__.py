"""Settings, and the configuration that each mail server needs, made from lists and settings. Table of contents:

- `settings`  gatepost.toml: reading it, all its errors at once, and the commented one of `gatepost init`
- `doctor`    `gatepost doctor`: is the running machine right, item by item

Nothing is imported here: each command pays for what it uses.
"""

__all__ = ["doctor", "settings"]
