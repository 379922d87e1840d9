"""Whom a list tells what, through a real Postfix: nobody can have words of his brought to a third person."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from labs.delivery.town import Town

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

# Anne never writes to these lists; a stranger writes in her name.
PHISHING = ("Your mailbox is full: log in at www.evil.example " * 7)[:300]


def forge(place: Town, address: str, **headers: str) -> None:
    """What a stranger sends in anne's name, and what follows from it."""
    headers = {"Message_ID": "<www.evil.example@people.example>"} | headers
    place.send("anne@people.example", address, PHISHING, text="www.evil.example\n", **headers)
    place.calm_down()


def subjects_held(place: Town, address: str) -> list[str]:
    return [one["subject"] for one in place.json("held", "ls") if one["list"] == address.replace("@", ".")]


def only(place: Town, name: str, subject: str) -> EmailMessage:
    """The one message in somebody's mailbox."""
    found = place.mailbox(name).read(subject)
    assert place.mailbox(name).subjects() == []
    return found


def test_a_new_list_sends_a_stranger_s_words_to_nobody(place: Town) -> None:
    address = place.make_list("ant")
    forge(place, address)
    forge(place, address, From="mallory@evil.example")
    assert subjects_held(place, address) == [PHISHING, PHISHING]
    assert place.mailbox("anne").subjects() == []


def test_where_strangers_are_told_it_is_authors_once_and_in_the_list_s_own_words(place: Town) -> None:
    address = place.make_list("bee")
    place.command("list", "set", address, "hold_notices=all")
    forge(place, address, From="mallory@evil.example")
    assert place.mailbox("anne").subjects() == []
    for _ in range(2):
        forge(place, address, From="www.evil.example <anne@people.example>")
    told = only(place, "anne", "Your message to Bee waits for a moderator")
    assert "evil" not in told.as_string()


def test_a_member_is_told(place: Town) -> None:
    address = place.make_list("cow", "anne@people.example")
    place.command("list", "set", address, "emergency=yes")
    forge(place, address)
    told = only(place, "anne", "Your message to Cow waits for a moderator")
    assert "evil" not in told.as_string()


@pytest.mark.parametrize("name", ["dog", "eel"])
def test_a_refusal_repeats_nothing(place: Town, name: str) -> None:
    """By a moderator; and by the list, where it comes to that: the mail server refuses most at RCPT."""
    address = place.make_list(name, "anne@people.example")
    if name == "dog":
        place.command("list", "set", address, "default_member_action=reject")
        forge(place, address)
    else:
        place.command("list", "set", address, "emergency=yes", "hold_notices=off")
        forge(place, address)
        [waits] = [one for one in place.json("held", "ls") if one["list"] == f"{name}.lists.example"]
        place.command("held", "reject", str(waits["id"]), "--reason", "No.")
    told = only(place, "anne", f"Your message to {name.title()} was refused")
    assert "evil" not in told.as_string()


def test_nobody_gets_help_that_another_has_asked_for(place: Town) -> None:
    place.make_list("fox")
    forge(place, "fox-request@lists.example", From="mallory@evil.example", Subject="help")
    assert place.mailbox("anne").subjects() == []


def test_a_stranger_keeps_no_member_from_leaving(place: Town) -> None:
    address = place.make_list("gnu", "anne@people.example")
    for _ in range(11):
        forge(place, "gnu-join@lists.example")
    anne = place.mailbox("anne")
    told = [anne.read("You are a member of Gnu").get_content() for _ in range(10)]
    assert ["last automatic answer" in text for text in told].count(True) == 1
    assert anne.subjects() == []
    place.gatepost.wait_line('event="not told" .*recipient=anne@people.example notice=answer why=day')

    place.send(anne.address, "gnu-leave@lists.example", "let me go")
    place.reply(anne.address, anne.read("confirm "), "Yes.")
    anne.read("You have left Gnu")
    assert place.json("member", "ls", address, "--role", "member") == []
