"""Settings, and the configuration that each mail server needs, made from lists and settings. Table of contents:

- `settings`  gatepost.toml: reading it, all its errors at once, and the commented one of `gatepost init`
- `settings_file`  which gatepost.toml is meant
- `site`      what every generator gets: the lists' names and the settings that mail servers need; `reading` makes it
- `asking`    which door a mail server is told to ask; `pymilter`: whether the milter can run here
- `pieces`    what a generator makes; `writing` brings it to a folder, all or nothing
- `postfix`   tables, and lines for main.cf and master.cf
- `commands`  `gatepost conf` and its like
- `doctor`    `gatepost doctor`: is the running machine right, item by item

Nothing is imported here: each command pays for what it uses.
"""

__all__ = ["asking", "commands", "doctor", "pieces", "postfix", "pymilter", "reading", "settings", "site", "writing"]
