"""The table of cases through the receiver: by its gate, and raw over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cases import CASES, HEADER_CASES, Case, HeaderCase, build_store
from gatepost_lists import Answer, Headers, Judging, Ruling, Stage, open_directory
from gatepost_lmtp import Options
from gatepost_lmtp.gate import Asker, Gate, Recipient
from gatepost_queue import open_queue
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client
from labs.waited import at_once

# Where the receiver answers otherwise than policy and milter: it reads paths strictly (docs/lmtp.md, Addresses).
# Postfix and Exim read such addresses as the judge does, and hand them on as RFC 5321 writes them, or not at all.
NO_PATH, NO_SENDER, NO_COMMAND, TOO_LONG = (553, "5.1.3"), (553, "5.1.7"), (501, "5.5.4"), (500, "5.5.2")
_RECIPIENTS = {
    "two trailing dots": NO_PATH,
    "a part of it quoted": NO_PATH,
    "brackets": NO_COMMAND,
    "brackets with space": NO_COMMAND,
    "two pairs of brackets": NO_COMMAND,
    "space around": NO_PATH,
    "space around the at sign": NO_PATH,
    "comment behind the local part": NO_PATH,
    "comment before the local part": NO_PATH,
    "comment behind the domain": NO_PATH,
    "comment with an address in it": NO_PATH,
    "nested comment": NO_PATH,
}
_SENDERS = {"brackets": NO_COMMAND, "space around": NO_SENDER, "comment": NO_SENDER}
STRICT = {
    **{f"{test}: recipient, {name}": told for test in ("closed-list", "member") for name, told in _RECIPIENTS.items()},
    **{
        f"{test}: sender, {name}": told
        for test in ("member", "banned", "reject-these-nonmembers")
        for name, told in _SENDERS.items()
    },
    # the null sender is <>, and nothing else
    "probe: brackets alone": NO_COMMAND,
    "probe: space alone": NO_SENDER,
    "unreadable: brackets alone": NO_COMMAND,
    # a source route without an address, and a space outside quotes
    "closed-list: a source route without an end": NO_SENDER,
    "closed-list: a member's address with a space": NO_SENDER,
    # Exim and Postfix hand on control characters in quotes, and octets that are no UTF-8 (smtputf8_enable = no)
    "list-known: a control character": NO_PATH,
    "list-known: octets that are no UTF-8": NO_PATH,
    "list-known: octets that are no UTF-8, alone": NO_PATH,
    "not-ours: octets that are no UTF-8 in the domain": NO_PATH,
    "closed-list: octets that are no UTF-8": NO_SENDER,
    "banned: octets that are no UTF-8, pattern": NO_SENDER,
    "reject-these-nonmembers: octets that are no UTF-8, regex": NO_SENDER,
    "accept-these-nonmembers: octets that are no UTF-8, regex": NO_SENDER,
    # commands over MAX_COMMAND_OCTETS
    "list-known: 5,000 characters": TOO_LONG,
    "closed-list: an extension of 5,000 characters": TOO_LONG,
    "not-ours: a domain of 5,000 characters": TOO_LONG,
    "not-ours: a domain of 5,000 characters beyond ASCII": TOO_LONG,
    "closed-list: 5,000 source routes": TOO_LONG,
    "closed-list: 5,000 characters": TOO_LONG,
    "banned: 5,000 characters, pattern": TOO_LONG,
    "accept-these-nonmembers: 5,000 characters, regex": TOO_LONG,
    "closed-list: wrapped 3,000 times": TOO_LONG,
}


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
        judging=Judging(lambda: open_directory(url), case.site_rules, log_verdicts=False),
        open_queue=lambda: open_queue("sqlite:///never-opened"),
        hostname="mx.example",
        owner="postmaster@mx.example",
        at_headers=at_headers,
    )
    return Gate(options, VerdictLog(), Tally())


def rcpt(gate: Gate, asker: Asker, recipient: str) -> Ruling:
    ruling: Ruling = at_once(partial(gate.rcpt, asker, recipient))
    return ruling


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_by_the_gate(case: Case, url: str) -> None:
    gate = gate_for(url, case)
    asker = Asker(case.sender, case.size, "", "")
    told, found = rcpt(gate, asker, case.recipient)
    if case.stage is Stage.RCPT:
        assert case.agrees(found)
    else:
        recipients = [Recipient(case.recipient, found)]
        [told] = at_once(partial(gate.data, asker, recipients, Headers()))
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
    assert (reply.code, reply.status) == STRICT.get(case.id, expected(case))


def test_what_the_receiver_reads_strictly_is_in_the_table() -> None:
    differing = {case.id for case in RAW if STRICT.get(case.id, expected(case)) != expected(case)}
    assert differing == set(STRICT)


@pytest.mark.parametrize("case", HEADER_CASES, ids=lambda case: case.id)
def test_header_stage(case: HeaderCase, url: str) -> None:
    gate = gate_for(url, case, at_headers=True)
    asker = Asker(case.sender, case.size, "", "")
    headers = Headers()
    for name, value in case.headers:
        headers.add(name, value)
    told_at_rcpt = [(recipient, *rcpt(gate, asker, recipient)) for recipient in case.recipients]
    refused = {name: f"{told.code} {told.status}" for name, told, _ in told_at_rcpt if told.code != 250}
    accepted = [Recipient(name, found) for name, told, found in told_at_rcpt if told.code == 250]
    assert {name: why for name, why in case.refused.items() if why} == {
        name: why for name, why in refused.items() if name in case.refused
    }
    told = at_once(partial(gate.data, asker, accepted, headers))
    failed = [recipient.address for recipient, verdict in zip(accepted, told, strict=True) if verdict.code != 250]
    if case.answer and not case.failed:
        assert len(failed) == len(accepted)
        answers = {f"{verdict.code} {verdict.status}" for verdict in told}
        # a door that has one answer for all recipients tells the one that they have in common, or this
        assert case.answer == (answers.pop() if len(answers) == 1 else "550 5.7.2")
    else:
        assert tuple(failed) == case.failed  # there is an answer for each: nobody is put off
    gate.close()
