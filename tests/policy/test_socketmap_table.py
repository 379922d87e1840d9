"""The table of cases through `verdict`, and the addresses of the cases through the other tables, without a socket."""

from collections.abc import Iterator
from functools import partial
from time import perf_counter

import pytest

from cases import CASES, Case, build_store
from gatepost_lists import Answer, Judging, Stage, open_directory, parse_address
from gatepost_policy.socketmap import NetstringReader, Options, Site, SocketmapService
from gatepost_policy.socketmap.netstrings import MAX_OCTETS
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.running import netstring
from labs.waited import at_once

SITE = Site("lmtp:[::1]:24", "lmtp:[::1]", "owner@site.example")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield build_store(tmp_path_factory.mktemp("table") / "gatepost.db")


def ask(url: str, case: Case, request: str) -> bytes:
    """The answer to one request, which comes as octets under the rules of the case."""
    judging = Judging(lambda: open_directory(url), case.site_rules, log_verdicts=False)
    service = SocketmapService(Options(judging, SITE), VerdictLog(), Tally())
    requests, error = NetstringReader().feed(netstring(request))
    assert error is None
    [reply] = at_once(partial(service.answer, requests, perf_counter()))
    service.close()
    [answer], _ = NetstringReader().feed(reply)
    return answer


def expected(case: Case) -> bytes:
    if case.answer is not Answer.REJECT:
        return b"NOTFOUND "
    return f"{'OK' if case.test else 'PERM'} {case.code} {case.status} ".encode()


def is_askable(case: Case) -> bool:
    """A size and a stage cannot be told; a bar behind a blank ends the sender; a key is no longer than a netstring."""
    return (
        not case.size
        and case.stage is Stage.RCPT
        and len(case.sender + case.recipient) < MAX_OCTETS // 4
        and " |" not in case.sender + case.recipient
    )


ASKED = [case for case in CASES if is_askable(case)]
# Whatever routes to a list from another domain has been rewritten by the mail server before it looks an address up.
LISTED = [
    case
    for case in ASKED
    if case.mailing_list and "@" in case.recipient and not set("@%!") & set(parse_address(case.recipient).local)
]


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.id)
def test_case(case: Case, url: str) -> None:
    assert ask(url, case, f"verdict {case.sender} | {case.recipient}").startswith(expected(case))


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.id)
def test_case_as_sendmail_asks(case: Case, url: str) -> None:
    assert ask(url, case, f"verdict {case.sender.lower()} |<{case.recipient.lower()}>").startswith(expected(case))


@pytest.mark.parametrize("case", LISTED, ids=lambda case: case.id)
def test_what_the_judge_takes_for_a_list_is_a_recipient(case: Case, url: str) -> None:
    assert ask(url, case, f"relay_recipients {case.recipient}") == f"OK {case.mailing_list}".encode()
    assert ask(url, case, f"transport {case.recipient}") == b"OK lmtp:[::1]:24"


@pytest.mark.parametrize(
    "case", [case for case in ASKED if not case.mailing_list and case.test], ids=lambda case: case.id
)
def test_what_the_judge_takes_for_no_list_is_no_recipient(case: Case, url: str) -> None:
    assert ask(url, case, f"local_recipients {case.recipient}") == b"NOTFOUND "
