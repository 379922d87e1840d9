"""The table of cases itself: is it whole, and can the doors be driven with it?"""

from collections import Counter

from cases import CASES, LISTS, RELAY_DOMAINS, WORLD
from gatepost_lists import TESTS, Action, Answer, Directory, Role, Stage, explain, parse_address

LAST_TEST = TESTS[-1][0]


def test_every_case_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(case.id for case in CASES).items() if times > 1] == []


def test_there_are_cases_enough_for_every_door() -> None:
    assert len(CASES) >= 200
    assert sum(case.smtp and case.stage is Stage.RCPT and not case.rules for case in CASES) >= 150
    assert any(case.utf8 and case.smtp for case in CASES)


def test_what_smtp_can_carry_is_a_question_of_rcpt_under_the_default_rules() -> None:
    assert [case.id for case in CASES if case.smtp and (case.rules or case.stage is not Stage.RCPT)] == []


def test_every_test_answers_somewhere_and_passes_on_somewhere(in_toml: Directory) -> None:
    answered: set[str] = set()
    passed: set[str] = set()
    for case in CASES:
        for step in explain(case.question, in_toml, case.site_rules)[1]:
            (passed if step.answer is None else answered).add(step.test)
    assert answered == {name for name, _ in TESTS}
    assert passed == answered - {LAST_TEST}


def test_every_test_that_can_answer_both_ways_does() -> None:
    seen = {(case.test, case.answer) for case in CASES}
    for test in ("probe", "nonmember-record", "member"):
        assert {(test, Answer.ACCEPT), (test, Answer.REJECT)} <= seen


def test_the_world_has_every_role_and_action() -> None:
    people = [person for mailing_list in WORLD.lists for person in mailing_list.people]
    assert {person.role for person in people} == set(Role)
    assert {person.action for person in people if person.role is Role.NONMEMBER} == {*Action, None}
    assert {mailing_list.attributes.get("default_nonmember_action") for mailing_list in WORLD.lists} >= set(Action)


def test_mail_servers_are_told_of_every_domain_with_lists() -> None:
    names = {name for domain in WORLD.domains for name in (domain.mail_host, domain.alias_domain) if name}
    assert names <= set(RELAY_DOMAINS)
    assert {case.mailing_list for case in CASES if case.mailing_list} == {str(parse_address(name)) for name in LISTS}
