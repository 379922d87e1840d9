"""The judge: the table of cases over both engines, and what the table cannot say."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from cases import CASES, Case
from gatepost_lists import (
    DEFAULT_RULES,
    NOWHERE,
    STRANGER,
    Action,
    Address,
    Answer,
    Directory,
    DirectoryTrouble,
    Domain,
    DomainNames,
    MailingList,
    Place,
    Question,
    Rules,
    Standing,
    Verdict,
    judge,
)
from gatepost_lists.patterns import pattern_list
from gatepost_lists.records import Wanted
from labs.hearing import judge_all

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
LIST = MailingList("ann.lists.example", "ann", "lists.example")
DOMAIN = Domain("lists.example")
# No engine but a backtracking one takes it, and it needs exponential time there.
STALLING = r"^(?=(a|aa)+$)"


class Fake:
    """A directory with one list, which counts what it is asked and can be in trouble."""

    refuse_oversize = True
    blocking = False

    def __init__(self, mailing_list: MailingList = LIST, standing: Standing = STRANGER) -> None:
        self.mailing_list, self.answer = mailing_list, standing
        self.asked: list[str] = []
        self.in_trouble: set[str] = set()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.in_trouble:
            raise DirectoryTrouble(f"no {what} today")

    def snapshot(self) -> AbstractContextManager[object]:
        self._ask("snapshot")
        return nullcontext()

    def fetch(self, wanted: Wanted) -> None:
        self._ask("fetch")

    def find(self, recipient: Address) -> Place:
        self._ask("find")
        if recipient.domain != "lists.example":
            return NOWHERE
        return Place(DOMAIN, self.mailing_list if recipient.local == "ann" else None)

    def standing(self, mailing_list: MailingList, senders: tuple[str, ...]) -> Standing:
        self._ask("standing")
        return self.answer

    def is_member(self, fqdn_listname: str, senders: tuple[str, ...]) -> bool:
        self._ask("is_member")
        return False

    def is_linked(self, email: str, others: tuple[str, ...]) -> bool:
        self._ask("is_linked")
        return False

    def names(self) -> Iterator[DomainNames]:
        self._ask("names")
        return iter(())

    def close(self) -> None:
        self._ask("close")


@each_case
def test_over_every_engine(case: Case, engine: Directory) -> None:
    verdict = judge(case.question, engine, case.site_rules)
    assert case.agrees(verdict), verdict


@each_case
def test_every_engine_gives_the_same_reason(case: Case, engine: Directory, in_toml: Directory) -> None:
    assert judge(case.question, engine, case.site_rules) == judge(case.question, in_toml, case.site_rules)


@each_case
def test_the_text_is_one_line_of_printable_ascii(case: Case, in_toml: Directory) -> None:
    verdict = judge(case.question, in_toml, case.site_rules)
    assert verdict.text.isascii()
    assert verdict.text.isprintable()
    assert verdict.why


def test_all_questions_of_the_table_at_once(engine: Directory) -> None:
    cases = [case for case in CASES if not case.rules]
    verdicts = judge_all([case.question for case in cases], engine)
    assert [case.id for case, verdict in zip(cases, verdicts, strict=True) if not case.agrees(verdict)] == []


def test_no_question_no_verdict() -> None:
    assert judge_all([], Fake()) == []


def test_the_usual_refusal_costs_two_look_ups() -> None:
    directory = Fake(MailingList("ann.lists.example", "ann", "lists.example", default_nonmember_action=Action.REJECT))
    assert judge(Question("bob@people.example", "ann@lists.example"), directory).test == "closed-list"
    assert directory.asked == ["snapshot", "find", "standing"]


@pytest.mark.parametrize("recipient", ["ann@elsewhere.example", "joe@lists.example", "postmaster@lists.example"])
def test_an_address_of_no_list_costs_one_look_up(recipient: str) -> None:
    directory = Fake()
    judge(Question("bob@people.example", recipient), directory)
    assert directory.asked == ["snapshot", "find"]


def test_a_probe_costs_one_look_up() -> None:
    directory = Fake()
    assert judge(Question("", "ann@lists.example"), directory).test == "probe"
    assert directory.asked == ["snapshot", "find"]


@pytest.mark.parametrize("what", ["snapshot", "find", "standing"])
def test_trouble_is_always_temporary_and_named(what: str) -> None:
    directory = Fake()
    directory.in_trouble = {what}
    verdict = judge(Question("bob@people.example", "ann@lists.example"), directory)
    assert verdict[:3] == (Answer.DEFER, 451, "4.3.0")
    assert verdict.why == f"no {what} today"
    assert "today" not in verdict.text


def test_trouble_with_the_members_of_another_list_is_temporary() -> None:
    directory = Fake(
        MailingList(
            "ann.lists.example", "ann", "lists.example", accept_these_nonmembers=pattern_list(("@b@c.example",))
        )
    )
    directory.in_trouble = {"is_member"}
    assert judge(Question("bob@people.example", "ann@lists.example"), directory).answer is Answer.DEFER


def test_trouble_with_one_question_defers_all_that_came_with_it() -> None:
    directory = Fake()
    directory.in_trouble = {"standing"}
    questions = [Question("", "ann@lists.example"), Question("bob@people.example", "ann@lists.example")]
    assert [verdict.answer for verdict in judge_all(questions, directory)] == [Answer.DEFER] * 2


def test_a_pattern_that_takes_too_long_is_temporary() -> None:
    stalling = MailingList(
        "ann.lists.example", "ann", "lists.example", reject_these_nonmembers=pattern_list((STALLING,))
    )
    verdict = judge(Question("a" * 60 + "@people.example", "ann@lists.example"), Fake(stalling))
    assert verdict[:3] == (Answer.DEFER, 451, "4.3.0")
    assert STALLING in verdict.why


def test_an_unreadable_recipient_does_not_disturb_the_others() -> None:
    questions = [Question("bob@people.example", recipient) for recipient in ("", "ann@lists.example", "@")]
    verdicts = judge_all(questions, Fake())
    assert [verdict.code for verdict in verdicts] == [553, 250, 553]


@pytest.mark.parametrize(
    ("directory_refuses", "rule", "test"),
    [
        (True, None, "size"),
        (False, None, "nonmember-action"),
        (True, False, "nonmember-action"),
        (False, True, "size"),
    ],
)
def test_oversize_is_left_to_the_directory_unless_the_rules_say(
    directory_refuses: bool, rule: bool | None, test: str
) -> None:
    directory = Fake(MailingList("ann.lists.example", "ann", "lists.example", max_message_size=1))
    directory.refuse_oversize = directory_refuses
    question = Question("bob@people.example", "ann@lists.example", size=1025)
    assert judge(question, directory, Rules(refuse_oversize=rule)).test == test


def test_a_verdict_tells_the_domain_where_it_is_ours(in_toml: Directory) -> None:
    def domain(recipient: str) -> str:
        return judge(Question("anne@people.example", recipient), in_toml).domain

    assert domain("closed@l.example") == domain("nobody@lists.example") == "lists.example"
    assert domain("joe@shared.example") == "shared.example"
    assert domain("joe@elsewhere.example") == ""


def test_engines_are_directories(in_toml: Directory, in_sqlite: Directory) -> None:
    assert isinstance(in_toml, Directory)
    assert isinstance(in_sqlite, Directory)
    assert isinstance(Fake(), Directory)
    assert judge(Question("", "x@y.example"), in_toml, DEFAULT_RULES) == Verdict(
        Answer.NOT_OURS, 550, "5.1.2", "not an address of a list here", "not-ours", why="no list has this domain"
    )
