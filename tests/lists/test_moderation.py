"""Moderation: Mailman's checks in Mailman's order, and that it agrees with the judge."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import CASES, HEADER_CASES, Case, HeaderCase
from gatepost_lists import (
    ACCEPTED,
    DEFAULT_RULES,
    Action,
    Answer,
    Decision,
    Directory,
    DirectoryTrouble,
    Headers,
    MailingList,
    Posting,
    Question,
    Rules,
    Stage,
    Verdict,
    judge,
    moderate,
    parse_address,
)
from gatepost_lists.senders import parse_sender
from gatepost_lists.toml_contents import Contents
from gatepost_lists.toml_directory import TomlDirectory

ACCEPT, HOLD, REJECT, DISCARD = Action.ACCEPT, Action.HOLD, Action.REJECT, Action.DISCARD
ANN, A, B, C = "ann@lists.example", "a@x.example", "b@x.example", "c@x.example"
# No engine but a backtracking one takes it, and it needs exponential time there.
STALLING = r"^(?=(a|aa)+$)"


class InMemory(TomlDirectory):
    """A directory that says what a document says."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__("nowhere.toml")
        self._contents = Contents(document)

    def __enter__(self) -> InMemory:
        return self


def directory_of(name: str = ANN, site: dict[str, Any] | None = None, **ann: Any) -> InMemory:
    """A directory with a list of these attributes and people, and the list other, whose only member is c."""
    lists = {name: ann, "other@lists.example": {"members": [C]}}
    return InMemory({"domains": {"lists.example": {}}, "lists": lists, "site": site or {}})


def list_of(directory: Directory, name: str = ANN) -> MailingList:
    with directory.snapshot():
        found = directory.find(parse_address(name)).mailing_list
    assert found is not None
    return found


def headers_of(*pairs: tuple[str, str]) -> Headers:
    headers = Headers()
    for name, value in pairs:
        headers.add(name, value)
    return headers


def received(sender: str, headers: Headers, size: int, directory: Directory, rules: Rules = DEFAULT_RULES) -> Posting:
    with directory.snapshot():
        return Posting.received(sender, headers, size, directory, rules)


def person(address: str, action: str) -> dict[str, str]:
    return {"address": address, "moderation_action": action}


class Moderated(NamedTuple):
    """A post to a list of these attributes, and what becomes of it."""

    id: str
    senders: tuple[str, ...]
    ann: dict[str, Any]
    action: Action
    test: str
    size: int = 0
    headers: tuple[tuple[str, str], ...] = ()


LOOP = (("List-Id", "Ann <ann.lists.example>"),)
TOO_BIG: dict[str, Any] = {"max_message_size": 1}
EVERYTHING = {"bans": [A], "emergency": True, "members": [person(A, "reject")], **TOO_BIG}
BY_NAME: dict[str, Any] = {f"{action}_these_nonmembers": [f"^{action}"] for action in ("accept", "hold", "reject")}
BY_NAME |= {"discard_these_nonmembers": ["^discard"], "default_nonmember_action": "reject"}

BAD_RECORD, HELD_RECORD = ({"nonmembers": [person(A, action)]} for action in ("reject", "hold"))


def listed(*actions: str) -> dict[str, Any]:
    """A list with the sender a in those of the four, closed to all others."""
    return {"default_nonmember_action": "reject"} | {f"{action}_these_nonmembers": [A] for action in actions}


ORDER = (
    Moderated("nobody", (), EVERYTHING, DISCARD, "no-senders", 2000, LOOP),
    Moderated("a loop before a ban", (A,), EVERYTHING, DISCARD, "loop", 2000, LOOP),
    Moderated("a loop by X-BeenThere", (A,), {}, DISCARD, "loop", 0, (("X-BeenThere", ANN),)),
    Moderated("another list's traces", (A,), {"members": [A]}, ACCEPT, "", 0, (("X-BeenThere", "x@lists.example"),)),
    Moderated("a ban before emergency", (A,), EVERYTHING, DISCARD, "banned", 2000),
    Moderated("a ban on any sender", (B, C, A), {"bans": [A], "members": [B]}, DISCARD, "banned"),
    Moderated("a ban by a pattern", (A,), {"bans": ["^A@"], "members": [A]}, DISCARD, "banned"),
    Moderated("emergency before members", (A,), EVERYTHING | {"bans": []}, HOLD, "emergency", 2000),
    Moderated("emergency before nonmembers", (B,), listed() | {"emergency": True}, HOLD, "emergency"),
    Moderated("a member before size", (A,), {"members": [person(A, "reject")], **TOO_BIG}, REJECT, "member", 2000),
    Moderated("a nonmember before size", (A,), listed() | TOO_BIG, REJECT, "nonmember-action", 2000),
)

