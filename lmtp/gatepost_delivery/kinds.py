"""The kinds of notices that gatepost writes, and the rules of each: to whom it may go, and how often. No I/O here.

A sender is easily forged: whatever answers a message may reach somebody who has never written it. So no notice repeats
anything that a sender wrote (notices.py), and what answers a message goes to its author alone, seldom. Outbox.tell
keeps these rules for all of them.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Daily(Enum):
    """How many notices of a kind one list sends to one address in a day."""

    ONE = "one"
    # max_autoresponses_per_day
    SEVERAL = "several"
    ANY = "any"


class Kind(NamedTuple):
    """A kind of notice.

    counted_as: notices with the same word here are counted together. to_author: only to a sender who is an author of
    the message, and never because of what a machine or a list has sent. of_held_post: only to whom the list's
    hold_notices names.
    """

    counted_as: str
    daily: Daily
    to_author: bool = False
    of_held_post: bool = False


# A post waits for a moderator.
HELD = Kind("held", Daily.ONE, to_author=True, of_held_post=True)
# A post was refused by the list's rules.
REFUSED = Kind("refused", Daily.ONE, to_author=True)
# A moderator has refused a post: he has read it, and says so each time.
REJECTED = Kind("rejected", Daily.ANY, to_author=True)
# What became of commands by mail.
RESULTS = Kind("answer", Daily.SEVERAL, to_author=True)
# What is asked back of an address that is said to want to join or leave, or what speaks against it.
ANSWER = Kind("answer", Daily.SEVERAL)
# What follows from a confirmation, or from a moderator's word about it.
CONFIRMED = Kind("confirmed", Daily.ANY)
# To members whose mail comes back.
BOUNCING = Kind("bouncing", Daily.ANY)
