"""The commands for mail that waits for a moderator: `held ls|show|accept|reject|discard`.

Nothing is imported here: the command line loads what is asked for.
"""

__all__ = ["held"]
