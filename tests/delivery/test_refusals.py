"""Refusals that do not say what they are about: whether the recipient was meant, or we."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gatepost_delivery.outgoing import Kind, Outcome
from gatepost_delivery.refusals import MANY, Refusals

REPLIES = {
    Kind.SENT: "250 ok",
    Kind.LATER: "450 4.2.0 greylisted",
    Kind.REFUSED: "550 5.1.1 no such user",
    Kind.CLIENT_REFUSED: "554 5.7.1 Relay access denied",
    Kind.UNCLEAR: "550 no",
    Kind.MESSAGE_REFUSED: "554 5.6.0 no",
}
SENT, LATER, REFUSED, UNCLEAR = Kind.SENT, Kind.LATER, Kind.REFUSED, Kind.UNCLEAR
OURS, MESSAGE = Kind.CLIENT_REFUSED, Kind.MESSAGE_REFUSED


def entry(*kinds: Kind, name: str = "member") -> list[Outcome]:
    return [Outcome(f"{name}{number}@x", kind, REPLIES[kind]) for number, kind in enumerate(kinds)]


def kinds(outcomes: Sequence[Outcome]) -> tuple[Kind, ...]:
    return tuple(outcome.kind for outcome in outcomes)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ((), ()),
        ((UNCLEAR,), (REFUSED,)),
        ((UNCLEAR, UNCLEAR), (OURS, OURS)),
        ((UNCLEAR,) * 100, (OURS,) * 100),
        ((SENT, UNCLEAR, UNCLEAR), (SENT, REFUSED, REFUSED)),
        ((UNCLEAR, UNCLEAR, MESSAGE), (REFUSED, REFUSED, MESSAGE)),
        ((UNCLEAR, LATER, UNCLEAR), (OURS, LATER, OURS)),
        ((UNCLEAR, REFUSED, UNCLEAR), (OURS, REFUSED, OURS)),
        ((UNCLEAR, OURS), (REFUSED, OURS)),
        ((REFUSED, REFUSED), (REFUSED, REFUSED)),
        ((SENT, OURS, LATER, MESSAGE, REFUSED), (SENT, OURS, LATER, MESSAGE, REFUSED)),
    ],
)
def test_one_entry(said: tuple[Kind, ...], meant: tuple[Kind, ...]) -> None:
    outcomes = entry(*said)
    settled = Refusals().settled(outcomes)
    assert kinds(settled) == meant
    assert [(one.recipient, one.reply) for one in settled] == [(one.recipient, one.reply) for one in outcomes]


def test_many_in_a_row_that_were_alone() -> None:
    refusals = Refusals()
    meant = [kinds(refusals.settled(entry(UNCLEAR, name=f"m{number}"))) for number in range(MANY + 2)]
    assert meant == [(REFUSED,)] * (MANY - 1) + [(OURS,)] * 3


def test_one_recipient_in_a_row_is_one() -> None:
    refusals = Refusals()
    meant = {kinds(refusals.settled(entry(UNCLEAR))) for _ in range(3 * MANY)}
    assert meant == {(REFUSED,)}


def test_who_is_alone_behind_several() -> None:
    refusals = Refusals()
    meant = [
        kinds(refusals.settled(entry(*said, name=name)))
        for name, said in (("some", (UNCLEAR, UNCLEAR)), ("one", (UNCLEAR,)), ("taken", (SENT,)), ("one", (UNCLEAR,)))
    ]
    assert meant == [(OURS, OURS), (OURS,), (SENT,), (REFUSED,)]


@pytest.mark.parametrize(("between", "meant"), [(SENT, REFUSED), (MESSAGE, REFUSED), (LATER, OURS), (REFUSED, OURS)])
def test_who_is_taken_ends_the_row(between: Kind, meant: Kind) -> None:
    refusals = Refusals()
    for number in range(MANY - 1):
        refusals.settled(entry(UNCLEAR, name=f"m{number}"))
    refusals.settled(entry(between, name="other"))
    assert kinds(refusals.settled(entry(UNCLEAR, name="last"))) == (meant,)
