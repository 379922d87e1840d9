"""The .qmail files of `conf qmail`, followed as qmail-local follows them, with a receiver that takes the mail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.conf.served import Served
from labs.qmail import Result, deliver, environment

MEMBER, STRANGER = "anne@people.example", "stranger@people.example"
MESSAGE = b"Subject: hi\n\n.\nend\n"
REFUSED = Result(100, "550 5.7.2 you may not post to this mailing list\n")


@pytest.fixture(scope="module", params=["inet", "unix"])
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("qmail"), sockets=request.param == "unix") as gate:
        yield gate


def mail_for(ext: str, sender: str, host: str = "lists.example") -> dict[str, str]:
    """As virtualdomains has it: the domain's mail goes to the user gatepost."""
    return environment("gatepost", ext, host, sender)


def test_virtualdomains_name_the_user(gate: Served) -> None:
    lines = (gate.written("qmail") / "virtualdomains").read_text().splitlines()
    assert "lists.example:gatepost" in lines
    assert not any(line.startswith("shared.example:") for line in lines)


@pytest.mark.parametrize(
    ("ext", "queue"),
    [
        ("closed", "in"),
        ("Closed-Confirm+ToKeN", "command"),
        ("closed-bounces+bo=x.example", "bounces"),
        ("open+x", "in"),
    ],
)
def test_mail_flows(gate: Served, ext: str, queue: str) -> None:
    gate.take_all()
    assert deliver(gate.written("qmail"), mail_for(ext, MEMBER), MESSAGE) == Result(0, "")
    [entry] = gate.take_all()
    assert (entry.queue, entry.recipients) == (queue, (f"{ext}@lists.example",))
    assert entry.content.startswith(b"Return-Path: <anne@people.example>\r\n")
    assert entry.content.endswith(b"\r\n\r\n.\r\nend\r\n")
    assert entry.content.count(b"Return-Path:") == 1
    assert b"Delivered-To" not in entry.content


def test_who_may_not_post_gets_a_bounce_with_our_text(gate: Served) -> None:
    home = gate.written("qmail")
    assert deliver(home, mail_for("closed", STRANGER), MESSAGE) == REFUSED
    assert deliver(home, mail_for("nobody", MEMBER), MESSAGE) == Result(100, "550 5.1.1 no such mailing list\n")
    assert deliver(home, mail_for("closed", ""), MESSAGE).output.startswith("550 5.7.2 the null sender")
    assert deliver(home, mail_for("closed-bounces", ""), MESSAGE).outcome == "sent"


def test_a_list_of_a_shared_domain_has_files_of_its_own(gate: Served) -> None:
    gate.take_all()
    gate.run("list", "create", "some.news@shared.example")
    home = gate.written("qmail")
    (home / ".qmail-default").unlink()  # that is another user's
    for ext in ("some.news", "Some.News-request"):
        variables = environment("alias", ext, "shared.example", MEMBER, local=ext)
        assert deliver(home, variables, MESSAGE) == Result(0, "")
    assert [entry.recipients[0] for entry in gate.take_all()] == [
        "some.news@shared.example",
        "Some.News-request@shared.example",
    ]
    anybody = environment("alias", "somebody", "shared.example", MEMBER, local="somebody")
    assert "no mailbox here" in deliver(home, anybody, MESSAGE).output
    gate.run("list", "remove", "some.news@shared.example")


def test_mail_waits_while_gatepost_is_down(tmp_path: Path) -> None:
    gate = Served(tmp_path)
    with gate.held():
        assert deliver(gate.written("qmail"), mail_for("closed", MEMBER), MESSAGE).code == 111
