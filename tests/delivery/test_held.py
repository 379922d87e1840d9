"""`gatepost held`, called as click calls it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pytest import MonkeyPatch

from gatepost_delivery.commands.held import held as command
from gatepost_queue import Entry, NoSuchEntry, Queue, create, open_desk, open_queue
from labs.queue import ANN, BOB, POST, outcome, post
from labs.queue.commands import Run, runner_of

HELD = Entry(
    queue="held",
    listid=ANN.listid,
    recipients=ANN.recipients,
    metadata={"to_list": True, "request": "post", "reason": "not a member", "held_since": 1_800_000_000.0,
              "subject": "hi \x1b[2J"},
)  # fmt: skip
JOIN = Entry(
    queue="held",
    listid=ANN.listid,
    subaddress="join",
    metadata={
        "request": "join",
        "email": "bo@example.org",
        "reason": "wants to join",
        "held_since": 1_800_000_060.0,
    },
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    create(f"sqlite:///{tmp_path}/queue.db")
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    with closing(open_queue(url)) as opened:
        yield opened


@pytest.fixture
def numbers(queue: Queue) -> list[int]:
    """A held post, a held request, and an entry that is not held."""
    return [number for number in outcome(queue.put(post(), [HELD, JOIN, ANN])) if number]


@pytest.fixture
def run(url: str) -> Run:
    """Run a command on the queue of `url`; it raises what a command raises."""
    return runner_of(command, url)


def waiting(url: str) -> dict[int, str]:
    return {one.id: one.queue for one in open_desk(url).ls()}


def test_ls(run: Run, numbers: list[int]) -> None:
    rows = [line.split("\t") for line in run("ls").stdout.splitlines()]
    assert rows == [
        [str(numbers[0]), ANN.listid, "post", "bo@x", r"hi \x1b[2J", "2027-01-15T08:00:00Z", "not a member"],
        [str(numbers[1]), ANN.listid, "join", "bo@example.org", "", "2027-01-15T08:01:00Z", "wants to join"],
    ]
    assert run("ls", "--list", "other.example").stdout == ""


def test_show(run: Run, numbers: list[int]) -> None:
    found = json.loads(run("show", numbers[0], "--json").stdout)
    assert (found["id"], found["reason"], found["size"]) == (numbers[0], "not a member", len(POST))
    assert run("show", numbers[0], "--raw").stdout_bytes == POST
    assert "not a member" in run("show", numbers[0]).stdout
    assert run("show", numbers[0], "--raw", "--json").exit_code == 2


@pytest.mark.parametrize(
    ("verb", "decision"),
    [
        (("accept",), {"approved": True}),
        (("reject",), {"rejected": ""}),
        (("reject", "--reason", "Too long."), {"rejected": "Too long."}),
    ],
)
def test_a_decision_goes_on_to_delivery(
    run: Run, url: str, numbers: list[int], verb: tuple[str, ...], decision: dict[str, object]
) -> None:
    run(*verb, *numbers[:2])
    assert waiting(url) == {numbers[0]: "in", numbers[1]: "command", numbers[2]: "in"}
    for number, entry in zip(numbers, (HELD, JOIN), strict=False):
        assert open_desk(url).show(number)[0].metadata == {**entry.metadata, **decision}


def test_discard(run: Run, url: str, numbers: list[int]) -> None:
    assert run("discard", *numbers[:2]).stdout == f"{numbers[0]}: discarded\n{numbers[1]}: discarded\n"
    assert waiting(url) == {numbers[2]: "in"}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--older-than", "5d"), "JM"),
        (("--older-than", "90m"), "M"),
        (("--older-than", "3w"), "PJM"),
        (("--list", "ANN.lists.example"), "M"),
        (("--sender", "BO@*"), "M"),
        (("--sender", "*@x"), "J"),
        (("--sender", "bo"), "PJM"),
        (("--sender", "bo@*", "--older-than", "5d", "--list", ANN.listid), "JM"),
        (("--sender", "bo@*", "--older-than", "5d", "--list", BOB.listid), "PJM"),
    ],
)
def test_discard_what_is_so(run: Run, url: str, queue: Queue, options: tuple[str, ...], left: str) -> None:
    """P: a post from bo@x that has waited for ten days; J: a request of bo@example.org's, two hours; M: bob's, now."""
    ages = {"P": 10 * 86_400, "J": 7200, "M": 0}
    entries = {"P": HELD, "J": JOIN, "M": replace(HELD, listid=BOB.listid)}
    numbers: dict[int | None, str] = {}
    for name, entry in entries.items():
        metadata = {**entry.metadata, "held_since": time.time() - ages[name]}
        message = post(envsender="mallory@x" if name == "M" else "bo@x")
        numbers[outcome(queue.put(message, [replace(entry, metadata=metadata)]))[0]] = name
    outcome(queue.put(post(), [ANN]))
    assert run("discard", *options).stdout == f"{3 - len(left)} discarded\n"
    assert "".join(numbers[one.id] for one in open_desk(url).ls("held")) == left
    assert [one.queue for one in open_desk(url).ls()].count("in") == 1


def test_more_than_goes_into_one_transaction(run: Run, url: str, queue: Queue, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost_delivery.commands.held._AT_ONCE", 2)
    outcome(queue.put(post(), [HELD] * 5))
    assert run("discard", "--sender", "*").stdout == "5 discarded\n"
    assert waiting(url) == {}


@pytest.mark.parametrize(
    "wrong", [(), ("1", "--older-than", "1d"), ("--older-than", "yesterday"), ("--older-than", "0d")]
)
def test_what_says_nothing_to_discard(run: Run, numbers: list[int], wrong: tuple[str, ...]) -> None:
    assert run("discard", *wrong).exit_code == 2
    assert run("ls").stdout.count("\n") == 2


@pytest.mark.parametrize("verb", ["accept", "reject", "discard"])
def test_all_or_none(run: Run, url: str, numbers: list[int], verb: str) -> None:
    before = waiting(url)
    with pytest.raises(NoSuchEntry, match=f"entry {numbers[2]} does not wait for a moderator"):
        run(verb, numbers[0], numbers[2])
    with pytest.raises(NoSuchEntry, match="there is no entry 999"):
        run(verb, numbers[0], 999)
    assert waiting(url) == before


def test_what_is_not_held_is_not_shown(run: Run, numbers: list[int]) -> None:
    with pytest.raises(NoSuchEntry, match="does not wait for a moderator"):
        run("show", numbers[2])