MEMBERS = (
    Moderated("of the list's default", (A,), {"members": [A]}, ACCEPT, ""),
    Moderated("default hold", (A,), {"members": [A], "default_member_action": "hold"}, HOLD, "member"),
    Moderated("default reject", (A,), {"members": [A], "default_member_action": "reject"}, REJECT, "member"),
    Moderated("default discard", (A,), {"members": [A], "default_member_action": "discard"}, DISCARD, "member"),
    *(
        Moderated(f"his own {action}", (A,), {"members": [person(A, action)], "default_member_action": "hold"},
                  Action(action), "member")
        for action in ("hold", "reject", "discard", "accept")
    ),
    Moderated("his own defer", (A,), {"members": [person(A, "defer")], "default_member_action": "hold"}, ACCEPT, ""),
    Moderated("defer, too big", (A,), {"members": [A], **TOO_BIG}, HOLD, "size", 1025),
    Moderated("defer, just not too big", (A,), {"members": [A], **TOO_BIG}, ACCEPT, "", 1024),
    Moderated("accept, too big", (A,), {"members": [person(A, "accept")], **TOO_BIG}, ACCEPT, "member", 2000),
    Moderated("the first of two", (A, B), {"members": [person(B, "hold"), person(A, "discard")]}, DISCARD, "member"),
    Moderated("the second sender", (C, A), {"members": [person(A, "hold")]}, HOLD, "member"),
    Moderated("behind one who is rejected", (C, A), listed() | {"members": [A], "reject_these_nonmembers": [C]},
              ACCEPT, ""),
    Moderated("behind a record", (C, A), {"members": [A], "nonmembers": [person(C, "discard")]}, ACCEPT, ""),
    Moderated("with a nonmember record", (A,), {"members": [A], "nonmembers": [person(A, "reject")]}, ACCEPT, ""),
    Moderated("of a closed list, named to be rejected", (A,), listed("reject") | {"members": [A]}, ACCEPT, ""),
    Moderated("an owner is none", (A,), listed() | {"owners": [A], "moderators": [A]}, REJECT, "nonmember-action"),
)  # fmt: skip

NONMEMBERS = (
    *(
        Moderated(f"default {action}", (A,), {"default_nonmember_action": action}, Action(action), "nonmember-action")
        for action in ("hold", "reject", "discard", "accept")
    ),
    Moderated("default defer", (A,), {"default_nonmember_action": "defer"}, ACCEPT, ""),
    Moderated("default defer, too big", (A,), {"default_nonmember_action": "defer", **TOO_BIG}, HOLD, "size", 2000),
    Moderated("default accept, too big", (A,), {"default_nonmember_action": "accept", **TOO_BIG}, ACCEPT,
              "nonmember-action", 2000),
    *(
        Moderated(f"record {action}", (A,), listed("accept", "reject") | {"nonmembers": [person(A, action)]},
                  Action(action), "nonmember-record")
        for action in ("hold", "reject", "discard", "accept")
    ),
    Moderated("record defer", (A,), listed("reject") | {"nonmembers": [person(A, "defer")]}, ACCEPT, ""),
    Moderated("record defer, too big", (A,), listed() | {"nonmembers": [person(A, "defer")], **TOO_BIG}, HOLD, "size",
              2000),
    Moderated("record without action", (A,), listed("hold") | {"nonmembers": [A]}, HOLD, "hold-these-nonmembers"),
    Moderated("accept first", (A,), listed("accept", "hold", "reject", "discard"), ACCEPT, "accept-these-nonmembers"),
    Moderated("then hold", (A,), listed("hold", "reject", "discard"), HOLD, "hold-these-nonmembers"),
    Moderated("then reject", (A,), listed("reject", "discard"), REJECT, "reject-these-nonmembers"),
    Moderated("then discard", (A,), listed("discard"), DISCARD, "discard-these-nonmembers"),
    Moderated("accept by name, too big", (A,), listed("accept") | TOO_BIG, ACCEPT, "accept-these-nonmembers", 2000),
    Moderated("by a pattern", ("holding@x.example",), BY_NAME, HOLD, "hold-these-nonmembers"),
    Moderated("another list's member", (C,), {"accept_these_nonmembers": ["@other@lists.example"]}, ACCEPT,
              "accept-these-nonmembers"),
    Moderated("not another list's member", (A,), {"accept_these_nonmembers": ["@other@lists.example"]}, HOLD,
              "nonmember-action"),
    Moderated("the first of two who are named", ("rejected@x.example", "accepted@x.example"), BY_NAME, REJECT,
              "reject-these-nonmembers"),
    Moderated("and the other way round", ("accepted@x.example", "rejected@x.example"), BY_NAME, ACCEPT,
              "accept-these-nonmembers"),
    Moderated("the second where nothing is said of the first", (A, "discarded@x.example"), BY_NAME, DISCARD,
              "discard-these-nonmembers"),
    Moderated("a name before another's record", ("accepted@x.example", A), BY_NAME | BAD_RECORD,
              ACCEPT, "accept-these-nonmembers"),
    Moderated("a record before another's name", (A, "accepted@x.example"), BY_NAME | HELD_RECORD,
              HOLD, "nonmember-record"),
    Moderated("nothing said of any", (A, B), BY_NAME, REJECT, "nonmember-action"),
)  # fmt: skip


