"""soften(): what is told where mail is only observed, or let pass in trouble; it never softens more than it may."""

import pytest

from cases import CASES
from gatepost_lists import EXISTENCE_TESTS, Answer, Directory, Verdict, cannot_tell, judge, soften, unreadable

TROUBLE = cannot_tell("the disk is full")
UNREADABLE = unreadable("no local part")


@pytest.fixture(scope="module")
def verdicts(in_toml: Directory) -> list[Verdict]:
    return [judge(case.question, in_toml, case.site_rules) for case in CASES]


def test_nothing_is_softened_where_nothing_is_asked(verdicts: list[Verdict]) -> None:
    for verdict in (*verdicts, TROUBLE):
        assert soften(verdict, observe=False, accept_trouble=False) == verdict


def test_observing_refuses_nothing_and_keeps_what_was_found(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        told = soften(verdict, observe=True, accept_trouble=False)
        if verdict.answer is Answer.REJECT:
            assert told[:4] == (Answer.ACCEPT, 250, "2.1.5", "recipient ok")
            assert told[4:] == verdict[4:]
        else:
            assert told == verdict


def test_observing_where_mail_is_taken_refuses_the_unknown_all_the_same(verdicts: list[Verdict]) -> None:
    for verdict in (*verdicts, UNREADABLE):
        told = soften(verdict, observe=True, accept_trouble=True, existence=False)
        refused = verdict.answer is Answer.REJECT and verdict.test in EXISTENCE_TESTS
        assert (told == verdict) if refused else (told.answer is not Answer.REJECT)


@pytest.mark.parametrize(
    ("observe", "accept_trouble", "existence", "answer"),
    [
        (False, False, True, Answer.DEFER),
        (False, True, True, Answer.ACCEPT),
        (True, False, True, Answer.ACCEPT),
        (True, True, True, Answer.ACCEPT),
        (True, True, False, Answer.DEFER),
        (False, True, False, Answer.DEFER),
    ],
)
def test_trouble(observe: bool, accept_trouble: bool, existence: bool, answer: Answer) -> None:
    told = soften(TROUBLE, observe=observe, accept_trouble=accept_trouble, existence=existence)
    assert told.answer is answer
    assert told.why == "the disk is full"


def test_accepting_in_trouble_softens_no_refusal(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        assert soften(verdict, observe=False, accept_trouble=True) == verdict
