"""A small list with nothing but gatepost and a real Postfix: every mail goes in and out by SMTP, and is read."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest

from labs.delivery.town import Town

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]


def returned_to(message: EmailMessage) -> str:
    """The envelope sender, as Postfix wrote it down at delivery."""
    return str(message["Return-Path"]).strip("<>")


def is_from_a_list(message: EmailMessage, name: str) -> bool:
    """Whether a message has all that a list puts to it (RFC 2369, RFC 2919)."""
    address = f"{name}@lists.example"
    assert str(message["List-Id"]).endswith(f"<{name}.lists.example>")
    assert message["List-Post"] == f"<mailto:{address}>"
    assert message["List-Unsubscribe"] == f"<mailto:{name}-leave@lists.example>"
    assert message["List-Subscribe"] == f"<mailto:{name}-join@lists.example>"
    assert message["List-Help"] == f"<mailto:{name}-request@lists.example?subject=help>"
    assert message["List-Owner"] == f"<mailto:{name}-owner@lists.example>"
    assert (message["Precedence"], message["X-BeenThere"], message["Errors-To"]) == ("list", address, None)
    return True


def held(place: Town, address: str) -> list[dict[str, str]]:
    return [one for one in place.json("held", "ls") if one["list"] == address.replace("@", ".")]


def test_a_small_list_from_the_first_member_to_the_last_goodbye(place: Town) -> None:
    anne, bo, olga, stranger = (place.mailbox(name) for name in ("anne", "bo", "olga", "stranger"))
    ant = place.make_list("ant", bo.address)

    # anne joins by mail, and confirms
    place.send(anne.address, "ant-join@lists.example", "let me in")
    asked = anne.read("confirm ")
    assert asked["Auto-Submitted"] == "auto-generated"
    assert returned_to(asked) == ""
    assert place.json("member", "ls", ant, "--role", "member")[0]["email"] == bo.address
    place.reply(anne.address, asked, "Yes, it was me.")
    anne.read("Welcome to Ant")
    place.calm_down()
    place.reply(anne.address, asked, "Yes, it was me.")  # the token is used up
    assert "nothing to confirm" in anne.read("results of your mail").get_content()

    # she posts, and everybody gets it
    sent = place.send(anne.address, ant, "first post", "Grüße an alle\n.\n..\n")
    for reader in (anne, bo):
        got = reader.read("first post")
        assert is_from_a_list(got, "ant")
        assert returned_to(got) == "ant-bounces@lists.example"
        assert (got["From"], got["To"], got["Message-ID"]) == (sent["From"], sent["To"], sent["Message-ID"])
        assert got.get_content() == "Grüße an alle\n.\n..\n"

    # bo answers to the list; every second post goes by an envelope sender for each member
    place.send(bo.address, ant, "Re: first post", In_Reply_To=str(sent["Message-ID"]))
    for name, reader in (("anne", anne), ("bo", bo)):
        assert returned_to(reader.read("Re: first post")) == f"ant-bounces+{name}=people.example@lists.example"

    # a stranger who writes to -owner reaches the owners
    place.send(stranger.address, "ant-owner@lists.example", "who are you?")
    question = olga.read("who are you?")
    assert question["From"] == stranger.address
    place.reply(olga.address, question, "People.")
    assert "People." in stranger.read("who are you?").get_content()

    # his post waits for a moderator, who lets it through
    place.command("list", "set", ant, "hold_notices=all")
    place.send(stranger.address, ant, "buy this")
    assert "waits for a moderator" in str(stranger.read("Your message to Ant")["Subject"])
    assert "held ls" in olga.read(f"a message from {stranger.address} waits").get_content()
    place.calm_down()
    [waits] = held(place, ant)
    assert (waits["sender"], waits["subject"], waits["request"]) == (stranger.address, "buy this", "post")
    assert (anne.subjects(), bo.subjects()) == ([], [])
    place.command("held", "accept", str(waits["id"]))
    for reader in (anne, bo):
        assert is_from_a_list(reader.read("buy this"), "ant")

    # the next one is turned down, and he is told why; that it waits he was told once today
    place.send(stranger.address, ant, "buy more")
    place.calm_down()
    assert stranger.subjects() == []
    [waits] = held(place, ant)
    place.command("held", "reject", str(waits["id"]), "--reason", "Not on this list.")
    refusal = stranger.read("was refused")
    assert refusal["Auto-Submitted"] == "auto-replied"
    assert "Not on this list." in refusal.get_content()

    # anne leaves by mail, and confirms
    place.send(anne.address, "ant-request@lists.example", "leave")
    place.reply(anne.address, anne.read("confirm "), "Goodbye.")
    anne.read("You have left Ant")
    place.send(bo.address, ant, "is she gone?")
    bo.read("is she gone?")
    place.calm_down()
    olga.read("waits")
    assert [reader.subjects() for reader in (anne, bo, olga, stranger)] == [[], [], [], []]
    assert [one["email"] for one in place.json("member", "ls", ant, "--role", "member")] == [bo.address]


@pytest.mark.parametrize(
    ("name", "dead", "posts"),
    [
        ("bee", "nobody@people.example", 1),
        ("cow", "alan@gone.example", 1),
        ("dog", "Egon@gone.example", 2),
    ],
    ids=["refused at once", "reported later", "reported to a VERP address"],
)
def test_a_dead_address_is_noticed_probed_and_disabled(place: Town, name: str, dead: str, posts: int) -> None:
    anne, olga = place.mailbox("anne"), place.mailbox("olga")
    address = place.make_list(name, anne.address)
    for number in range(1, posts):
        place.send(anne.address, address, f"{name} {number}")
        anne.read(f"{name} {number}")
    place.command("member", "add", address, dead)
    seen = len(place.postfix.log())
    place.send(anne.address, address, f"{name} {posts}")
    anne.read(f"{name} {posts}")
    told = olga.read(f"{dead} gets no more mail").get_content()
    assert "5.1.1" in told
    place.calm_down()
    state = place.json("member", "delivery", address, dead)
    assert state["delivery_status"] == "by_bounces"
    assert [line["outcome"] for line in lines(place, f"{name}.lists.example")][:3] == [
        "bounce: reached",
        "probe sent",
        "delivery disabled",
    ]
    if posts == 2:
        assert f"from=<{name}-bounces+Egon=gone.example@lists.example>" in place.postfix.log()[seen:]

    # the list goes on without it, and it is still a member
    seen = len(place.postfix.log())
    place.send(anne.address, address, "goes on")
    anne.read("goes on")
    place.calm_down()
    assert dead not in place.postfix.log()[seen:]
    assert dead.lower() in [one["email"] for one in place.json("member", "ls", address, "--role", "member")]
    assert (anne.subjects(), olga.subjects()) == ([], [])


def lines(place: Town, listid: str) -> list[dict[str, str]]:
    """What the log says of bounces on a list."""
    found = [line for line in place.gatepost.output.splitlines() if "event=bounces part=delivery" in line]
    parsed = [dict(re.findall(r'(\w+)="?([^"=]*)"?(?= \w+=|$)', line)) for line in found]
    return [line for line in parsed if line["list"] == listid]


def test_a_list_that_is_its_own_member_and_its_own_owner(place: Town) -> None:
    """What comes back goes no further: each round would make another one."""
    anne = place.mailbox("anne")
    address = place.make_list("eel", anne.address, "eel@lists.example", owner="eel-owner@lists.example")
    seen = len(place.postfix.log())
    place.send(anne.address, address, "round and round")
    anne.read("round and round")
    place.postfix.wait_log(r"to=<eel@lists.example>.*status=bounced .*554 5.4.6", after=seen)
    place.send("stranger@people.example", "eel-owner@lists.example", "is anybody there?")
    place.gatepost.wait_line('event="owner mail" .*list=eel.lists.example outcome=discard why="it came back"')
    place.calm_down()
    assert anne.subjects() == []
    assert place.json("queue", "ls", "--queue", "shunt") == []
