"""`gatepost queue`, called as click calls it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gatepost_queue import EntryInUse, NoSuchEntry, Queue, QueueTrouble
from gatepost_queue.commands.queue import queue as command
from labs.queue import ANN, BOB, POST, Clock, ids, only, outcome, post, take
from labs.queue.commands import Run, runner_of
from labs.queue.stored import Stored


@pytest.fixture
def run(stored: Stored) -> Run:
    """Run a command on the queue in `stored`; it raises what a command raises."""
    return runner_of(command, stored.url)


@pytest.fixture
def numbers(queue: Queue) -> list[int]:
    """The ids of three entries; the last is shunted."""
    shunted = replace(BOB, queue="command", subaddress="request")
    found = [number for number in outcome(queue.put(post(), [ANN, BOB, shunted])) if number]
    outcome(queue.give_up(only(take(queue, "command")), 'Traceback:\n  File "x"\nValueError: \x1b[2Jbad\t\n'))
    return found


def test_ls(run: Run, numbers: list[int]) -> None:
    rows = [line.split("\t") for line in run("ls").stdout.splitlines()]
    when = "2027-01-15T08:00:00Z"
    bounces, posting, shunted = numbers[1], numbers[0], numbers[2]
    assert rows == [
        [str(bounces), "bounces", BOB.listid, "bounces", "bo@x", when, "0", when, ""],
        [str(posting), "in", ANN.listid, "", "bo@x", when, "0", when, ""],
        [str(shunted), "shunt", BOB.listid, "request", "bo@x", when, "1", when, r"ValueError: \x1b[2Jbad"],
    ]


def test_ls_in_part(run: Run, numbers: list[int]) -> None:
    assert [row["id"] for row in json.loads(run("ls", "--queue", "shunt", "--json").stdout)] == numbers[2:]
    found = json.loads(run("ls", "--list", "Bob.Lists.Example", "--json").stdout)
    assert [row["id"] for row in found] == numbers[1:]
    assert json.loads(run("ls", "--queue", "out", "--json").stdout) == []
    assert run("ls", "--queue", "inn").exit_code == 2


def test_ls_json(run: Run, numbers: list[int]) -> None:
    row: dict[str, Any] = json.loads(run("ls", "--queue", "in", "--json").stdout)[0]
    assert row == {
        "id": numbers[0],
        "queue": "in",
        "list": "ann.lists.example",
        "subaddress": "",
        "sender": "bo@x",
        "recipients": ["ann@lists.example"],
        "size": len(POST),
        "received": "2027-01-15T08:00:00Z",
        "attempts": 0,
        "failures": 0,
        "next_attempt": "2027-01-15T08:00:00Z",
        "last_error": "",
        "runner": "",
        "leased_until": None,
        "origin": "",
        "trace": "T1",
        "metadata": dict(ANN.metadata),
    }
    assert json.loads(run("show", numbers[0], "--json").stdout) == row


def test_the_null_sender(run: Run, queue: Queue) -> None:
    (number,) = outcome(queue.put(post(envsender=""), [ANN]))
    assert "\t<>\t" in run("ls").stdout
    assert "sender\t<>\n" in run("show", number).stdout
    assert json.loads(run("show", number, "--json").stdout)["sender"] == ""


def test_show(run: Run, numbers: list[int], queue: Queue, clock: Clock) -> None:
    lines = run("show", numbers[2]).stdout.splitlines()
    assert "metadata\textension = 'bo=example.org'" in lines
    assert "origin\tcommand" in lines
    assert [line for line in lines if line.startswith("last_error")] == [
        "last_error\tTraceback:",
        'last_error\t  File "x"',
        "last_error\tValueError: \\x1b[2Jbad\\t",
    ]
    take(queue)
    assert "runner\tr1" in run("show", numbers[0]).stdout
    assert run("show", numbers[0], "--raw").stdout_bytes == POST
    assert run("show", numbers[0], "--raw", "--json").exit_code == 2


def test_retry(run: Run, numbers: list[int], queue: Queue, stored: Stored, clock: Clock) -> None:
    assert run("retry", numbers[2], numbers[2]).stdout == f"{numbers[2]}: will be tried now\n"
    assert ids(stored.desk(), "command") == numbers[2:]
    clock.now = 2e9
    outcome(queue.give_up(only(take(queue, "command")), "again"))
    assert run("retry", "--all").stdout == f"{numbers[2]}: will be tried now\n"
    assert run("retry", "--all").stdout == ""
    for arguments in ((), (numbers[0], "--all")):
        assert run("retry", *arguments).exit_code == 2


def test_drop(run: Run, numbers: list[int], stored: Stored) -> None:
    assert run("drop", *numbers[:2]).stdout == f"{numbers[0]}: dropped\n{numbers[1]}: dropped\n"
    assert ids(stored.desk()) == numbers[2:]
    assert run("drop").exit_code == 2


@pytest.mark.parametrize("name", ["retry", "drop"])
def test_all_or_none(run: Run, numbers: list[int], stored: Stored, name: str) -> None:
    with pytest.raises(NoSuchEntry, match="there is no entry 99"):
        run(name, numbers[2], 99)
    assert sorted(ids(stored.desk())) == numbers
    assert ids(stored.desk(), "shunt") == numbers[2:]


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63)])
def test_what_is_no_id(run: Run, number: str) -> None:
    for name in ("show", "retry", "drop"):
        assert run(name, "--", number).exit_code == 2


def test_an_entry_that_is_not_there(run: Run) -> None:
    with pytest.raises(NoSuchEntry, match="there is no entry 7"):
        run("show", 7)


@pytest.mark.parametrize("name", ["retry", "drop"])
def test_an_entry_that_a_runner_has(run: Run, queue: Queue, clock: Clock, name: str) -> None:
    clock.now = 4e9
    (number,) = outcome(queue.put(post(), [ANN]))
    claimed = only(take(queue))
    with pytest.raises(EntryInUse, match=f"r1 is at work on entry {number}"):
        run(name, number)
    outcome(queue.done(claimed))


def test_no_queue(run: Run, stored: Stored) -> None:
    stored.take_away()
    for arguments in (("ls",), ("show", 1), ("retry", 1), ("drop", 1)):
        with pytest.raises(QueueTrouble, match="No such file"):
            run(*arguments)
