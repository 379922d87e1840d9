"""The live tables without sockets: snapshots, faults, and what softens what."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from gatepost_lists import Address, Directory, DirectoryTrouble, Judging, Place, Rules
from gatepost_lists.directory import RecordTrouble
from gatepost_lists.errors import BadUrlError
from gatepost_lists.toml_directory import TomlDirectory
from gatepost_policy.socketmap import Options, Site, SocketmapService
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from labs.running import netstring
from labs.waited import at_once
from wire.socketmap_dialogues import CLOSED, DIRECTORY, LMTP, NO_LIST, NO_TABLE, NOT_FOUND, NOT_YOU

TEMP = "TEMP 451 4.3.0 cannot tell now, try again later"
KNOWN, STRANGER = "relay_recipients closed@lists.example", "verdict cris@example.org | closed@lists.example"
Trouble = Callable[[Address], None]


class Watched(TomlDirectory):
    """A directory that counts its snapshots, and has faults where it is told to."""

    snapshots = 0
    trouble: Trouble = staticmethod(lambda recipient: None)

    def __enter__(self) -> TomlDirectory:
        self.snapshots += 1
        return super().__enter__()

    def find(self, recipient: Address) -> Place:
        self.trouble(recipient)
        return super().find(recipient)


@pytest.fixture
def directory(tmp_path: Path) -> Watched:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    return Watched(tmp_path / "lists.toml")


@pytest.fixture
def options(directory: Watched) -> Options:
    return Options(Judging(lambda: directory, Rules(), log_verdicts=False), Site("lmtp:[127.0.0.1]:8024", "", ""))


def ask(options: Options, *requests: str, tally: Tally | None = None) -> list[bytes]:
    service = SocketmapService(options, VerdictLog(), tally or Tally())
    return answers(service, *requests)


def answers(service: SocketmapService, *requests: str) -> list[bytes]:
    octets = [request.encode() for request in requests]
    return at_once(lambda then: service.answer(octets, perf_counter(), then))


def told(*answers: str) -> list[bytes]:
    return [netstring(answer) for answer in answers]


def test_what_came_together_is_answered_from_one_snapshot(options: Options, directory: Watched) -> None:
    asked = (KNOWN, STRANGER, "transport closed@lists.example", "x y", "transport ")
    assert ask(options, *asked) == told(CLOSED, NOT_YOU, LMTP, NO_TABLE, NOT_FOUND)
    assert directory.snapshots == 1


def raise_at(local: str, error: Exception) -> Trouble:
    def trouble(recipient: Address) -> None:
        if recipient.local == local:
            raise error

    return trouble


@pytest.mark.parametrize("error", [RecordTrouble("one record"), ZeroDivisionError()])
def test_a_fault_at_one_key_leaves_the_others_alone(options: Options, directory: Watched, error: Exception) -> None:
    directory.trouble = raise_at("odd", error)
    asked = (KNOWN, "relay_recipients odd@lists.example", "verdict a@b.example | odd@lists.example", STRANGER)
    assert ask(options, *asked) == told(CLOSED, TEMP, TEMP, NOT_YOU)


def test_a_directory_that_is_lost_is_trouble_for_all_that_need_it(options: Options, directory: Watched) -> None:
    directory.trouble = raise_at("lost", DirectoryTrouble("gone"))
    asked = (KNOWN, STRANGER, "transport lost@lists.example", "relay_domains lists.example", "x y", "transport ")
    assert ask(options, *asked) == told(TEMP, TEMP, TEMP, TEMP, NO_TABLE, NOT_FOUND)


@pytest.mark.parametrize("accept_trouble", [False, True])
def test_trouble_is_temp_whatever_on_trouble_says(tmp_path: Path, options: Options, accept_trouble: bool) -> None:
    (tmp_path / "lists.toml").unlink()
    judging = replace(options.judging, accept_trouble=accept_trouble, observe=accept_trouble)
    assert ask(replace(options, judging=judging), KNOWN, STRANGER) == told(TEMP, TEMP)


def test_observing_lets_senders_pass_and_nothing_else(options: Options) -> None:
    observing = replace(options, judging=replace(options.judging, observe=True))
    asked = (STRANGER, "verdict cris@example.org | nobody@lists.example", "relay_recipients nobody@lists.example")
    assert ask(observing, *asked) == told(NOT_FOUND, NO_LIST, NOT_FOUND)


def test_only_verdicts_are_counted(options: Options) -> None:
    tally = Tally()
    ask(options, KNOWN, STRANGER, STRANGER, "transport closed@lists.example", tally=tally)
    assert [(cell.door, cell.test, cell.verdict, sum(cell.buckets)) for cell in tally.cells()] == [
        ("socketmap", "closed-list", "reject", 2)
    ]


@pytest.mark.parametrize(
    ("owner", "answer"),
    [
        ("owner@site.example", "OK owner@site.example"),
        ("postmaster@lists.example", NOT_FOUND),
        ("postmaster@real.example", NOT_FOUND),
        ("closed-owner@lists.example", "OK closed-owner@lists.example"),
        ("postmaster@shared.example", "OK postmaster@shared.example"),
    ],
)
def test_a_postmaster_is_led_to_the_owner_and_never_round_and_round(options: Options, owner: str, answer: str) -> None:
    mine = replace(options, site=replace(options.site, owner=owner))
    assert ask(mine, "virtual_alias postmaster@lists.example") == told(answer)


def test_shared_domains_of_the_settings_count(options: Options) -> None:
    judging = replace(options.judging, rules=Rules(shared_domains=frozenset({"lists.example"})))
    asked = ("relay_domains lists.example", "virtual_alias postmaster@lists.example", KNOWN)
    assert ask(replace(options, judging=judging), *asked) == told(NOT_FOUND, NOT_FOUND, CLOSED)


def test_a_reload_that_fails_leaves_all_as_it_was(options: Options) -> None:
    def no_directory() -> Directory:
        raise BadUrlError("no engine")

    service = SocketmapService(options, VerdictLog(), Tally())
    with pytest.raises(BadUrlError):
        service.reload(replace(options, judging=Judging(no_directory, Rules(), observe=True)))
    assert answers(service, STRANGER) == told(NOT_YOU)
