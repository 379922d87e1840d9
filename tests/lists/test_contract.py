"""What every engine of a directory must hand to the look-up, and what a batch of questions may cost."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from cases import CASES, HEADER_CASES, WORLD, World
from cases.world import ListOf, Person
from gatepost_lists import (
    NOWHERE,
    STRANGER,
    Action,
    DirectoryTrouble,
    Domain,
    Headers,
    MailingList,
    Question,
    Role,
    Standing,
    judge,
    parse_address,
)
from gatepost_lists.lookup import Lookup
from gatepost_lists.records import NOTHING_KNOWN
from gatepost_lists.records import Person as Record
from labs.engines import ENGINES, far_away
from labs.hearing import judge_all

ANN, OTHER = "ann@lists.example", "other@lists.example"
MEMBER, LINKED, STRANGE = "bo@x.example", "bo@work.example", "cy@x.example"
Make = Callable[..., Lookup]


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a directory of each engine that has these lists and bans, inside a snapshot."""
    with ExitStack() as stack:

        def made(*lists: ListOf, bans: tuple[str, ...] = (), linked: tuple[tuple[str, ...], ...] = ()) -> Lookup:
            domains = (Domain("lists.example", "l.example"), Domain("mixed.example", shared=True))
            directory = ENGINES[request.param](tmp_path, World(domains, lists, bans, linked))
            stack.enter_context(closing(directory))
            stack.enter_context(directory.snapshot())
            return directory

        yield made


def standing(directory: Lookup, *senders: str, on: str = ANN) -> Standing:
    found = directory.find(parse_address(on)).mailing_list
    assert found is not None
    return directory.standing(found, senders)


def test_domains_by_both_names(make: Make) -> None:
    directory = make(ListOf(ANN, {}))
    assert directory.domain("lists.example") == directory.domain("l.example") == Domain("lists.example", "l.example")
    assert directory.domain("mixed.example") == Domain("mixed.example", shared=True)
    assert directory.domain("elsewhere.example") is None
    assert directory.find(parse_address("ann@elsewhere.example")) is NOWHERE


def test_a_list_with_all_that_the_judge_needs(make: Make) -> None:
    attributes: dict[str, bool | int | str | tuple[str, ...]] = {
        "accept_these_nonmembers": ("a@x.example", "^b", "@other@lists.example"),
        "hold_these_nonmembers": ("c@x.example",),
        "reject_these_nonmembers": ("d@x.example",),
        "discard_these_nonmembers": ("e@x.example",),
        "default_nonmember_action": "discard",
        "default_member_action": "accept",
        "emergency": True,
        "max_message_size": 7,
    }
    found = make(ListOf(ANN, attributes)).mailing_list("lists.example", "ann")
    assert isinstance(found, MailingList)
    assert (found.list_id, found.fqdn_listname) == ("ann.lists.example", ANN)
    shown = {name: getattr(found, name) for name in attributes}
    patterns = {name: entries for name, entries in attributes.items() if name.endswith("_these_nonmembers")}
    assert {name: shown[name].entries for name in patterns} == patterns
    assert {name: shown[name] for name in attributes.keys() - patterns} == {
        name: attributes[name] for name in attributes.keys() - patterns
    }


def test_a_list_is_found_by_exactly_its_name(make: Make) -> None:
    directory = make(ListOf(ANN, {}), ListOf("ann-owner@lists.example", {}))
    assert directory.mailing_list("lists.example", "an") is None
    assert directory.mailing_list("mixed.example", "ann") is None
    assert directory.find(parse_address("ann-owner@l.example")).subaddress == ""
    assert directory.find(parse_address("ann-request+x@lists.example"))[1:] == (
        directory.mailing_list("lists.example", "ann"),
        "request",
        "x",
    )


def test_a_stranger_is_nothing(make: Make) -> None:
    directory = make(ListOf(ANN, {}, (Person(MEMBER),)))
    assert directory.known(ANN, STRANGE) is NOTHING_KNOWN
    assert directory.known("gone@lists.example", MEMBER) is NOTHING_KNOWN
    assert standing(directory, STRANGE) is STRANGER


def test_people_are_told_by_role_and_address(make: Make) -> None:
    people = (
        Person(MEMBER, action=Action.HOLD),
        Person(LINKED, Role.NONMEMBER, Action.REJECT),
    )
    directory = make(ListOf(ANN, {}, people), ListOf(OTHER, {}), linked=((MEMBER, LINKED),))
    member, record = (Role.MEMBER, Action.HOLD), (Role.NONMEMBER, Action.REJECT)

    def told(email: str) -> set[Record]:
        return set(directory.known(ANN, email).people)

    assert told(MEMBER) == {Record(member[0], True, member[1]), Record(record[0], False, record[1])}
    assert told(LINKED) == {Record(member[0], False, member[1]), Record(record[0], True, record[1])}
    assert directory.known(OTHER, MEMBER) is NOTHING_KNOWN


def test_an_own_membership_goes_before_a_linked_one(make: Make) -> None:
    people = (Person(MEMBER, action=Action.HOLD), Person(LINKED, action=Action.ACCEPT))
    directory = make(ListOf(ANN, {}, people), linked=((MEMBER, LINKED, STRANGE),))
    assert standing(directory, MEMBER).member_action is Action.HOLD
    assert standing(directory, LINKED).member_action is Action.ACCEPT
    assert standing(directory, STRANGE)[1:3] == (True, True)


