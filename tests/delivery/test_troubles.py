"""Trouble that several runners have is told once, and once that it is over."""

from __future__ import annotations

import pytest

from gatepost_delivery.troubles import Troubles
from gatepost_lists import DirectoryTrouble
from gatepost_queue import QueueTrouble

LISTS = DirectoryTrouble("the lists are away")
QUEUE = QueueTrouble("no queue", "make it with: gatepost init")


def told(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The lines, from their event on."""
    lines = capfd.readouterr().err.splitlines()
    return [line.partition("event=")[2] for line in lines if "event=" in line]


def test_once_for_all_runners(capfd: pytest.CaptureFixture[str]) -> None:
    troubles = Troubles()
    for runner in ("in-1", "in-2", "out-1", "in-1"):
        troubles.begins(runner, QUEUE)
    assert told(capfd) == [
        '"cannot go on" part=delivery runner=in-1 why="QueueTrouble: no queue" hint="make it with: gatepost init"'
    ]
    for runner in ("in-2", "in-1", "out-2"):
        troubles.ends(runner)
    assert told(capfd) == []
    troubles.ends("out-1")
    troubles.ends("out-1")
    assert told(capfd) == ['"goes on" part=delivery']
    troubles.begins("in-2", QUEUE)
    assert len(told(capfd)) == 1


def test_each_kind_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    troubles = Troubles()
    troubles.begins("in-1", QUEUE)
    troubles.begins("in-2", LISTS)
    troubles.begins("in-1", LISTS)
    assert [line.partition(" why=")[2] for line in told(capfd)] == [
        '"QueueTrouble: no queue" hint="make it with: gatepost init"',
        '"DirectoryTrouble: the lists are away"',
    ]


def test_a_fault_of_ours_comes_with_its_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        [].pop()
    except IndexError as error:
        Troubles().begins("in-1", error)
    assert "Traceback" in capfd.readouterr().err
