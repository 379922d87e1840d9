"""The table of cases through the policy door in octets: the reader, the service and the replies, without a socket."""

from collections.abc import Iterator
from functools import partial
from time import perf_counter

import pytest

from cases import CASES, Case, build_store
from gatepost_lists import Answer, Judging, Stage, open_directory
from gatepost_policy import Options, PolicyService, RequestReader
from gatepost_policy.request import MAX_REQUEST_OCTETS
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.waited import at_once


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield build_store(tmp_path_factory.mktemp("table") / "gatepost.db")


def policy_request(case: Case) -> bytes:
    state = "RCPT" if case.stage is Stage.RCPT else "DATA"
    lines = [
        "request=smtpd_access_policy",
        f"protocol_state={state}",
        f"sender={case.sender}",
        f"recipient={case.recipient}",
        f"size={case.size}",
    ]
    return "\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def expected_reply(case: Case) -> bytes:
    if case.answer is Answer.REJECT:
        return f"action={case.code} {case.status} ".encode()
    return b"action=DUNNO\n\n"


# What is longer than a request may be is refused before it is judged.
ASKED = [case for case in CASES if case.recipient and len(case.sender + case.recipient) < MAX_REQUEST_OCTETS - 200]


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.id)
def test_case(case: Case, url: str) -> None:
    options = Options(Judging(lambda: open_directory(url), case.site_rules, log_verdicts=False))
    service = PolicyService(options, VerdictLog(), Tally())
    requests, error = RequestReader().feed(policy_request(case))
    assert error is None
    [reply] = at_once(partial(service.answer, requests, perf_counter()))
    service.close()
    assert reply.startswith(expected_reply(case))
