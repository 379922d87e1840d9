"""The table of cases through the receiver: by its gate, and raw over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cases import CASES, HEADER_CASES, Case, HeaderCase, build_store
from gatepost_lists import Answer, Headers, Stage, open_directory
from gatepost_lmtp import Options
from gatepost_lmtp.gate import Asker, Gate, Recipient
from gatepost_lmtp.syntax import MAX_COMMAND_OCTETS
from gatepost_queue import open_queue
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from lmtplab import RunningLmtp, lmtp_settings
from mtalab import Client

# What no path of RFC 5321 holds: LMTP refuses it for its syntax, whoever sends. A mail server hands none of it on.
NOT_A_PATH = ("comment", "space", "brackets", "at signs alone", "a part of it quoted", "two trailing dots",
              "control character", "an address as local part", "nothing")  # fmt: skip
NOT_UTF8 = "octets that are no UTF-8"
# Paths that stand for no sender; those of recipients are unreadable for the judge too.
NO_SENDER = ("a source route without an end",)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_store(tmp_path_factory.mktemp("table") / "gatepost.db")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("raw")
    build_store(folder / "gatepost.db")
    with RunningLmtp(folder, lmtp_settings("sqlite:///gatepost.db")) as receiver, receiver.client() as client:
        yield client


def gate_for(url: str, case: Case | HeaderCase, *, at_headers: bool = False) -> Gate:
    options = Options(
        open_directory=lambda: open_directory(url),
        open_queue=lambda: open_queue("sqlite:///never-opened"),
        rules=case.site_rules,
        hostname="mx.example",
        owner="postmaster@mx.example",
        log_verdicts=False,
        at_headers=at_headers,
    )
    return Gate(options, VerdictLog(), Tally())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_by_the_gate(case: Case, url: str) -> None:
    gate = gate_for(url, case)
    asker = Asker(case.sender, case.size, "", "")
    told, found = gate.rcpt(asker, case.recipient)
    if case.stage is Stage.RCPT:
        assert case.agrees(found)
    else:
        [told] = gate.data(asker, [Recipient(case.recipient, found)], Headers())
        assert (told.answer, told.code, told.status) == (case.answer, case.code, case.status)
    gate.close()


def expected(case: Case) -> tuple[int, str]:
    """Code and status over the wire, where the address can be said as a path."""
    if case.answer is Answer.NOT_OURS:
        return (550, "5.1.1") if case.recipient.lower().endswith(("shared.example", "@lists.example", "@l.example")) \
            else (550, "5.1.2")  # fmt: skip
    return case.code, case.status


RAW = [case for case in CASES if case.stage is Stage.RCPT and not case.rules]


@pytest.mark.parametrize("case", RAW, ids=lambda case: case.id)
def test_raw(case: Case, client: Client) -> None:
    client.command("RSET")
    options = " ".join([*([f"SIZE={case.size}"] if case.size else []), *(["SMTPUTF8"] if case.utf8 else [])])
    [reply] = client.mail(case.sender, [case.recipient], options)
    told = (reply.code, reply.status)
    if len(case.sender) > MAX_COMMAND_OCTETS - 50 or len(case.recipient) > MAX_COMMAND_OCTETS - 50:
        assert told == (500, "5.5.2")
    elif told != expected(case):
        assert told in {(553, "5.1.3"), (553, "5.1.7"), (501, "5.5.4"), (553, "5.6.7")}
        assert any(mark in case.id for mark in (*NOT_A_PATH, NOT_UTF8, *NO_SENDER)), told


@pytest.mark.parametrize("case", HEADER_CASES, ids=lambda case: case.id)
def test_header_stage(case: HeaderCase, url: str) -> None:
    gate = gate_for(url, case, at_headers=True)
    asker = Asker(case.sender, case.size, "", "")
    headers = Headers()
    for name, value in case.headers:
        headers.add(name, value)
    told_at_rcpt = [(recipient, *gate.rcpt(asker, recipient)) for recipient in case.recipients]
    refused = {name: f"{told.code} {told.status}" for name, told, _ in told_at_rcpt if told.code != 250}
    accepted = [Recipient(name, found) for name, told, found in told_at_rcpt if told.code == 250]
    assert {name: why for name, why in case.refused.items() if why} == {
        name: why for name, why in refused.items() if name in case.refused
    }
    told = gate.data(asker, accepted, headers)
    failed = [recipient.address for recipient, verdict in zip(accepted, told, strict=True) if verdict.code != 250]
    if case.answer:
        assert len(failed) == len(accepted)
        # where there is one answer for all recipients, a ban found in the headers is told as 5.7.2; here as what it is
        answer = "550 5.7.1" if case.id.startswith("banned ") else case.answer
        assert answer in {f"{verdict.code} {verdict.status}" for verdict in told}
    else:
        assert tuple(failed) == case.failed
    gate.close()
