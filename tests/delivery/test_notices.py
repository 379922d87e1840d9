"""Every text that gatepost writes itself: a whole message, in the form that mail has, whatever it tells of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery import notices
from gatepost_delivery.letters import Letter, Original, one_line, written
from gatepost_lists.store.profiles import Profile
from labs.desk import NOW

ANN = Profile(key=1, list_id="ann.lists.example", list_name="ann", mail_host="lists.example", display_name="Ann")
TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
POST = Original("Hello", "<1@example.org>")
CAME = NOW - 60

# Every notice; the text is all that comes from others: subjects, reasons, names, replies.
NOTICES: dict[str, Callable[[Profile, str], bytes]] = {
    "rejection": lambda profile, text: notices.rejection(profile, "bo@x.example", CAME, text, NOW),
    "held": lambda profile, text: notices.held(profile, "bo@x.example", CAME, text, NOW),
    "held_for_owner": lambda profile, text: notices.held_for_owner(profile, text, Original(text), text, NOW),
    "join_confirmation": lambda profile, text: notices.join_confirmation(profile, "bo@x.example", TOKEN, NOW),
    "leave_confirmation": lambda profile, text: notices.leave_confirmation(profile, "bo@x.example", TOKEN, NOW),
    "welcome": lambda profile, text: notices.welcome(replace(profile, description=text), "bo@x.example", NOW),
    "goodbye": lambda profile, text: notices.goodbye(profile, "bo@x.example", NOW),
    "already_member": lambda profile, text: notices.already_member(profile, "bo@x.example", NOW),
    "not_member": lambda profile, text: notices.not_member(profile, "bo@x.example", NOW),
    "join_refused": lambda profile, text: notices.join_refused(profile, "bo@x.example", text, NOW),
    "join_waiting": lambda profile, text: notices.join_waiting(profile, "bo@x.example", NOW),
    "join_for_moderator": lambda profile, text: notices.join_for_moderator(profile, "bo@x.example", text, NOW),
    "command_results": lambda profile, text: notices.command_results(
        profile,
        "bo@x.example",
        [notices.help_text(profile), notices.info_text(replace(profile, description=text))],
        NOW,
    ),
    "probe": lambda profile, text: notices.probe(profile, "bo@x.example", NOW),
    "disabled_to_member": lambda profile, text: notices.disabled_to_member(profile, "bo@x.example", NOW),
    "disabled_to_owner": lambda profile, text: notices.disabled_to_owner(profile, "bo@x.example", text, NOW),
    "undeliverable_to_owner": lambda profile, text: notices.undeliverable_to_owner(
        profile, Original(text, text), {f"m{number}@x.example": text for number in range(50)}, NOW
    ),
    "refused_to_owner": lambda profile, text: notices.refused_to_owner(
        profile, Original(text, text), text, ["bo@x.example"], NOW
    ),
    "client_refused": lambda profile, text: notices.client_refused(
        profile, "site@x.example", {f"m{number}@x.example": text for number in range(50)}, NOW
    ),
}
HEADERS = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "x-auto-response-suppress",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
}


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def check_form(content: bytes) -> None:
    """RFC 5322's: CRLF alone, short lines, 7 bits, each header once and none that somebody else made up."""
    lines = content.split(b"\r\n")
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    assert content.isascii()
    assert b"\0" not in content
    message = read(content)
    names = [name.lower() for name in message]
    assert len(names) == len(set(names))
    assert set(names) <= HEADERS
    assert not message.defects
    assert message["Date"].datetime.timestamp() == NOW
    assert message.get_content_type() == "text/plain"


@pytest.mark.parametrize("name", NOTICES)
@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "",
        "caf\u00e9 \u4f60\u597d",
        "a\r\nBcc: all@x.example\r\n\r\nb",
        "=?utf-8?q?a?=",
        "\udcff\0\x1b[2J",
        "x" * 5000,
    ],
)
def test_a_notice_has_the_form_of_a_message(name: str, text: str) -> None:
    check_form(NOTICES[name](ANN, text))


@given(name=st.sampled_from(sorted(NOTICES)), text=st.text(st.characters(), max_size=300))
def test_no_text_breaks_a_notice(name: str, text: str) -> None:
    check_form(NOTICES[name](replace(ANN, display_name=text), text))


@pytest.mark.parametrize("name", NOTICES)
def test_lines_of_text_are_for_reading(name: str) -> None:
    content = NOTICES[name](ANN, "Hello")
    body = content.partition(b"\r\n\r\n")[2].decode()
    assert all(len(line) <= 78 for line in body.splitlines())
    assert "ann@lists.example" in content.decode()