def test_a_nonmember_record_counts_for_its_own_address_alone(make: Make) -> None:
    directory = make(ListOf(ANN, {}, (Person(MEMBER, Role.NONMEMBER, Action.REJECT),)), linked=((MEMBER, LINKED),))
    assert standing(directory, MEMBER).nonmember_action is Action.REJECT
    assert standing(directory, LINKED).nonmember_action is None


def test_the_first_sender_decides(make: Make) -> None:
    people = (
        Person(MEMBER),
        Person("in@x.example", action=Action.HOLD),
        Person("in@x.example", Role.NONMEMBER, Action.REJECT),
        Person(LINKED, Role.NONMEMBER, Action.ACCEPT),
    )
    directory = make(ListOf(ANN, {}, people), linked=((MEMBER, LINKED),))
    assert standing(directory, LINKED, "in@x.example") == Standing("", True, True, None, Action.ACCEPT)
    assert standing(directory, "in@x.example", LINKED) == Standing("", True, False, Action.HOLD, Action.REJECT)


def test_owners_and_moderators_are_no_members(make: Make) -> None:
    directory = make(ListOf(ANN, {}, (Person(MEMBER, Role.OWNER), Person(STRANGE, Role.MODERATOR))))
    assert [standing(directory, email).member for email in (MEMBER, STRANGE)] == [False, False]


def test_of_an_at_list_only_who_is_subscribed_is_a_member(make: Make) -> None:
    directory = make(ListOf(OTHER, {}, (Person(MEMBER), Person(STRANGE, Role.OWNER))), linked=((MEMBER, LINKED),))
    assert directory.is_member(OTHER, (STRANGE, MEMBER))
    assert not directory.is_member(OTHER, (LINKED,))
    assert not directory.is_member(OTHER, (STRANGE,))
    assert not directory.is_member("gone@lists.example", (MEMBER,))


def test_bans_of_the_site_and_of_the_list(make: Make) -> None:
    directory = make(ListOf(ANN, {}, bans=("a@x.example", "^here")), ListOf(OTHER, {}), bans=("b@x.example", "^THERE"))
    banned = {name: standing(directory, f"{name}@x.example").banned for name in ("a", "b", "here", "there", "c")}
    assert banned == {"a": "a@x.example", "b": "b@x.example", "here": "^here", "there": "^THERE", "c": ""}
    elsewhere = {name: standing(directory, f"{name}@x.example", on=OTHER).banned for name in banned}
    assert elsewhere == banned | {"a": "", "here": ""}
    assert [*directory.known(ANN, "a@x.example").bans] == ["a@x.example"]
    assert (directory.ban_patterns(ANN), directory.ban_patterns(OTHER)) == (("^THERE", "^here"), ("^THERE",))


def test_a_ban_is_of_one_address_and_not_of_its_user(make: Make) -> None:
    directory = make(ListOf(ANN, {}, (Person(MEMBER),), (MEMBER,)), linked=((MEMBER, LINKED),))
    assert (standing(directory, MEMBER).banned, standing(directory, LINKED).banned) == (MEMBER, "")


def test_linked_addresses_are_the_others(make: Make) -> None:
    directory = make(ListOf(ANN, {}, (Person(MEMBER), Person(STRANGE))), linked=((MEMBER, LINKED),))
    assert [list(directory.linked(email)) for email in (MEMBER, LINKED, STRANGE, "nobody@x.example")] == [
        [LINKED],
        [MEMBER],
        [],
        [],
    ]
    assert directory.is_linked(LINKED, (STRANGE, MEMBER))
    assert not directory.is_linked(LINKED, (STRANGE,))


def test_names_are_in_their_order(make: Make) -> None:
    directory = make(ListOf(OTHER, {}), ListOf(ANN, {}))
    assert [(one.domain.mail_host, one.list_names) for one in directory.names()] == [
        ("lists.example", ("ann", "other")),
        ("mixed.example", ()),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_it_may_be_closed_and_asked_again(engine: str, tmp_path: Path) -> None:
    directory = ENGINES[engine](tmp_path, WORLD)
    for _ in range(2):
        with directory.snapshot():
            assert standing(directory, "anne@people.example", on="closed@lists.example").member
        directory.close()
    with pytest.raises(DirectoryTrouble, match="outside a snapshot"):
        directory.domain("lists.example")


def test_a_batch_of_questions_is_two_round_trips(tmp_path: Path) -> None:
    with closing(far_away(tmp_path, WORLD)) as directory:
        questions = [case.question for case in CASES if not case.rules]
        assert len({verdict.answer for verdict in judge_all(questions, directory)}) > 1
        assert directory.round_trips == 2


def test_a_question_is_two_round_trips_at_most_with_headers_too(tmp_path: Path) -> None:
    with closing(far_away(tmp_path, WORLD)) as directory:
        for case in HEADER_CASES:
            before = directory.round_trips
            headers = Headers()
            for name, value in case.headers:
                headers.add(name, value)
            judge(Question(case.sender, case.recipients[0]), directory, headers=headers)
            assert directory.round_trips - before <= 2, case.id
        assert directory.round_trips > len(HEADER_CASES)


def test_what_cannot_be_read_is_asked_of_nobody(tmp_path: Path) -> None:
    with closing(far_away(tmp_path, WORLD)) as directory:
        assert judge_all([Question(MEMBER, "@@")], directory)[0].code == 553
        assert directory.round_trips == 0
