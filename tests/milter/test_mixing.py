"""Which recipients may be on one message: over all orders of up to four of them."""

from __future__ import annotations

from itertools import product

import pytest

from gatepost_lists import Answer, Verdict, cannot_tell
from gatepost_milter.mixing import Kind, kind_of, may_join

WAITS, KNOWS, OPEN = Kind.WAITS, Kind.KNOWS, Kind.OPEN
ORDERS = [kinds for length in range(1, 5) for kinds in product(Kind, repeat=length)]


def taken(kinds: tuple[Kind, ...]) -> tuple[list[Kind], list[Kind]]:
    """Who is on the message, and who was put off."""
    there: list[Kind] = []
    put_off: list[Kind] = []
    for kind in kinds:
        (there if may_join(kind, there) else put_off).append(kind)
    return there, put_off


@pytest.mark.parametrize("kinds", ORDERS, ids=lambda kinds: " ".join(kind.value for kind in kinds))
def test_no_message_is_taken_for_an_open_recipient_while_another_waits(kinds: tuple[Kind, ...]) -> None:
    there, put_off = taken(kinds)
    assert KNOWS in there or not {WAITS, OPEN} <= set(there)
    assert KNOWS not in put_off
    rounds = 1
    while put_off:  # the sending server comes again with those alone
        there, put_off = taken(tuple(put_off))
        assert there
        rounds += 1
    assert rounds <= 2


def accepted(test: str, mailing_list: str = "ann@lists.example", subaddress: str = "") -> Verdict:
    return Verdict(Answer.ACCEPT, 250, "2.1.5", "recipient ok", test, mailing_list, subaddress)


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict(Answer.REJECT, 550, "5.7.2", "", "closed-list", "ann@lists.example"), WAITS),
        (accepted("probe"), WAITS),
        (accepted("probe", subaddress="bounces"), OPEN),
        (accepted("probe", "postmaster@lists.example"), OPEN),
        (accepted("subaddress", subaddress="owner"), OPEN),
        (accepted("subaddress", "postmaster@lists.example"), OPEN),
        (accepted("emergency"), OPEN),
        (accepted("discard-these-nonmembers"), OPEN),
        (accepted("nonmember-action"), OPEN),
        (accepted("nonmember-record"), KNOWS),
        (accepted("accept-these-nonmembers"), KNOWS),
        (accepted("hold-these-nonmembers"), KNOWS),
        (accepted("member"), KNOWS),
        (Verdict(Answer.NOT_OURS, 550, "5.1.2", "", "not-ours"), OPEN),
        (cannot_tell("gone"), OPEN),
    ],
)
def test_kinds(verdict: Verdict, kind: Kind) -> None:
    assert kind_of(verdict, may_post=False) is kind


def test_the_null_sender_waits_for_nothing_where_it_may_post() -> None:
    assert kind_of(accepted("probe"), may_post=True) is OPEN
