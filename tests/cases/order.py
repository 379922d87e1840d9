"""Where two tests would answer differently: the one that stands first in the judge's order decides."""

from __future__ import annotations

from cases.case import Case, accept, refuse
from cases.spine import (
    ANNE,
    AT_DATA,
    CLOSED,
    DATA,
    EMERGENCY,
    OPEN,
    PATTERNS,
    RULES,
    SECOND_POSTMASTER,
    SMALL,
    STRANGER,
)

_KIB = 1024
_TOO_BIG = 10 * _KIB + 1

BANS: tuple[Case, ...] = (
    refuse("here", "banned@people.example", CLOSED, "banned", CLOSED),
    refuse("here, by the alias", "banned@people.example", "closed@l.example", "banned", CLOSED),
    refuse("here, by a pattern", "anyone@spam.example", CLOSED, "banned", CLOSED),
    refuse("here, by a pattern in another case", "shouting@people.example", CLOSED, "banned", CLOSED),
    refuse("here, by a pattern beyond ASCII", "bädman@people.example", CLOSED, "banned", CLOSED),
    refuse("everywhere", "outlaw@people.example", CLOSED, "banned", CLOSED),
    refuse("everywhere, by a pattern", "jesse@outlaws.example", "talk@shared.example", "banned", "talk@shared.example"),
    refuse("before members", "bad-member@people.example", CLOSED, "banned", CLOSED),
    refuse("before a nonmember record", "banned-nm@people.example", CLOSED, "banned", CLOSED),
    refuse("before accept_these_nonmembers", "banned@friends.example", PATTERNS, "banned", PATTERNS),
    refuse("before emergency", "banned@people.example", EMERGENCY, "banned", EMERGENCY),
    refuse("before size", "banned@people.example", SMALL, "banned", SMALL, size=_TOO_BIG),
    refuse("before an open list", "banned@people.example", OPEN, "banned", OPEN),
    accept(
        "after sub-addresses",
        "banned@people.example",
        "closed-owner@lists.example",
        "subaddress",
        CLOSED,
        subaddress="owner",
    ),
    accept(
        "everywhere, after sub-addresses",
        "outlaw@people.example",
        "closed-request@lists.example",
        "subaddress",
        CLOSED,
        subaddress="request",
    ),
    accept("after a list postmaster", "outlaw@people.example", SECOND_POSTMASTER, "subaddress", SECOND_POSTMASTER),
    refuse("on another list only", "banned@people.example", PATTERNS, "closed-list", PATTERNS),
    accept("on another list only, open", "anyone@spam.example", OPEN, "nonmember-action", OPEN),
    refuse("a pattern that must match to the end", "anyone@spam.example.org", CLOSED, "closed-list", CLOSED),
    refuse("a pattern that must match from the start", "x.shout@people.example", CLOSED, "closed-list", CLOSED),
)

EMERGENCIES: tuple[Case, ...] = (
    accept("stranger", STRANGER, EMERGENCY, "emergency", EMERGENCY),
    accept("member", ANNE, EMERGENCY, "emergency", EMERGENCY),
    accept("before size", STRANGER, EMERGENCY, "emergency", EMERGENCY, size=_TOO_BIG),
    accept("before a nonmember record", "nm-reject@people.example", EMERGENCY, "emergency", EMERGENCY),
    accept("before reject_these_nonmembers", "x@reject.example", EMERGENCY, "emergency", EMERGENCY),
    accept("at DATA", STRANGER, EMERGENCY, "emergency", EMERGENCY, stage=DATA, not_smtp=AT_DATA),
)

