"""The policy service without sockets: what one odd question does to those that came with it."""

from pathlib import Path
from time import perf_counter

import pytest

from gatepost_lists import Address, Directory, Judging, Place, Rules
from gatepost_lists.store.errors import BadUrlError
from gatepost_lists.toml_directory import TomlDirectory
from gatepost_policy import Options, PolicyService, RequestReader
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from wire.policy_dialogues import DIRECTORY, DUNNO, NOT_YOU, request


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
    return service.answer(requests, perf_counter())


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
