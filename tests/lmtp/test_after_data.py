"""The receiver when the message is there: whoever was accepted at RCPT, and where the mail goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cases import build_store
from lmtplab import RunningLmtp, lmtp_settings

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
