"""What an engine fetches: records of who is on a list and who is banned, as they are kept, and what it is asked for.

Values alone. What follows from them, the same for every engine, is in lookup.py.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from gatepost_lists.model import Action, Role


class Person(NamedTuple):
    """One record of a user on a list.

    own: it is of the very address that was asked for, and not of another one of the same user. A user who is subscribed
    as such (Mailman's preferred address) is on the list by that address. moderation_action: the record's own, None for
    the list's default.
    """

    role: Role
    own: bool = True
    moderation_action: Action | None = None


class Known(NamedTuple):
    """What is known of one address on one list.

    people: the memberships and nonmember records of its user there, in the order in which they count. bans: those of
    this very address, everywhere or on this list.
    """

    people: Sequence[Person] = ()
    bans: Sequence[str] = ()


NOTHING_KNOWN = Known()


class Wanted(NamedTuple):
    """What will be asked inside a snapshot, as far as it can be foreseen.

    lists: the domain as the address has it, and the name that a list may have. known: a list's posting address and a
    sender's. linked: addresses of whose users the others are asked.
    """

    lists: Set[tuple[str, str]] = frozenset()
    known: Set[tuple[str, str]] = frozenset()
    linked: Set[str] = frozenset()
