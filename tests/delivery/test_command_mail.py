"""Mail for a list's robots, through the real queue and the real store: who may do what, and who is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_lists import Role
from gatepost_lists.store.changes import DeliveryStatus
from labs.desk import DAY, LIST, SITE_OWNER, Desk, Died, Sent, dying, mail
from labs.queue import outcome, take

CONFIRM = re.compile(r"ann-confirm\+([a-z2-7]{32})@lists\.example")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path)) as opened:
        yield opened


def only(sent: Sequence[Sent]) -> Sent:
    assert len(sent) == 1, [one.subject for one in sent]
    return sent[0]


def token_in(sent: Sent) -> str:
    found = CONFIRM.search(str(sent.message["From"]))
    assert found
    return found[1]


def subjects(sent: Sequence[Sent]) -> dict[tuple[str, ...], str]:
    return {one.recipients: one.subject for one in sent}


def asked_to_join(desk: Desk, sender: str = "Bo <bo@example.org>") -> str:
    return token_in(only(desk.command(mail(sender=sender), "join")))


# Joining.


def test_whoever_confirms_joins_and_is_welcome(desk: Desk) -> None:
    confirmation = only(desk.command(mail(sender="Bo <Bo@example.org>"), "join"))
    assert (confirmation.envsender, confirmation.recipients) == ("", ("Bo@example.org",))
    assert "bo@example.org" not in desk.members()

    welcome = only(desk.command(mail("whatever"), "confirm", token_in(confirmation)))
    assert subjects([welcome]) == {("Bo@example.org",): "Welcome to Ann"}
    assert "bo@example.org" in desk.members()
    bo = next(member for member in desk.store.members(LIST) if member.email == "bo@example.org")
    assert (bo.original, bo.display_name) == ("Bo@example.org", "Bo")


@pytest.mark.parametrize(
    "sender",
    [
        "Bo <bo@example.org>, Anne <anne@example.org>",
        '"Bo <bo@example.org>, anne@example.org',
        "x@y@z, bo@example.org (odd",
        "anne@example.org <bo@example.org>",
    ],
)
def test_the_first_author_is_asked_whoever_else_is_in_from(desk: Desk, sender: str) -> None:
    assert only(desk.command(mail(sender=sender), "join")).recipients == ("bo@example.org",)


@pytest.mark.parametrize("policy", ["open", "confirm"])
def test_a_request_does_nothing_without_the_confirmation(desk: Desk, policy: str) -> None:
    desk.store.set_list(LIST, f"subscription_policy={policy}")
    asked_to_join(desk)
    assert desk.members() == ["anne@example.org"]


def test_a_reply_with_the_token_in_the_subject_confirms(desk: Desk) -> None:
    token = asked_to_join(desk)
    desk.command(mail("> quoted\nyes please\n", subject=f"Re: confirm {token}"))
    assert "bo@example.org" in desk.members()


def test_a_token_serves_once(desk: Desk) -> None:
    token = asked_to_join(desk)
    desk.command(mail(), "confirm", token)
    desk.store.remove_members(LIST, ["bo@example.org"])
    told = only(desk.command(mail(), "confirm", token))
    assert "nothing to confirm" in told.text
    assert "bo@example.org" not in desk.members()


def test_a_token_expires(desk: Desk) -> None:
    token = asked_to_join(desk)
    desk.clock.now += 3 * DAY + 1
    assert "nothing to confirm" in only(desk.command(mail(), "confirm", token)).text
    assert "bo@example.org" not in desk.members()


def test_a_token_of_another_list_confirms_nothing(desk: Desk) -> None:
    desk.store.create_list("bee@lists.example")
    token = desk.store.add_pending("join", "bee@lists.example", "bo@example.org", DAY, desk.clock.now)
    assert "nothing to confirm" in only(desk.command(mail(), "confirm", token)).text
    assert list(desk.store.members("bee@lists.example")) == []


def test_a_probe_token_confirms_nothing(desk: Desk) -> None:
    token = desk.store.add_pending("probe", LIST, "bo@example.org", DAY, desk.clock.now)
    assert "nothing to confirm" in only(desk.command(mail(), "confirm", token)).text
    assert desk.members() == ["anne@example.org"]


@pytest.mark.parametrize("name", ['Bo "B" <x@y.example>', "Bo, the \\ one", "#", "Bö"])
def test_a_name_is_kept_and_is_no_address(desk: Desk, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    desk.command(mail(), "confirm", asked_to_join(desk, f'"{quoted}" <bo@example.org>'))
    assert [(one.email, one.display_name) for one in desk.store.members(LIST, Role.MEMBER)][1:] == [
        ("bo@example.org", name)
    ]


def test_who_is_banned_is_told_that_he_may_not_join(desk: Desk) -> None:
    desk.store.add_ban("bo@example.org", LIST)
    told = only(desk.command(mail(), "join"))
    assert subjects([told]) == {("bo@example.org",): "Your request to join Ann"}
    assert "turned down" in told.text


def test_a_ban_counts_when_the_confirmation_comes(desk: Desk) -> None:
    token = asked_to_join(desk)
    desk.store.add_ban("^.*@example\\.org$")
    assert "turned down" in only(desk.command(mail(), "confirm", token)).text
    assert "bo@example.org" not in desk.members()


def test_a_member_whose_mail_came_back_gets_it_again_after_confirming(desk: Desk) -> None:
    desk.store.set_delivery(LIST, "anne@example.org", DeliveryStatus.BY_BOUNCES, "dead", desk.clock.now)
    token = asked_to_join(desk, "anne@example.org")
    assert desk.store.delivery_state(LIST, "anne@example.org").delivery_status is DeliveryStatus.BY_BOUNCES
    desk.command(mail(), "confirm", token)
    assert desk.store.delivery_state(LIST, "anne@example.org").delivery_status is DeliveryStatus.ENABLED


def test_a_member_whom_a_moderator_stopped_does_not_get_mail_by_joining(desk: Desk) -> None:
    desk.store.set_delivery(LIST, "anne@example.org", DeliveryStatus.BY_MODERATOR, "enough", desk.clock.now)
    assert "member already" in only(desk.command(mail(sender="anne@example.org"), "join")).text


# What is not told.


def test_only_the_address_itself_hears_whether_it_is_a_member(desk: Desk) -> None:
    spy = "spy@example.net"
    for sender in ("anne@example.org", "nobody@example.org"):
        for subaddress in ("join", "leave"):
            told = desk.command(mail(sender=sender), subaddress, sender=spy)
            assert [one.recipients for one in told] == [(sender,)]


def test_what_the_sender_of_commands_hears_is_the_same_for_members_and_strangers(desk: Desk) -> None:
    def heard(author: str) -> str:
        authors = f"{author}, spy@example.net"
        sent = desk.command(mail("join\nleave\ninfo\n", sender=authors), sender="spy@example.net")
        return next(one.text for one in sent if one.recipients == ("spy@example.net",))

    assert heard("anne@example.org") == heard("nobody@example.org")


def test_what_became_of_commands_is_told_to_nobody_but_an_author(desk: Desk) -> None:
    assert desk.command(mail(subject="help"), sender="victim@example.net") == []


# Moderated joining.


@pytest.mark.parametrize("policy", ["moderate", "confirm_then_moderate"])
def test_a_confirmed_request_waits_for_a_moderator(desk: Desk, policy: str) -> None:
    desk.store.set_list(LIST, f"subscription_policy={policy}")
    told = desk.command(mail(), "confirm", asked_to_join(desk))
    assert subjects(told) == {
        ("olga@example.org",): "Ann: bo@example.org wants to join",
        ("bo@example.org",): "Your request to join Ann waits",
    }
    assert "bo@example.org" not in desk.members()
    [waiting] = desk.held()
    metadata = waiting.metadata
    assert metadata["request"] == "join"
    assert metadata["email"] == "bo@example.org"
    assert metadata["held_since"] == desk.clock.now
    assert policy in metadata["reason"]


def test_who_is_accepted_joins(desk: Desk) -> None:
    desk.store.set_list(LIST, "subscription_policy=moderate")
    desk.command(mail(), "confirm", asked_to_join(desk))
    assert only(desk.decide(approved=True)).subject == "Welcome to Ann"
    assert "bo@example.org" in desk.members()


def test_who_is_rejected_is_told_why(desk: Desk) -> None:
    desk.store.set_list(LIST, "subscription_policy=moderate")
    desk.command(mail(), "confirm", asked_to_join(desk))
    told = only(desk.decide(rejected="staff only"))
    assert told.recipients == ("bo@example.org",)
    assert "staff only" in told.text
    assert "bo@example.org" not in desk.members()


def test_who_waited_in_vain_is_told_so_and_the_owners_once_a_day(desk: Desk) -> None:
    desk.store.set_list(LIST, "subscription_policy=moderate")
    desk.command(mail(), "confirm", asked_to_join(desk))
    told = desk.decide(waited_days=30)
    assert [one.recipients for one in told] == [("bo@example.org",), ("olga@example.org",)]
    assert all("No moderator has decided about it in 30 days." in one.text for one in told)
    assert "bo@example.org" not in desk.members()
    desk.command(mail(sender="cy@example.org"), "confirm", asked_to_join(desk, "cy@example.org"))
    assert [one.recipients for one in desk.decide(waited_days=30)] == [("cy@example.org",)]


def test_where_there_are_no_owners_the_sites_owner_is_asked(desk: Desk) -> None:
    desk.store.set_list(LIST, "subscription_policy=moderate")
    desk.store.remove_members(LIST, ["olga@example.org"], Role.OWNER)
    assert (SITE_OWNER,) in subjects(desk.command(mail(), "confirm", asked_to_join(desk)))


# Leaving.


def test_whoever_confirms_leaves(desk: Desk) -> None:
    confirmation = only(desk.command(mail(sender="anne@example.org"), "leave"))
    assert confirmation.recipients == ("anne@example.org",)
    assert desk.members() == ["anne@example.org"]
    goodbye = only(desk.command(mail(), "confirm", token_in(confirmation)))
    assert subjects([goodbye]) == {("anne@example.org",): "You have left Ann"}
    assert desk.members() == []


def test_who_writes_from_a_linked_address_is_asked_at_the_members_address(desk: Desk) -> None:
    desk.store.link("anne@example.org", "anne@home.example")
    confirmation = only(desk.command(mail(sender="anne@home.example"), "leave"))
    assert confirmation.recipients == ("anne@example.org",)
    desk.command(mail(), "confirm", token_in(confirmation))
    assert desk.members() == []


def test_who_is_gone_already_is_told_so_once_more(desk: Desk) -> None:
    token = token_in(only(desk.command(mail(sender="anne@example.org"), "leave")))
    desk.store.remove_members(LIST, ["anne@example.org"])
    assert only(desk.command(mail(), "confirm", token)).subject == "You have left Ann"


# Answers.


def test_several_commands_have_one_answer(desk: Desk) -> None:
    sent = desk.command(mail("join\nhelp\ninfo\n", References="<0@example.org>"))
    assert sorted(one.subject.partition(" ")[0] for one in sent) == ["Ann:", "confirm"]
    results = next(one for one in sent if one.subject.startswith("Ann:"))
    assert (results.envsender, results.recipients) == ("", ("bo@example.org",))
    assert results.message["Auto-Submitted"] == "auto-replied"
    assert results.message["In-Reply-To"] is None
    assert "join: another message" in results.text
    assert "confirm TOKEN" in results.text
    assert "Posting address: ann@lists.example" in results.text


def test_what_is_no_command_is_answered_with_the_help(desk: Desk) -> None:
    text = only(desk.command(mail("How are you?\nBuy this!\n"))).text
    assert "no command" in text
    assert "confirm TOKEN" in text
    assert "Buy" not in text


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        ("", {}),
        ("mailer-daemon@example.org", {}),
        ("bo-request@example.org", {}),
        ("bo@example.org", {"From": "ann-request@lists.example"}),
        ("bo@example.org", {"Auto_Submitted": "auto-replied"}),
        ("bo@example.org", {"Precedence": "bulk"}),
        ("bo@example.org", {"List_Id": "<x.example>"}),
        ("bo@example.org", {"Content_Type": "multipart/report; boundary=b"}),
    ],
)
def test_a_machine_is_neither_answered_nor_obeyed(desk: Desk, sender: str, headers: dict[str, str]) -> None:
    token = asked_to_join(desk)
    assert desk.command(mail("help\n", **headers), sender=sender) == []
    assert desk.command(mail(**headers), "join", sender=sender) == []
    assert desk.command(mail(**headers), "confirm", token, sender=sender) == []
    assert desk.members() == ["anne@example.org"]


def test_an_address_has_its_number_of_answers_a_day(desk: Desk) -> None:
    answers = [desk.command(mail(subject="help")) for _ in range(6)]
    assert [len(sent) for sent in answers] == [1, 1, 1, 1, 0, 0]
    assert ["last automatic answer" in only(sent).text for sent in answers[:4]] == [False, False, False, True]
    desk.clock.now += DAY
    assert len(desk.command(mail(subject="help"))) == 1


def test_requests_of_a_forger_beyond_the_number_do_not_take_the_token_away(desk: Desk) -> None:
    tokens = [token_in(one) for _ in range(6) for one in desk.command(mail(), "join", sender="spy@example.net")]
    assert len(tokens) == 4
    desk.command(mail(), "confirm", tokens[-1])
    assert "bo@example.org" in desk.members()


def forge(desk: Desk, subaddress: str, *authors: str) -> list[Sent]:
    """What a stranger makes the list send by mail in other people's names."""
    return [one for each in authors for one in desk.command(mail(sender=each), subaddress, sender="spy@example.net")]


