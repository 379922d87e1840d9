"""The table of cases through the milter's service, at the envelope stage and at the header stage, without libmilter."""

from collections.abc import Callable

import pytest

from cases import CASES, Case
from gatepost_lists import MAY_NOT_POST, Answer, Headers, Stage
from gatepost_milter import MilterService, Outcome, Reply, Transaction
from gatepost_milter.transaction import without_brackets

MakeService = Callable[..., MilterService]
CONTINUE = Reply(Outcome.CONTINUE)


def replies(service: MilterService, case: Case) -> tuple[Reply, Reply]:
    """What RCPT is told, and then the data: DATA, or at the header stage the end of headers that tell nothing."""
    headers = Headers() if service.at_headers else None
    transaction = Transaction(without_brackets(f"<{case.sender}>"), case.size, headers=headers)
    at_rcpt = service.rcpt(transaction, f"<{case.recipient}>", "")
    if case.stage is Stage.RCPT or at_rcpt != CONTINUE:
        return at_rcpt, CONTINUE
    answer = service.end_of_headers if service.at_headers else service.data
    return at_rcpt, answer(transaction, "")


def expected(case: Case) -> tuple[Outcome, str, str]:
    if case.answer is Answer.REJECT:
        return Outcome.REJECT, str(case.code), case.status
    return Outcome.CONTINUE, "", ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, make_service: MakeService) -> None:
    at_rcpt, at_data = replies(make_service(rules=case.site_rules), case)
    assert (at_data if at_rcpt == CONTINUE else at_rcpt)[:3] == expected(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_at_the_header_stage(case: Case, make_service: MakeService) -> None:
    at_rcpt, at_data = replies(make_service(rules=case.site_rules, at_headers=True), case)
    if case.status == MAY_NOT_POST:
        assert at_rcpt == CONTINUE
        assert at_data[:3] == (expected(case) if case.stage is Stage.DATA else CONTINUE[:3])
    else:
        assert (at_data if at_rcpt == CONTINUE else at_rcpt)[:3] == expected(case)
