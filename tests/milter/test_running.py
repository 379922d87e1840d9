"""The milter's answers over its socket, at both stages; its sockets."""

import os
import socket
import stat
from pathlib import Path

import pytest

from labs.milter import Milter, MilterClient, milter_settings, run_gatepost
from labs.milter.client import (
    ADD_HEADERS,
    ALL_ACTIONS,
    CHANGE_BODY,
    DELETE_RECIPIENTS,
    NO_BODY,
    NO_CONNECT,
    NO_DATA,
    NO_END_OF_HEADERS,
    NO_HEADERS,
    NO_HELO,
    SILENT_HEADER,
    SILENT_MAIL,
    STEPS_OF_OLD,
)
from labs.milter.service import (
    ANNE,
    CLOSED,
    LOOP,
    MAY_NOT_POST,
    NO_LIST,
    NOBODY,
    OWNER,
    PUT_OFF,
    STRANGER,
    TEAM_OWNER,
    TESS,
)


def test_the_envelope_stage_needs_three_callbacks(milter: Milter) -> None:
    with milter.client() as client:
        for left_out in (NO_CONNECT, NO_HELO, NO_HEADERS, NO_END_OF_HEADERS, NO_BODY, SILENT_MAIL):
            assert client.steps & left_out
        assert not client.steps & NO_DATA
        assert not client.actions & (ADD_HEADERS | DELETE_RECIPIENTS)
        assert client.wanted["M"] == ["i", "{client_addr}", "{auth_authen}"]


def test_the_header_stage_asks_for_headers_and_changes(at_headers: Milter) -> None:
    with at_headers.client() as client:
        for left_out in (NO_CONNECT, NO_HELO, NO_DATA, NO_BODY, SILENT_MAIL, SILENT_HEADER):
            assert client.steps & left_out
        assert not client.steps & (NO_HEADERS | NO_END_OF_HEADERS)
        assert client.actions & ADD_HEADERS
        assert client.actions & DELETE_RECIPIENTS


def test_a_server_that_waits_for_every_answer_gets_it(milter: Milter, at_headers: Milter) -> None:
    for running, expected in ((milter, [MAY_NOT_POST, ""]), (at_headers, ["", PUT_OFF])):
        with MilterClient(running.addresses("milter")[0], ALL_ACTIONS, STEPS_OF_OLD) as client:
            assert not client.steps & (SILENT_MAIL | SILENT_HEADER | NO_DATA)
            assert client.mail(STRANGER) == ""
            assert [client.rcpt(CLOSED), client.rcpt(OWNER)] == expected
            assert client.message([("From", ANNE), ("Subject", "x")]) == ""


def test_a_server_that_takes_no_changes_keeps_the_message_as_it_is(at_headers: Milter) -> None:
    with MilterClient(at_headers.addresses("milter")[0], actions=CHANGE_BODY) as client:
        client.mail(TESS)
        assert [client.rcpt(CLOSED), client.rcpt(TEAM_OWNER)] == ["", ""]
        assert client.message([("From", TESS)]) == ""
        assert client.changes == []
    at_headers.wait_line("a recipient cannot be removed")
    at_headers.wait_line("a header cannot be added")


def test_each_recipient_has_its_own_answer(milter: Milter) -> None:
    with milter.client() as client:
        client.mail(STRANGER, "SIZE=99999", "BODY=8BITMIME")
        replies = [
            client.rcpt(name) for name in (CLOSED, OWNER, NOBODY, "joe@elsewhere.example", "small@lists.example")
        ]
        assert replies == [MAY_NOT_POST, "", NO_LIST, "", "552 5.2.3 the message is over this list's limit of 10 KiB"]
        assert client.message() == ""


def test_many_messages_over_one_connection(milter: Milter) -> None:
    with milter.client() as client:
        for number in range(200):
            client.mail(ANNE if number % 2 else STRANGER)
            assert client.rcpt(CLOSED) == ("" if number % 2 else MAY_NOT_POST)
            if number % 3:
                assert client.message() == ""
            else:
                client.abort()


def test_the_null_sender_is_refused_at_data(milter: Milter) -> None:
    with milter.client() as client:
        client.mail("")
        assert client.rcpt(CLOSED) == ""
        assert client.data().startswith("550 5.7.2 the null sender may not post")
        client.mail("")
        assert [client.rcpt(OWNER), client.rcpt(CLOSED)] == ["", PUT_OFF]
        assert client.message() == ""