@pytest.mark.parametrize("name", NOTICES)
def test_a_machine_has_written_it_and_says_so(name: str) -> None:
    message = read(NOTICES[name](ANN, "Hello"))
    answers = name in ("rejection", "held", "command_results")
    assert message["Auto-Submitted"] == ("auto-replied" if answers else "auto-generated")
    assert message["X-Auto-Response-Suppress"] == "All"


def test_a_stranger_s_address_stands_in_no_text_that_he_is_sent() -> None:
    to = "victim+www.evil.example/login@x.example"
    for content in (
        notices.rejection(ANN, to, CAME, "nonmember", NOW),
        notices.held(ANN, to, CAME, "nonmember", NOW),
        notices.join_confirmation(ANN, to, TOKEN, NOW),
        notices.not_member(ANN, to, NOW),
        notices.join_refused(ANN, to, "", NOW),
        notices.command_results(ANN, to, [notices.help_text(ANN)], NOW),
    ):
        message = read(content)
        assert message["To"] == to
        assert "evil" not in message.get_content()


@pytest.mark.parametrize("make", [notices.join_confirmation, notices.leave_confirmation])
def test_a_reply_to_a_confirmation_confirms(make: Callable[..., bytes]) -> None:
    message = read(make(ANN, "bo@x.example", TOKEN, NOW))
    assert message["From"].addresses[0].addr_spec == f"ann-confirm+{TOKEN}@lists.example"
    assert message["Reply-To"] is None
    assert message["Subject"] == f"confirm {TOKEN}"
    assert f"ann-confirm+{TOKEN}@lists.example" in message.get_content()


def test_the_last_answer_of_the_day_says_so() -> None:
    first, last = (notices.not_member(ANN, "bo@x.example", NOW, last_today=last) for last in (False, True))
    assert b"last automatic answer" not in first
    assert b"last automatic answer" in last


def test_what_is_told_of_is_there() -> None:
    text = read(notices.rejection(ANN, "bo@x.example", CAME, "no attachments", NOW)).get_content()
    assert "It came: 2027-01-15 07:59 UTC" in text
    assert "Reason: no attachments" in text
    owners = read(notices.held_for_owner(ANN, "bo@x.example", POST, "nonmember", NOW)).get_content()
    assert "Subject: Hello" in owners


def test_not_more_addresses_than_the_limit_are_named() -> None:
    states = {f"m{number}@x.example": "451 later" for number in range(notices.MAX_NAMED + 7)}
    text = read(notices.undeliverable_to_owner(ANN, POST, states, NOW)).get_content()
    assert text.count("451 later") == notices.MAX_NAMED
    assert "and 7 more" in text


def test_a_list_whose_name_is_not_ascii_is_named_as_it_is() -> None:
    message = read(notices.goodbye(replace(ANN, display_name="Größe, \u4f60\u597d"), "bo@x.example", NOW))
    assert message["From"].addresses[0].display_name == "Größe, \u4f60\u597d"
    assert message["Subject"] == "You have left Größe, \u4f60\u597d"


def test_a_name_with_special_characters_is_quoted() -> None:
    message = read(notices.goodbye(replace(ANN, display_name='Ann, "the" list'), "bo@x.example", NOW))
    assert message["From"].addresses[0].display_name == 'Ann, "the" list'


@pytest.mark.parametrize("to", ["a,b@x.example", "a:b@x.example", "a..b@x.example", ".a@x.example"])
def test_an_odd_local_part_is_quoted(to: str) -> None:
    message = read(notices.goodbye(ANN, to, NOW))
    local, _, domain = to.partition("@")
    assert (message["To"].addresses[0].username, message["To"].addresses[0].domain) == (local, domain)


def test_an_address_that_is_not_ascii_stays_as_it_is() -> None:
    assert "To: bö@x.example\r\n".encode() in notices.goodbye(ANN, "bö@x.example", NOW)


def test_the_same_notice_has_the_same_message_id_and_another_has_not() -> None:
    one, same = (read(notices.goodbye(ANN, "bo@x.example", NOW)) for _ in range(2))
    other = read(notices.goodbye(ANN, "bo@x.example", NOW + 1))
    assert one["Message-ID"] == same["Message-ID"]
    assert one["Message-ID"] != other["Message-ID"]


def test_a_paragraph_that_begins_with_a_space_keeps_its_lines() -> None:
    letter = Letter("ann@lists.example", "bo@x.example", "s", ["    a\n    b", "c " * 100])
    body = written(ANN, letter, NOW).partition(b"\r\n\r\n")[2]
    assert body.startswith(b"    a\r\n    b\r\n\r\nc c c")


def test_one_line_is_one_line_of_that_length() -> None:
    assert one_line(" a\r\n\tb\x1b ") == "a b"
    assert one_line("x" * 500, 10) == "x" * 9 + "…"
