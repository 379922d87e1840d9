"""The commands for lists: `domain`, `list`, `member`, `ban` and `check`.

Nothing is imported here: the command line loads the one that is asked for.
"""

__all__ = ["ban", "check", "domain", "mailinglist", "member"]