def test_a_line_says_who_asked_for_whom(milter: Milter) -> None:
    with milter.client() as client:
        client.macros = {
            "M": {"{client_addr}": "192.0.2.1", "{auth_authen}": "bo", "i": "4XyZaB"},
            "R": {"i": "4XyZaB"},
        }
        client.mail(STRANGER)
        client.rcpt(CLOSED)
    line = milter.wait_line("id=4XyZaB")
    assert (
        f"door=milter client=bo@192.0.2.1 sender={STRANGER} recipient={CLOSED} list={CLOSED} test=closed-list" in line
    )
    assert "verdict=reject code=550 status=5.7.2" in line


def test_macros_that_are_missing_or_no_utf8_leave_a_line_empty(milter: Milter) -> None:
    with milter.client() as client:
        client.macros = {"M": {"{client_addr}": b"\xff", "{auth_authen}": b"\xfe"}, "R": {"i": b"\xfd"}}
        client.mail(STRANGER)
        assert client.rcpt("macros@lists.example") == NO_LIST
    assert "client= sender" in milter.wait_line("recipient=macros@lists.example")


def test_a_member_in_from_may_post_and_failed_recipients_go(at_headers: Milter) -> None:
    with at_headers.client() as client:
        client.mail(STRANGER)
        assert [client.rcpt(name) for name in (CLOSED, TEAM_OWNER, NOBODY)] == ["", "", NO_LIST]
        assert client.message([("From", TESS)]) == ""
        assert client.changes[0] == ("-", f"<{CLOSED}>")
        assert client.changes[1][1].startswith("Message-ID: <")


def test_nobody_may_post_or_it_loops(at_headers: Milter) -> None:
    with at_headers.client() as client:
        client.mail(STRANGER)
        assert client.rcpt(CLOSED) == ""
        assert client.message([("From", STRANGER)]) == MAY_NOT_POST
        client.mail(ANNE)
        assert client.rcpt(CLOSED) == ""
        assert client.message([("From", ANNE), ("List-Id", "<closed.lists.example>")]) == LOOP


def test_a_recipient_that_cannot_be_named_stays_on_the_message(at_headers: Milter) -> None:
    with at_headers.client() as client:
        client.mail(TESS)
        assert client.rcpt(b"closed+\xff@lists.example") == ""
        assert client.rcpt(TEAM_OWNER) == ""
        assert client.message([("From", STRANGER), ("Message-ID", "<1@x.example>")]) == ""
        assert client.changes == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("From", b"J\xfcrgen <anne@people.example>"),
        ("From", b"Anne\r\n\t<anne@people.example>"),
        ("Subject", b"\xff" * 60_000),
        (b"B\xe4d", b"\xff"),
        ("Subject", ""),
        (b"no colon in this line at all", b""),
        ("From", b"(" * 60_000),
    ],
    ids=["8-bit", "folded", "60 KB", "8-bit name", "empty", "no colon", "comments"],
)
def test_headers_of_every_kind(name: str | bytes, value: str | bytes, at_headers: Milter) -> None:
    with at_headers.client() as client:
        client.mail(STRANGER)
        client.rcpt(CLOSED)
        assert client.message([(name, value), ("Sender", ANNE)]) == ""


def test_a_megabyte_of_headers(at_headers: Milter) -> None:
    with at_headers.client() as client:
        client.mail(STRANGER)
        client.rcpt(CLOSED)
        assert client.message([*((f"X-{number}", "x" * 1000) for number in range(1100)), ("From", ANNE)]) == ""


def test_ipv6(folder: Path) -> None:
    with Milter(folder, milter_settings(listen="inet:[::1]:0")) as milter:
        assert milter.addresses("milter")[0].startswith("inet:[::1]:")
        assert milter.ask() == MAY_NOT_POST


def test_a_unix_socket_has_its_mode_and_goes_with_the_service(folder: Path) -> None:
    path = folder / "milter.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    given = "" if os.geteuid() else "&owner=nobody"  # only root may give it away
    with Milter(folder, milter_settings(listen=f"unix:{path}?mode=0600{given}")) as milter:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not given or path.owner() == "nobody"
        assert milter.ask() == MAY_NOT_POST
    assert not path.exists()


@pytest.mark.parametrize("kind", ["inet", "unix"])
def test_a_second_run_on_the_same_address_leaves_the_first_alone(kind: str, store: Path) -> None:
    listen = "inet:127.0.0.1:0" if kind == "inet" else f"unix:{store.parent}/milter.sock"
    with Milter(store.parent, milter_settings(listen=listen)) as milter:
        taken = milter.addresses("milter")[0]
        second = store.parent / "second"
        second.mkdir()
        (second / "gatepost.toml").write_text(milter_settings(listen=taken, directory="sqlite:///../gatepost.db"))
        ended = run_gatepost(second, "run", "milter")
        assert ended.returncode == os.EX_UNAVAILABLE
        assert taken.partition("?")[0] in ended.stderr
        assert milter.ask() == MAY_NOT_POST