@pytest.mark.parametrize("case", (*ORDER, *MEMBERS, *NONMEMBERS), ids=lambda case: case.id)
def test_case(case: Moderated) -> None:
    directory = directory_of(**case.ann)
    posting = Posting(case.senders, case.size, headers_of(*case.headers))
    decision = moderate(posting, list_of(directory), directory)
    assert (decision.action, decision.test) == (case.action, case.test)
    assert decision.why
    assert bool(decision.reason) is (decision.action is not ACCEPT)
    assert not [entry for entry in ("@", "^") if entry in decision.reason]


def test_what_nothing_is_against() -> None:
    directory = directory_of(members=[A])
    assert (
        moderate(Posting((A,), 0, Headers()), list_of(directory), directory)
        == ACCEPTED
        == Decision(ACCEPT, why="no check has anything against it")
    )


def test_a_linked_address_counts_as_the_member() -> None:
    directory = directory_of(members=[person(A, "hold")], site={"linked": [[A, B]]})
    assert moderate(Posting((B,), 0, Headers()), list_of(directory), directory).test == "member"


@pytest.mark.parametrize(("emergency", "size", "test"), [(False, 0, ""), (True, 0, "emergency"), (False, 2000, "size")])
def test_where_the_null_sender_may_post(emergency: bool, size: int, test: str) -> None:
    directory = directory_of(default_nonmember_action="reject", emergency=emergency, **TOO_BIG)
    posting = received("", headers_of(("From", A)), size, directory)
    assert posting.senders == ()
    rules = Rules(null_sender_posts=True)
    assert moderate(posting, list_of(directory), directory, rules).test == test
    assert moderate(posting, list_of(directory), directory).test == "no-senders"


@pytest.mark.parametrize(
    ("posting", "action", "test"),
    [
        (Posting((A,), 0, Headers()), HOLD, "nonmember-action"),
        (Posting((B,), 0, Headers()), HOLD, "banned"),
        (Posting((), 0, Headers()), HOLD, "no-senders"),
        (Posting((C,), 0, Headers()), ACCEPT, ""),
        (Posting((A,), 0, headers_of(("X-BeenThere", "postmaster@lists.example"))), DISCARD, "loop"),
    ],
)
def test_a_list_named_postmaster_holds_what_others_refuse(posting: Posting, action: Action, test: str) -> None:
    directory = directory_of("postmaster@lists.example", bans=[B], members=[C], default_nonmember_action="reject")
    decision = moderate(posting, list_of(directory, "postmaster@lists.example"), directory)
    assert (decision.action, decision.test) == (action, test)


def test_the_senders_of_a_post_are_those_of_the_judge() -> None:
    headers = headers_of(("From", "A <A@X.example>"), ("Reply-To", "b@x.example, prvs=0123=a@x.example"))
    wrapped = "SRS0=h=t=x.example=c@f.example"
    posting = received(wrapped, headers, 0, directory_of())
    assert posting.senders == ("srs0=h=t=x.example=c@f.example", A, B, "prvs=0123=a@x.example")
    assert posting.suspects == (C,)
    assert received("bo", Headers(), 0, directory_of(), Rules(origin="x.example")).senders == ("bo@x.example",)


@pytest.mark.parametrize(
    ("author", "action", "test"),
    [("attacker@f.example", HOLD, "nonmember-action"), (A, ACCEPT, ""), (C, HOLD, "nonmember-action"), (B, ACCEPT, "")],
)
def test_what_somebody_else_has_wrapped_counts_where_the_headers_name_it(
    author: str, action: Action, test: str
) -> None:
    directory = directory_of(members=[A], site={"linked": [[A, B]]})
    posting = received("SRS0=ab=cd=x.example=a@f.example", headers_of(("From", author)), 0, directory)
    decision = moderate(posting, list_of(directory), directory)
    assert (decision.action, decision.test) == (action, test)


def test_a_ban_counts_whoever_has_wrapped_it() -> None:
    directory = directory_of(bans=[A], members=[C])
    posting = received("SRS0=ab=cd=x.example=a@f.example", headers_of(("From", C)), 0, directory)
    assert moderate(posting, list_of(directory), directory).test == "banned"


