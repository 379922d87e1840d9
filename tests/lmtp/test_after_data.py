"""The receiver when the message is there: whoever was accepted at RCPT, and where the mail goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cases import build_store
from labs.lmtp import RunningLmtp, lmtp_settings

ANNE = "anne@people.example"
TAKEN = "250 2.0.0"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLmtp]:
    folder: Path = tmp_path_factory.mktemp("after-data")
    build_store(folder / "gatepost.db")
    with RunningLmtp(folder, lmtp_settings("sqlite:///gatepost.db")) as running:
        yield running


def post(receiver: RunningLmtp, sender: str, recipients: list[str], headers: str = "") -> list[str]:
    """What is told each recipient after the dot; all are accepted at RCPT."""
    with receiver.client() as client:
        assert [reply.code for reply in client.mail(sender, recipients)] == [250] * len(recipients)
        replies = client.data(f"{headers}\r\nHello.\r\n".encode(), len(recipients))
    return [f"{reply.code} {reply.status}" for reply in replies]


@pytest.mark.parametrize(
    ("recipient", "subaddress", "extension"),
    [
        ('"closed@lists.example"@other.example', "", ""),
        ("closed%lists.example@other.example", "", ""),
        ("lists.example!closed@other.example", "", ""),
        ("closed%lists.example%b.example@other.example", "", ""),
        ("closed-owner%lists.example@other.example", "owner", ""),
        ("closed-confirm+ToKen%lists.example@other.example", "confirm", "ToKen"),
    ],
)
def test_mail_goes_where_the_judge_has_found_the_list(
    recipient: str, subaddress: str, extension: str, receiver: RunningLmtp
) -> None:
    receiver.take_all()
    assert post(receiver, ANNE, [recipient, "open@lists.example"]) == [TAKEN, TAKEN]
    first, second = sorted(receiver.take_all(), key=lambda entry: entry.listid)
    assert (first.listid, first.subaddress) == ("closed.lists.example", subaddress)
    assert first.metadata.get("extension", "") == extension
    assert (second.listid, second.subaddress) == ("open.lists.example", "")


MEMBER_S, STRANGER_S = f"From: {ANNE}\r\n", "From: stranger@people.example\r\n"
BANNED = "banned@people.example"


@pytest.mark.parametrize(
    "headers",
    [
        f"{MEMBER_S}Reply-To: {BANNED}\r\n",
        f"{MEMBER_S}Sender: Ban <{BANNED}>\r\n",
        f"{MEMBER_S}Sender: x@spam.example\r\n",
        f"From: {ANNE}, {BANNED}\r\n",
        f"From: SRS0=ab=cd=people.example=banned@attacker.example\r\nSender: {ANNE}\r\n",
        f"From: {BANNED}\r\n",
    ],
)
def test_a_member_s_post_that_names_one_who_is_banned_is_refused(headers: str, receiver: RunningLmtp) -> None:
    receiver.take_all()
    recipients = ["closed@lists.example", "closed-owner@lists.example", "team@lists.example"]
    assert post(receiver, ANNE, recipients, headers) == ["550 5.7.1", TAKEN, TAKEN]
    assert {entry.listid for entry in receiver.take_all()} == {"closed.lists.example", "team.lists.example"}
    assert "recipient=closed@lists.example" in receiver.wait_line("event=verdict .*test=banned")


def test_the_null_sender_s_reports_may_name_whom_they_want(receiver: RunningLmtp) -> None:
    assert post(receiver, "", ["closed-bounces@lists.example"], f"From: {BANNED}\r\n") == [TAKEN]


def wrapped(name: str) -> str:
    """NAME@people.example, as anybody can write it."""
    return f"SRS0=ab=cd=people.example={name}@attacker.example"


@pytest.mark.parametrize(
    ("sender", "headers", "told"),
    [
        (wrapped("anne"), "From: attacker@attacker.example\r\n", "550 5.7.2"),
        (wrapped("anne"), "", "550 5.7.2"),
        (wrapped("anne"), f"From: {wrapped('anne')}\r\n", "550 5.7.2"),
        (wrapped("anne"), "From: dora+lists@people.example\r\n", "550 5.7.2"),
        (f"prvs=0123456789={wrapped('anne')}", "From: attacker@attacker.example\r\n", "550 5.7.2"),
        (wrapped("anne"), f"From: Anne <{ANNE}>\r\n", TAKEN),
        (wrapped("anne"), f"From: attacker@attacker.example\r\nSender: {ANNE}\r\n", TAKEN),
        (wrapped("cris"), "From: cris@work.example\r\n", TAKEN),
        ("prvs=0123456789=anne@people.example", STRANGER_S, TAKEN),
        (ANNE, STRANGER_S, TAKEN),
    ],
)
def test_what_somebody_else_has_wrapped_lets_in_whom_the_headers_name(
    sender: str, headers: str, told: str, receiver: RunningLmtp
) -> None:
    assert post(receiver, sender, ["closed@lists.example"], headers) == [told]


def test_a_forwarder_that_is_named_in_the_settings_is_believed(tmp_path: Path) -> None:
    build_store(tmp_path / "gatepost.db")
    settings = lmtp_settings("sqlite:///gatepost.db", lists='forwarders = ["Second.Example"]')
    with RunningLmtp(tmp_path, settings) as receiver:
        sender = wrapped("anne").replace("attacker", "second")
        assert post(receiver, sender, ["closed@lists.example"], STRANGER_S) == [TAKEN]
        assert post(receiver, wrapped("anne"), ["closed@lists.example"], STRANGER_S) == ["550 5.7.2"]
