"""The service between callbacks and judge: several recipients, the header stage, trouble, softening, reloads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from cases import HEADER_CASES, HeaderCase
from gatepost_lists import DirectoryTrouble, Headers, open_directory
from gatepost_milter import MilterService, Options, Outcome, Reply, Transaction
from gatepost_milter.transaction import TROUBLE
from gatepost_service.log import flush
from gatepost_service.metrics import Tally

MakeService = Callable[..., MilterService]
MakeOptions = Callable[..., Options]
CONTINUE = Reply(Outcome.CONTINUE)
PUT_OFF = "452 4.5.3"
ANNE, STRANGER = "anne@people.example", "stranger@people.example"
CLOSED, OWNER, ELSEWHERE = "<closed@lists.example>", "<closed-owner@lists.example>", "<joe@elsewhere.example>"
# Tess is a member of the one list and not of CLOSED.
TESS, TEAM_OWNER, OPEN = "tess@people.example", "<team-owner@lists.example>", "<open@lists.example>"
PROBE = "double-bounce@mx.example"


def with_headers(sender: str, *pairs: tuple[str, str], size: int = 0) -> Transaction:
    headers = Headers()
    for name, value in pairs:
        headers.add(name, value)
    return Transaction(sender, size, headers=headers)


def status(reply: Reply) -> str:
    return f"{reply.code} {reply.status}".strip()


class Broken:
    """A directory that raises what it was made with."""

    refuse_oversize = True
    blocking = False

    def __init__(self, error: Exception) -> None:
        self.error = error

    def snapshot(self) -> NoReturn:
        raise self.error

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("case", HEADER_CASES, ids=lambda case: case.id)
def test_header_case(case: HeaderCase, make_service: MakeService) -> None:
    service = make_service(at_headers=True, remove_failed=True, rules=case.site_rules)
    transaction = with_headers(case.sender, *case.headers, size=case.size)
    at_rcpt = {name: status(service.rcpt(transaction, f"<{name}>", "")) for name in case.recipients}
    assert at_rcpt == {
        name: case.refused.get(name, PUT_OFF if name in case.put_off else "") for name in case.recipients
    }
    assert status(service.end_of_headers(transaction, "")) == case.answer
    removed = () if case.answer else tuple(f"<{name}>" for name in case.failed if name not in case.put_off)
    assert service.changes(transaction).remove == removed


@pytest.mark.parametrize("remove", [False, True], ids=["keep", "remove"])
def test_failed_recipients_are_kept_or_removed_and_told(
    remove: bool, make_service: MakeService, capfd: pytest.CaptureFixture[str]
) -> None:
    service = make_service(at_headers=True, remove_failed=remove)
    transaction = with_headers(TESS, ("From", TESS))
    for name in (CLOSED, TEAM_OWNER, ELSEWHERE):
        assert service.rcpt(transaction, name, "") == CONTINUE
    assert service.end_of_headers(transaction, "4XyZ") == CONTINUE
    assert service.changes(transaction).remove == ((CLOSED,) if remove else ())
    flush()
    line = next(line for line in capfd.readouterr().err.splitlines() if "failed recipients" in line)
    assert ("removed" if remove else "kept") in line
    assert "closed@lists.example" in line
    assert "4XyZ" in line


@pytest.mark.parametrize(
    ("recipients", "author", "failed"),
    [((OPEN, ELSEWHERE), "banned@people.example", OPEN), ((CLOSED, TEAM_OWNER), TESS, CLOSED)],
)
def test_where_nobody_knows_the_sender_failed_recipients_are_removed_in_any_case(
    recipients: tuple[str, ...], author: str, failed: str, make_service: MakeService
) -> None:
    service = make_service(at_headers=True, remove_failed=False)
    transaction = with_headers(STRANGER, ("From", author))
    assert [service.rcpt(transaction, name, "") for name in recipients] == [CONTINUE, CONTINUE]
    assert service.end_of_headers(transaction, "") == CONTINUE
    assert service.changes(transaction).remove == (failed,)


@pytest.mark.parametrize(
    ("sender", "recipients", "told"),
    [
        (STRANGER, (OWNER, CLOSED), ["", "550 5.7.2"]),
        (STRANGER, (CLOSED, OWNER), ["", PUT_OFF]),
        (STRANGER, (ELSEWHERE, CLOSED, OWNER), ["", "550 5.7.2", ""]),
        ("", (OWNER, CLOSED), ["", PUT_OFF]),
        (TESS, (TEAM_OWNER, OWNER, CLOSED), ["", "", ""]),
        (STRANGER, (CLOSED, CLOSED), ["", ""]),
    ],
)
def test_who_would_have_to_wait_beside_others_may_be_refused_at_once(
    sender: str, recipients: tuple[str, ...], told: list[str], make_service: MakeService
) -> None:
    service = make_service(at_headers=True, refuse_mixed=True)
    transaction = with_headers(sender, ("From", STRANGER))
    assert [status(service.rcpt(transaction, name, "")) for name in recipients] == told


def test_who_is_put_off_is_told_in_the_log(make_service: MakeService, capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(at_headers=True)
    transaction = with_headers(STRANGER)
    replies = [service.rcpt(transaction, name, "4XyZ") for name in (OWNER, CLOSED)]
    assert replies == [CONTINUE, Reply(Outcome.TEMPFAIL, "452", "4.5.3", "send to this recipient separately")]
    flush()
    line = next(line for line in capfd.readouterr().err.splitlines() if "mixed recipients" in line)
    assert 'what="put off"' in line
    assert "closed@lists.example" in line
    assert "4XyZ" in line


def test_a_client_that_has_logged_in_may_mix_and_its_user_hears_of_what_fails(make_service: MakeService) -> None:
    service = make_service(at_headers=True)
    transaction = with_headers(STRANGER, ("From", STRANGER))
    transaction.auth = "bo"
    assert [service.rcpt(transaction, name, "") for name in (OWNER, CLOSED)] == [CONTINUE, CONTINUE]
    assert service.end_of_headers(transaction, "") == CONTINUE
    assert service.changes(transaction).remove == ()


def test_data_is_refused_if_one_fails_of_those_that_have_waited(make_service: MakeService) -> None:
    service = make_service()
    for sender, recipients in (("", (CLOSED,)), (PROBE, (OPEN, CLOSED))):
        transaction = Transaction(sender)
        assert [service.rcpt(transaction, name, "") for name in recipients] == [CONTINUE] * len(recipients)
        assert status(service.data(transaction, "")) == "550 5.7.2"
    transaction = Transaction(PROBE)
    assert [status(service.rcpt(transaction, name, "")) for name in (OWNER, CLOSED, OPEN)] == ["", PUT_OFF, PUT_OFF]
    assert service.data(transaction, "") == CONTINUE


def test_data_asks_nothing_where_no_recipient_was_a_probe_s(make_service: MakeService, tally: Tally) -> None:
    service = make_service()
    transaction = Transaction(ANNE)
    service.rcpt(transaction, CLOSED, "")
    assert service.data(transaction, "") == CONTINUE
    assert sum(sum(cell.buckets) for cell in tally.cells()) == 1


@pytest.mark.parametrize("at_headers", [False, True], ids=["envelope", "headers"])
@pytest.mark.parametrize("error", [DirectoryTrouble("gone"), RuntimeError("a fault"), OSError(28, "No space")], ids=str)
def test_trouble_is_temporary_at_every_stage(
    error: Exception, at_headers: bool, make_service: MakeService, options: MakeOptions
) -> None:
    service = make_service(at_headers=at_headers)
    transaction = with_headers("", ("From", ANNE)) if at_headers else Transaction("")
    assert service.rcpt(transaction, CLOSED, "") == CONTINUE
    service.reload(options(open_directory=lambda: Broken(error), at_headers=at_headers))
    assert service.rcpt(transaction, CLOSED, "") == TROUBLE
    answer = service.end_of_headers if at_headers else service.data
    assert answer(transaction, "") == TROUBLE


@pytest.mark.parametrize("at_headers", [False, True], ids=["envelope", "headers"])
def test_trouble_lets_pass_where_that_is_wanted(at_headers: bool, make_service: MakeService) -> None:
    service = make_service(
        open_directory=lambda: Broken(DirectoryTrouble("gone")), accept_trouble=True, at_headers=at_headers
    )
    transaction = with_headers(STRANGER, ("From", STRANGER)) if at_headers else Transaction(STRANGER)
    assert service.rcpt(transaction, CLOSED, "") == CONTINUE
    assert service.data(transaction, "") == CONTINUE
    assert service.end_of_headers(transaction, "") == CONTINUE


def test_trouble_at_the_headers_takes_no_accepted_recipient_s_mail(
    make_service: MakeService, options: MakeOptions
) -> None:
    service = make_service(at_headers=True)
    transaction = with_headers(ANNE, ("From", ANNE))
    assert service.rcpt(transaction, OWNER, "") == CONTINUE
    service.reload(options(open_directory=lambda: Broken(DirectoryTrouble("gone")), at_headers=True))
    assert service.end_of_headers(transaction, "") == CONTINUE


@pytest.mark.parametrize("sender", ["", STRANGER, "banned@people.example"])
@pytest.mark.parametrize("at_headers", [False, True], ids=["envelope", "headers"])
def test_observe_refuses_nothing_and_counts_all(
    sender: str, at_headers: bool, make_service: MakeService, tally: Tally
) -> None:
    service = make_service(observe=True, at_headers=at_headers, remove_failed=True)
    loop = ("X-BeenThere", "closed@lists.example")
    transaction = with_headers(sender, ("From", STRANGER), loop) if at_headers else Transaction(sender)
    for recipient in (CLOSED, "<nobody@lists.example>", OWNER):
        assert service.rcpt(transaction, recipient, "") == CONTINUE
    answer = service.end_of_headers if at_headers else service.data
    assert answer(transaction, "") == CONTINUE
    assert not service.changes(transaction).remove
    refused = {cell.test for cell in tally.cells() if cell.verdict == "reject"}
    assert "list-known" in refused
    assert len(refused) > 1


def test_a_message_id_is_added_where_it_is_missing_and_wanted(make_service: MakeService) -> None:
    service = make_service(at_headers=True, add_message_id=True, hostname="mx.example.com")
    first, second = (service.changes(with_headers(ANNE)).message_id for _ in range(2))
    assert first != second
    assert first.startswith("<")
    assert first.endswith("gatepost@mx.example.com>")
    assert not service.changes(with_headers(ANNE, ("Message-ID", "<1@x.example>"))).message_id
    assert not service.changes(Transaction(ANNE)).message_id
    assert not make_service(at_headers=True).changes(with_headers(ANNE)).message_id


def test_a_line_has_client_login_and_id(make_service: MakeService, capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(log_verdicts=True)
    service.rcpt(Transaction(STRANGER, client="192.0.2.1", auth="bo"), CLOSED, "4XyZ")
    flush()
    line = capfd.readouterr().err
    for word in (
        "door=milter",
        "client=bo@192.0.2.1",
        f"sender={STRANGER}",
        "recipient=closed@lists.example",
        "id=4XyZ",
    ):
        assert f" {word}" in line


def test_a_reload_counts_for_the_next_question(make_service: MakeService, options: MakeOptions) -> None:
    service = make_service()
    assert status(service.rcpt(Transaction(STRANGER), CLOSED, "")) == "550 5.7.2"
    service.reload(options(observe=True, at_headers=True, log_verdicts=False))
    assert service.at_headers
    assert service.rcpt(Transaction(STRANGER), CLOSED, "") == CONTINUE


class OneAtATime:
    """A directory that no two threads may ask at once."""

    refuse_oversize = True
    blocking = False

    def __init__(self, url: str) -> None:
        self._inner = open_directory(url)
        self._asked = threading.Lock()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        assert self._asked.acquire(blocking=False)
        with self._inner.snapshot():
            yield
        self._asked.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_many_threads_get_the_answers_of_one(url: str, make_service: MakeService, tally: Tally) -> None:
    service = make_service(open_directory=lambda: OneAtATime(url))
    answers: list[str] = []

    def ask() -> None:
        answers.extend(status(service.rcpt(Transaction(STRANGER), CLOSED, "")) for _ in range(200))

    crowd = [threading.Thread(target=ask) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert answers == ["550 5.7.2"] * 1600
    assert [sum(cell.buckets) for cell in tally.cells()] == [1600]
