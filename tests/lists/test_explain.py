"""explain(): the verdict of judge(), and every test on the way to it."""

import pytest

from cases import CASES, Case
from gatepost_lists import TESTS, Answer, Directory, Question, explain, judge, open_directory

NAMES = [name for name, _ in TESTS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_same_verdict_and_the_tests_in_their_order(case: Case, in_sqlite: Directory) -> None:
    verdict, steps = explain(case.question, in_sqlite, case.site_rules)
    assert verdict == judge(case.question, in_sqlite, case.site_rules)
    asked = [step.test for step in steps]
    assert asked == (NAMES[: NAMES.index(verdict.test) + 1] if verdict.test else [])
    assert [step.answer for step in steps[:-1]] == [None] * len(steps[:-1])
    assert all(step.why for step in steps)
    if steps:
        assert steps[-1] == (verdict.test, verdict.answer, verdict.why)


def test_trouble_is_a_verdict_here_too() -> None:
    verdict, steps = explain(Question("a@b.example", "c@d.example"), open_directory("sqlite:///no/such/file.db"))
    assert (verdict.answer, verdict.test, steps) == (Answer.DEFER, "", [])
    assert "no/such/file.db" in verdict.why