def test_trouble_of_the_directory_is_passed_on() -> None:
    directory = TomlDirectory("nowhere.toml")
    with pytest.raises(DirectoryTrouble, match=r"nowhere\.toml"):
        moderate(Posting((A,), 0, Headers()), MailingList("ann.lists.example", "ann", "lists.example"), directory)


def test_a_pattern_that_takes_too_long_is_trouble() -> None:
    directory = directory_of(hold_these_nonmembers=[STALLING])
    posting = Posting(("a" * 60 + "@x.example",), 0, Headers())
    with pytest.raises(DirectoryTrouble, match="took over"):
        moderate(posting, list_of(directory), directory)


# It agrees with the judge.


def agrees(verdict: Verdict, decision: Decision, senders: tuple[str, ...]) -> bool:
    """Whether they may stand together: of several senders, moderation goes by the first and the judge by any."""
    if verdict.status == "5.7.1":
        return decision.action is DISCARD
    if verdict.status == "5.7.2":
        return decision.action in ((REJECT,) if len(senders) == 1 else (REJECT, DISCARD))
    return len(senders) > 1 or decision.action is not REJECT or decision.test == "member"


POSTS = [
    case for case in CASES if case.mailing_list and not case.subaddress and not case.rules and parse_sender(case.sender)
]


@pytest.mark.parametrize("case", POSTS, ids=lambda case: case.id)
def test_it_agrees_with_the_table_of_the_judge(case: Case, in_toml: Directory, in_sqlite: Directory) -> None:
    if case.test == "size":
        case = case._replace(size=0)
    decisions = []
    for directory in (in_toml, in_sqlite):
        posting = received(case.sender, Headers(), case.size, directory)
        question = Question(case.sender, case.recipient, case.size, Stage.DATA)
        verdict = judge(question, directory, headers=Headers())
        decisions.append(moderate(posting, list_of(directory, case.mailing_list), directory))
        assert agrees(verdict, decisions[-1], posting.senders), (verdict, decisions[-1])
    assert decisions[0] == decisions[1]


TO_ONE_LIST = [case for case in HEADER_CASES if len(case.recipients) == 1 and not case.rules and not case.refused]


@pytest.mark.parametrize("case", TO_ONE_LIST, ids=lambda case: case.id)
def test_it_agrees_with_the_header_stage(case: HeaderCase, in_sqlite: Directory) -> None:
    headers = headers_of(*case.headers)
    verdict = judge(Question(case.sender, case.recipients[0], stage=Stage.DATA), in_sqlite, headers=headers)
    if verdict.subaddress:
        return
    posting = received(case.sender, headers, case.size, in_sqlite)
    decision = moderate(posting, list_of(in_sqlite, case.recipients[0]), in_sqlite)
    if verdict.test == "loop" or not posting.senders:
        assert decision.action is DISCARD
    else:
        assert agrees(verdict, decision, posting.senders), (verdict, decision)


PEOPLE = (A, B, C, "d@x.example")
some = st.lists(st.sampled_from(PEOPLE), unique=True, max_size=3)
actions = st.sampled_from([action.value for action in Action])
records = st.lists(st.one_of(st.sampled_from(PEOPLE), st.builds(person, st.sampled_from(PEOPLE), actions)), max_size=3)
attributes = st.fixed_dictionaries(
    {
        "members": records,
        "nonmembers": records,
        "bans": st.lists(st.sampled_from(PEOPLE), max_size=1),
        "accept_these_nonmembers": st.one_of(some, st.just(["@other@lists.example"])),
        "hold_these_nonmembers": some,
        "reject_these_nonmembers": some,
        "discard_these_nonmembers": some,
        "default_nonmember_action": actions,
        "default_member_action": actions,
        "emergency": st.booleans(),
        "max_message_size": st.integers(0, 1),
    }
)


@given(
    ann=attributes,
    senders=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True),
    linked=st.booleans(),
    size=st.sampled_from([0, 2000]),
)
def test_it_agrees_with_the_judge(ann: dict[str, Any], senders: list[str], linked: bool, size: int) -> None:
    directory = directory_of(site={"linked": [[A, B]]} if linked else {}, **ann)
    headers = headers_of(("From", ", ".join(senders[1:])))
    verdict = judge(Question(senders[0], ANN, stage=Stage.DATA), directory, headers=headers)
    posting = received(senders[0], headers, size, directory)
    assert posting.senders == tuple(senders)
    decision = moderate(posting, list_of(directory), directory)
    assert agrees(verdict, decision, posting.senders), (verdict, decision)
    if decision.test == "size":
        assert (decision.action, verdict.answer) == (HOLD, Answer.ACCEPT)
