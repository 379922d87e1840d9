"""The commands for the queue: `queue ls|show|retry|drop`.

Nothing is imported here: the command line loads what is asked for.
"""

__all__ = ["context", "queue"]