SIZES: tuple[Case, ...] = (
    accept("none announced", ANNE, SMALL, "member", SMALL),
    accept("at the limit", ANNE, SMALL, "member", SMALL, size=10 * _KIB),
    refuse("one octet over", ANNE, SMALL, "size", SMALL, size=_TOO_BIG),
    refuse("before members, far over", ANNE, SMALL, "size", SMALL, size=5_000_000),
    refuse("before strangers", STRANGER, SMALL, "size", SMALL, size=_TOO_BIG),
    refuse("before a nonmember record", "nm-accept@people.example", SMALL, "size", SMALL, size=_TOO_BIG),
    refuse("before accept_these_nonmembers", "friend@people.example", SMALL, "size", SMALL, size=_TOO_BIG),
    accept("a list without a limit", ANNE, CLOSED, "member", CLOSED, size=5_000_000),
    accept("sub-address", ANNE, "small-owner@lists.example", "subaddress", SMALL, subaddress="owner", size=_TOO_BIG),
    accept(
        "left to the list by the rules",
        ANNE,
        SMALL,
        "member",
        SMALL,
        size=_TOO_BIG,
        rules={"refuse_oversize": False},
        not_smtp=RULES,
    ),
    refuse(
        "refused by the rules",
        ANNE,
        SMALL,
        "size",
        SMALL,
        size=_TOO_BIG,
        rules={"refuse_oversize": True},
        not_smtp=RULES,
    ),
    refuse("at DATA", ANNE, SMALL, "size", SMALL, size=_TOO_BIG, stage=DATA, not_smtp=AT_DATA),
)

RECORDS: tuple[Case, ...] = (
    accept("member with a nonmember record", "both@people.example", CLOSED, "member", CLOSED),
    accept("nonmember record of a linked member", "iris-work@people.example", CLOSED, "member", CLOSED),
    accept("before reject_these_nonmembers", "nm-accept@reject.example", PATTERNS, "nonmember-record", PATTERNS),
    refuse("before accept_these_nonmembers", "nm-reject@friends.example", PATTERNS, "nonmember-record", PATTERNS),
    refuse(
        "none of its own, so the patterns", "nm-default@reject.example", PATTERNS, "reject-these-nonmembers", PATTERNS
    ),
)

PATTERN_LISTS: tuple[Case, ...] = (
    accept("address", "friend@people.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("address in capitals", "Friend@People.Example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("regex", "anyone@friends.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("regex beyond ASCII", "zoë@people.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("regex with look-ahead", "milo@guarded.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    refuse("regex with look-ahead, the other way", "mallory@guarded.example", PATTERNS, "closed-list", PATTERNS),
    accept("members of a list", "otto@people.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    refuse("members of a list, linked", "otto@home.example", PATTERNS, "closed-list", PATTERNS),
    refuse("regex with more behind", "anyone@friends.example.org", PATTERNS, "closed-list", PATTERNS),
    refuse("address as the end of another", "a.friend@people.example", PATTERNS, "closed-list", PATTERNS),
    accept("address", "hold@people.example", PATTERNS, "hold-these-nonmembers", PATTERNS),
    accept("regex", "anyone@hold.example", PATTERNS, "hold-these-nonmembers", PATTERNS),
    refuse("address", "reject@people.example", PATTERNS, "reject-these-nonmembers", PATTERNS),
    refuse("regex", "anyone@reject.example", PATTERNS, "reject-these-nonmembers", PATTERNS),
    refuse("regex on an open list", "anyone@reject.example", OPEN, "reject-these-nonmembers", OPEN),
    refuse("regex in upper case never matches", "upper@people.example", PATTERNS, "closed-list", PATTERNS),
    accept("address", "discard@people.example", PATTERNS, "discard-these-nonmembers", PATTERNS),
    accept("regex", "anyone@discard.example", PATTERNS, "discard-these-nonmembers", PATTERNS),
    accept("before hold", "accept-hold@people.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("before reject", "accept-reject@people.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("before discard", "accept-discard@people.example", PATTERNS, "accept-these-nonmembers", PATTERNS),
    accept("before reject", "hold-reject@people.example", PATTERNS, "hold-these-nonmembers", PATTERNS),
    accept("before discard", "hold-discard@people.example", PATTERNS, "hold-these-nonmembers", PATTERNS),
    refuse("before discard", "reject-discard@people.example", PATTERNS, "reject-these-nonmembers", PATTERNS),
    accept("in reject_these_nonmembers", "member-reject@people.example", PATTERNS, "member", PATTERNS),
    accept("in discard_these_nonmembers", "member-discard@people.example", PATTERNS, "member", PATTERNS),
    refuse("no match at all", STRANGER, PATTERNS, "closed-list", PATTERNS),
    accept("no match at all", ANNE, PATTERNS, "member", PATTERNS),
    refuse("patterns of one list are not another's", "friend@people.example", CLOSED, "closed-list", CLOSED),
)
