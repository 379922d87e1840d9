"""Headers: what they tell of senders and of lists that a message has been through; none of them does harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import HEADER_CASES, HeaderCase
from gatepost_lists import Answer, Directory, Headers, MailingList, Question, Stage, judge
from gatepost_lists.headers import MAX_CHARACTERS, MAX_SENDERS, MAX_TRACES

MEMBER, CLOSED = "anne@people.example", "closed@lists.example"
TALK = MailingList(list_id="talk.lists.example", list_name="talk", mail_host="lists.example")
MADE_TO_HARM = {
    "comments": "(" * MAX_CHARACTERS,
    "groups": "a:" * MAX_CHARACTERS,
    "groups with addresses": "a: b@c, " * MAX_CHARACTERS,
    "quotes": '"' * MAX_CHARACTERS,
    "routes": "<@a," * MAX_CHARACTERS,
    "at signs": "@" * MAX_CHARACTERS,
    "brackets": "<" * MAX_CHARACTERS,
    "domain literals": "a@[" * MAX_CHARACTERS,
    "backslashes": "\\" * MAX_CHARACTERS,
    "no UTF-8": "\udcff" * MAX_CHARACTERS,
    "NUL": "\0" * MAX_CHARACTERS,
}
# What headers are made of, so that hypothesis finds the odd ones sooner.
PIECES = st.sampled_from([*'<>()@:;,."\\ []\r\n\t\0', "anne", "people.example", MEMBER, "\udcff", "=?utf-8?q?x?="])
VALUES = st.one_of(st.text(), st.lists(PIECES).map("".join))
NAMES = st.one_of(st.text(), st.sampled_from(["From", "sender", "REPLY-TO", "List-Id", "X-BeenThere", "Message-ID"]))


def headers_of(*pairs: tuple[str, str]) -> Headers:
    headers = Headers()
    for name, value in pairs:
        headers.add(name, value)
    return headers


@pytest.mark.parametrize(
    ("value", "senders"),
    [
        ("anne@people.example", (MEMBER,)),
        ("Anne <anne@people.example>", (MEMBER,)),
        ('"Example, Anne" <anne@people.example>', (MEMBER,)),
        ("Anne\r\n\t<anne@people.example>", (MEMBER,)),
        ("a@x.example, b@y.example", ("a@x.example", "b@y.example")),
        ("a@x.example, a@x.example", ("a@x.example",)),
        ("Friends: a@x.example, b@y.example;", ("a@x.example", "b@y.example")),
        ("undisclosed-recipients:;", ()),
        ("=?utf-8?q?J=C3=BCrgen?= <j@x.example>", ("j@x.example",)),
        ("J\udcfcrgen <j@x.example>", ("j@x.example",)),
        ("grüße@bücher.example", ("grüße@bücher.example",)),
        ("anne@people.example (at work)", (MEMBER,)),
        ('"anne@people.example" <bo@x.example>', ("bo@x.example",)),
        ("Anne", ()),
        ("", ()),
    ],
)
def test_senders(value: str, senders: tuple[str, ...]) -> None:
    assert headers_of(("From", value)).senders == senders


def test_three_headers_have_senders_in_the_order_in_which_they_come() -> None:
    headers = headers_of(
        ("Reply-To", "c@x.example"), ("FROM", "a@x.example"), ("sender ", "b@x.example"), ("To", MEMBER)
    )
    assert headers.senders == ("c@x.example", "a@x.example", "b@x.example")


def test_nobody_writes_as_a_crowd() -> None:
    crowd = ", ".join(f"p{number}@x.example" for number in range(100))
    assert len(headers_of(("From", crowd), ("Sender", MEMBER)).senders) == MAX_SENDERS


def test_what_is_too_long_is_not_read_to_its_end() -> None:
    filler = "x" * (MAX_CHARACTERS - 10)
    assert headers_of(("From", filler + ", " + MEMBER)).senders == ()
    assert headers_of(("From", filler), ("From", "12345678901"), ("From", MEMBER)).senders == ()
    assert headers_of(("From", filler * 2), ("Sender", MEMBER)).senders == (MEMBER,)
    assert headers_of(("Subject", filler * 10), ("From", MEMBER)).senders == (MEMBER,)


@pytest.mark.parametrize(
    ("name", "value", "been"),
    [
        ("List-Id", "<talk.lists.example>", True),
        ("List-Id", "Talk of the town <talk.lists.example>", True),
        ("LIST-ID", "Talk\r\n <TALK.Lists.Example> ", True),
        ("List-Id", "talk.lists.example", True),
        ("List-Id", "talk.lists.example <other.lists.example>", False),
        ("List-Id", "<talk.lists.example.org>", False),
        ("List-Id", "x" * (2 * MAX_CHARACTERS) + " <talk.lists.example>", True),
        ("List-Id", "", False),
        ("X-BeenThere", "talk@lists.example", True),
        ("x-beenthere", " Talk@Lists.Example\r\n", True),
        ("X-BeenThere", "talks@lists.example", False),
        ("X-BeenThere", "talk.lists.example", False),
        ("List-Post", "<mailto:talk@lists.example>", False),
    ],
)
def test_went_through(name: str, value: str, been: bool) -> None:
    assert headers_of((name, value)).went_through(TALK) is been


def test_traces_of_other_lists_hide_none_of_the_first_hundred() -> None:
    traces = [("X-BeenThere", f"l{number}@x.example") for number in range(MAX_TRACES - 1)]
    assert headers_of(*traces, ("X-BeenThere", "talk@lists.example")).went_through(TALK)
    assert not headers_of(
        *traces, traces[0], ("X-BeenThere", "last@x.example"), ("X-BeenThere", "talk@lists.example")
    ).went_through(TALK)


@pytest.mark.parametrize(("value", "has"), [("<1@x.example>", True), ("", False), (" \r\n ", False), ("x", True)])
def test_message_id(value: str, has: bool) -> None:
    assert headers_of(("message-ID", value)).has_message_id is has
    assert headers_of(("Message-Id", "<1@x.example>"), ("Message-Id", value)).has_message_id


@pytest.mark.parametrize(
    ("senders", "test"),
    [
        (("friend@people.example", "nm-reject@friends.example"), "accept-these-nonmembers"),
        (("otto@people.example", "nm-reject@friends.example"), "accept-these-nonmembers"),
        (("hold@people.example", "nm-reject@friends.example"), "accept-these-nonmembers"),
        (("nm-reject@friends.example", "friend@people.example"), "nonmember-record"),
        (("discard@people.example", "nm-reject@friends.example"), "nonmember-record"),
        (("stranger@people.example", "nm-reject@friends.example"), "nonmember-record"),
        (("nm-accept@reject.example", "nm-reject@friends.example"), "nonmember-record"),
    ],
)
def test_a_record_that_rejects_one_sender_stands_behind_one_who_was_let_in_before(
    senders: tuple[str, str], test: str, in_toml: Directory, in_sqlite: Directory
) -> None:
    question = Question(senders[0], "patterns@lists.example", stage=Stage.DATA)
    for directory in (in_toml, in_sqlite):
        assert judge(question, directory, headers=headers_of(("From", senders[1]))).test == test


@pytest.mark.parametrize("name", ["From", "Sender", "Reply-To", "List-Id", "X-BeenThere", "Message-ID", ""])
@pytest.mark.parametrize("value", MADE_TO_HARM.values(), ids=MADE_TO_HARM)
def test_what_was_made_to_harm_does_none(name: str, value: str) -> None:
    headers = headers_of((name, value), ("Subject", "x"))
    assert not headers.went_through(TALK)
    assert all("@" in sender for sender in headers.senders)


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_no_header_raises(pairs: list[tuple[str, str]]) -> None:
    headers = headers_of(*pairs)
    assert len(headers.senders) <= MAX_SENDERS
    assert headers.went_through(TALK) in (True, False)


@given(pairs=st.lists(st.tuples(NAMES, VALUES)), sender=VALUES)
def test_headers_never_turn_the_judge_over(in_toml: Directory, pairs: list[tuple[str, str]], sender: str) -> None:
    question = Question(sender, CLOSED, stage=Stage.DATA)
    verdict = judge(question, in_toml, headers=headers_of(*pairs))
    assert verdict.answer in (Answer.ACCEPT, Answer.REJECT)
    assert verdict.code in (250, 550, 554)


@pytest.mark.parametrize("sender", ["", MEMBER, "stranger@people.example", "banned@people.example"])
@pytest.mark.parametrize(
    "recipient", [CLOSED, "closed-owner@lists.example", "nobody@lists.example", "x@elsewhere.example", "@"]
)
def test_without_headers_the_verdict_is_the_envelope_s(in_toml: Directory, sender: str, recipient: str) -> None:
    question = Question(sender, recipient, stage=Stage.DATA)
    assert judge(question, in_toml, headers=Headers()) == judge(question, in_toml)


ONE_RECIPIENT = [case for case in HEADER_CASES if len(case.recipients) == 1 and not case.refused]


@pytest.mark.parametrize("case", ONE_RECIPIENT, ids=lambda case: case.id)
def test_case(case: HeaderCase, in_toml: Directory) -> None:
    question = Question(case.sender, case.recipients[0], case.size, Stage.DATA)
    verdict = judge(question, in_toml, case.site_rules, headers_of(*case.headers))
    assert ("" if verdict.code == 250 else f"{verdict.code} {verdict.status}") == case.answer