@pytest.mark.parametrize("subaddress", ["join", "leave"])
def test_no_stranger_keeps_a_member_from_leaving(desk: Desk, subaddress: str) -> None:
    """Where he asks for what the member wants himself, the member has the last token in his mailbox."""
    anne = "anne@example.org"
    forged = forge(desk, subaddress, *[anne] * 10)
    asked = desk.command(mail(sender=anne), "leave", sender=anne)
    token = token_in([*forged, *asked][-1])
    assert len(asked) == (1 if subaddress == "join" else 0)
    assert only(desk.command(mail(), "confirm", token)).subject == "You have left Ann"


def test_no_stranger_keeps_a_member_from_coming_back_or_leaving_by_what_he_asks_for(desk: Desk) -> None:
    anne = "anne@example.org"
    desk.store.set_delivery(LIST, anne, DeliveryStatus.BY_BOUNCES, "dead", desk.clock.now)
    desk.command(mail("help\n", sender=anne), sender=anne)
    forge(desk, "join", *[anne] * 10)
    assert "leave" in only(forge(desk, "leave", anne)).text
    assert len(desk.command(mail(subject="help", sender=anne), sender=anne)) == 1


def test_no_stranger_keeps_another_one_from_joining_by_asking_for_help(desk: Desk) -> None:
    for _ in range(10):
        desk.command(mail(subject="help"))
    assert asked_to_join(desk)


