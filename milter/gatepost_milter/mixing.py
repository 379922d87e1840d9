"""Which recipients may be on one message, where some of them must wait until more of it is there.

A message has one answer for all. Where a recipient that has waited fails then, while others pass, the mail server takes
the message, and what is brought to that recipient later is sent back to the sender: to whoever is named there, if that
is a lie. So a recipient that waits shares a message with others that wait, or with a list that knows the sender. Any
other mixture is put off, one recipient at a time, and comes again: a sending server repeats those alone that were put
off. An address that takes everybody's mail lets no message in for others.

No I/O here, and no libmilter.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from gatepost_lists import Verdict

# The judge's tests that let in whom the list knows: by name, by a pattern, as a member. Others let in everybody.
_KNOWING = frozenset(("nonmember-record", "accept-these-nonmembers", "hold-these-nonmembers", "member"))


class Kind(Enum):
    """What a recipient makes of the sender at RCPT.

    WAITS: it is judged again when the headers are there, or the data. KNOWS: a list that knows the sender. OPEN: it
    takes everybody's mail: a sub-address, an address elsewhere, a list that is open to strangers.
    """

    WAITS = "waits"
    KNOWS = "knows"
    OPEN = "open"


def kind_of(verdict: Verdict, *, may_post: bool) -> Kind:
    """The kind of a recipient that may stay, by the verdict at RCPT.

    may_post: whether the sender may post although it is the null one.
    """
    if verdict.is_refusal:
        return Kind.WAITS
    if verdict.is_probe:
        takes_all = may_post or verdict.subaddress or verdict.mailing_list.startswith("postmaster@")
        return Kind.OPEN if takes_all else Kind.WAITS
    return Kind.KNOWS if verdict.test in _KNOWING else Kind.OPEN


def may_join(kind: Kind, others: Iterable[Kind]) -> bool:
    """Whether a recipient of this kind may be on a message that has those already."""
    there = {kind, *others}
    return Kind.KNOWS in there or len(there) == 1
