"""The policy service without sockets: what one odd question does to those that came with it."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from gatepost_lists import Address, Directory, Judging, Place, Rules
from gatepost_lists.errors import BadUrlError
from gatepost_lists.toml_directory import TomlDirectory
from gatepost_policy import Options, PolicyService, RequestReader
from gatepost_policy.probes import MAX_MESSAGES, MAX_RECIPIENTS
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.waited import at_once
from wire.policy_dialogues import DIRECTORY, DUNNO, NOT_YOU, SEPARATELY, request


class Faulty(TomlDirectory):
    """A directory with a fault that shows at one list alone."""

    def find(self, recipient: Address) -> Place:
        if recipient.local == "odd":
            raise ZeroDivisionError
        return super().find(recipient)


def no_directory() -> Directory:
    raise BadUrlError("no engine")


def ask(service: PolicyService, octets: bytes) -> list[bytes]:
    requests, error = RequestReader().feed(octets)
    assert error is None
    return at_once(lambda then: service.answer(requests, perf_counter(), then))


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "lists.toml").write_text(DIRECTORY)
    return Options(Judging(lambda: Faulty(tmp_path / "lists.toml"), Rules(), log_verdicts=False))


def test_a_fault_at_one_question_leaves_the_others_alone(options: Options) -> None:
    service = PolicyService(options, VerdictLog(), Tally())
    stranger = request(sender=b"cris@example.org")
    first, odd, last = ask(service, request() + request(b"odd@lists.example") + stranger)
    assert (first, last) == (DUNNO, NOT_YOU)
    assert odd.startswith(b"action=DEFER_IF_PERMIT 4.3.0 ")
    service.close()


def test_a_reload_that_fails_leaves_all_as_it_was(options: Options) -> None:
    service = PolicyService(options, VerdictLog(), Tally())
    with pytest.raises(BadUrlError):
        service.reload(Options(Judging(no_directory, Rules(), observe=True)))
    assert ask(service, request(sender=b"cris@example.org")) == [NOT_YOU]
    service.close()


def test_what_probes_asked_for_is_not_kept_for_ever(options: Options) -> None:
    """Of messages the latest, and of one as many recipients as a mail server puts on it."""
    service = PolicyService(options, VerdictLog(), Tally())
    for number in range(MAX_MESSAGES + 1):
        ask(service, probe(number) * 2)
    assert ask(service, data(0, 2)) == [DUNNO]
    assert ask(service, data(1, 2)) == [NOT_YOU]
    ask(service, probe(1) * MAX_RECIPIENTS)
    assert ask(service, data(1, MAX_RECIPIENTS)) == [NOT_YOU]
    assert ask(service, data(1, MAX_RECIPIENTS + 2)) == [SEPARATELY]
    service.close()


def probe(number: int) -> bytes:
    return request(sender=b"double-bounce@x.example", more=b"instance=%d\n" % number)


def data(number: int, recipients: int) -> bytes:
    more = b"instance=%d\nrecipient_count=%d\n" % (number, recipients)
    return request(b"", b"double-bounce@x.example", b"DATA", more)


def test_trouble_at_one_of_several_is_temporary(options: Options, tmp_path: Path) -> None:
    service = PolicyService(options, VerdictLog(), Tally())
    ask(service, probe(1) * 2)
    (tmp_path / "lists.toml").unlink()
    [told] = ask(service, data(1, 2))
    assert told.startswith(b"action=DEFER_IF_PERMIT 4.3.0 ")
    service.close()


def test_a_mode_that_observes_lets_several_pass(options: Options) -> None:
    observing = replace(options, judging=replace(options.judging, observe=True))
    service = PolicyService(observing, VerdictLog(), Tally())
    assert ask(service, probe(1) * 2 + data(1, 2)) == [DUNNO] * 3
    service.close()