def test_the_extensions_of_an_address_are_one_address(desk: Desk) -> None:
    victims = [f"victim+{number}@example.net" for number in range(10)]
    assert len(forge(desk, "join", *victims, "victim@example.net")) == 4
    assert len(forge(desk, "leave", "prvs=0123456789=victim@example.net", *victims)) == 4
    assert asked_to_join(desk)


def test_a_list_answers_only_so_many_strangers_in_an_hour(desk: Desk) -> None:
    """And those who are on it whatever strangers ask for."""
    strangers = [f"p{number}@example.net" for number in range(30)]
    assert len(forge(desk, "join", *strangers)) == 20
    assert desk.command(mail(subject="help")) == []
    for known in ("anne@example.org", "olga@example.org"):
        assert len(desk.command(mail(subject="help", sender=known), sender=known)) == 1
    desk.clock.now += 3600
    assert asked_to_join(desk)
    assert len(forge(desk, "join", *strangers)) == 19


def test_what_is_not_told_is_logged_and_counted(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    forge(desk, "join", *["victim@example.net"] * 6)
    desk.command(mail(subject="help"), sender="spy@example.net")
    lines = [line.partition(" event=")[2] for line in capfd.readouterr().err.splitlines()]
    told = [line for line in lines if "not told" in line]
    assert told == [
        *['"not told" part=delivery id=T1 list=ann.lists.example recipient=victim@example.net notice=join why=day'] * 2,
        '"not told" part=delivery id=T1 list=ann.lists.example recipient=spy@example.net notice=answer why=no-author',
    ]
    assert desk.tally.withheld() == {("join", "day"): 2, ("answer", "no-author"): 1}


def test_mail_for_a_list_that_is_gone_is_dropped(desk: Desk) -> None:
    desk.store.remove_list(LIST)
    assert desk.command(mail(), "join") == []


# A process that dies.


def test_a_confirmation_is_not_lost_when_the_process_dies(desk: Desk) -> None:
    token = asked_to_join(desk)
    with pytest.raises(Died):
        desk.command(mail(), "confirm", token, wrap=dying)
    assert "bo@example.org" not in desk.members()
    desk.clock.now += 61
    assert only(desk.work("command")).subject == "Welcome to Ann"
    assert "bo@example.org" in desk.members()


def test_what_was_confirmed_is_done_again_when_the_process_dies_before_the_end(desk: Desk) -> None:
    token = asked_to_join(desk)
    desk.put_command(mail(), "confirm", token)
    [claimed] = take(desk.queue, "command")
    desk.handlers["command"](claimed, desk.go_on(claimed))  # and nobody says that it is done
    desk.clock.now += 61
    assert only(desk.work("command")).subject == "Welcome to Ann"
    assert desk.members() == ["anne@example.org", "bo@example.org"]
    assert outcome(desk.queue.claim("command", "r", 60.0)) == []
