"""The kinds of notices that gatepost writes, and the rules of each: to whom it may go, and how often. No I/O here.

A sender is easily forged: whatever answers a message may reach somebody who has never written it. So no notice repeats
anything that a sender wrote (notices.py), what answers a message goes to its author alone, seldom, and what a stranger
can ask for in a member's name is counted apart from what the member needs. Outbox.tell keeps these rules for all.
"""

from __future__ import annotations

from enum import Enum, StrEnum
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
    hold_notices names. to_member: never to others, so that no mail of a stranger's can bring it to them.
    """

    counted_as: str
    daily: Daily
    to_author: bool = False
    of_held_post: bool = False
    to_member: bool = False


class Why(StrEnum):
    """What was against sending a notice."""

    # A machine or a list has sent the message, or the address is one of these.
    MACHINE = "machine"
    # The sender of the envelope is not an author of the message.
    NO_AUTHOR = "no-author"
    HOLD_NOTICES = "hold-notices"
    # The address has had its number today.
    DAY = "day"
    # Addresses that are not on the list have had their number in this hour, all together.
    HOUR = "hour"


# A post waits for a moderator.
HELD = Kind("held", Daily.ONE, to_author=True, of_held_post=True)
# Nobody has decided about it, and it was thrown away.
EXPIRED = Kind("expired", Daily.ONE, to_author=True, of_held_post=True)
# A post was refused by the list's rules.
REFUSED = Kind("refused", Daily.ONE, to_author=True)
# A moderator has refused a post: he has read it, and says so each time.
REJECTED = Kind("rejected", Daily.ANY, to_author=True)
# What became of commands by mail.
RESULTS = Kind("answer", Daily.SEVERAL, to_author=True)
# What speaks against joining or leaving, to the address that is said to want it.
ANSWER = Kind("answer", Daily.SEVERAL)
# The question whether an address wants to join, a member to leave, a member whose mail came back to have it again.
JOIN = Kind("join", Daily.SEVERAL)
LEAVE = Kind("leave", Daily.SEVERAL, to_member=True)
RETURN = Kind("return", Daily.SEVERAL, to_member=True)
# What follows from a confirmation, or from a moderator's word about it.
CONFIRMED = Kind("confirmed", Daily.ANY)
# To members whose mail comes back.
BOUNCING = Kind("bouncing", Daily.ANY, to_member=True)
