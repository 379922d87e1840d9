"""Imports: what they count, what they refuse, that they are one transaction, and that readers go on meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_lists import Directory, open_directory, parse_address
from gatepost_lists.errors import BadValueError, NotFoundError
from gatepost_lists.model import Role
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Imported, Refused
from gatepost_lists.store.member_import import SET_SIZE

ANN = "ann@lists.example"
SOAKING = "GATEPOST_SOAK" in os.environ
# A tenth of what the long version takes.
MANY = 1_000_000 if SOAKING else 100_000


def numbered(count: int) -> Iterator[bytes]:
    """Lines with so many addresses, in an order that is not theirs."""
    return (b"user%d@host%d.example\n" % (number * 7919 % count, number % 977) for number in range(count))


def is_member(directory: Directory, email: str) -> bool:
    with directory.snapshot():
        place = directory.find(parse_address(ANN))
        assert place.mailing_list is not None
        return directory.standing(place.mailing_list, (email,)).member


def test_counts_and_refusals(store: Store) -> None:
    store.add_members(ANN, ["old@example.org"])
    refused: list[Refused] = []
    lines = [
        b"# people\n",
        b"New <new@example.org>\n",
        b"OLD@example.org\n",
        b"new@Example.org\n",
        b"nobody\n",
        b"\xff@b.c\n",
    ]
    assert store.import_members(ANN, lines, on_refused=refused.append) == Imported(1, 2, 0, 2)
    assert [(line.line, line.why) for line in refused] == [(5, "'nobody' has no domain"), (6, "it is no UTF-8")]
    assert [(one.email, one.display_name) for one in store.members(ANN)] == [
        ("new@example.org", "New"),
        ("old@example.org", ""),
    ]


def test_roles_and_moderation_actions(store: Store) -> None:
    people = ["a@example.org", "b@example.org"]
    assert store.import_members(ANN, people, Role.NONMEMBER, "accept") == Imported(2, 0, 0, 0)
    assert store.import_members(ANN, people) == Imported(2, 0, 0, 0)
    assert store.import_members(ANN, people[:1], Role.NONMEMBER, "reject") == Imported(0, 1, 1, 0)
    assert store.import_members(ANN, people, Role.NONMEMBER) == Imported(0, 2, 0, 0)
    assert [one.moderation_action for one in store.members(ANN, Role.NONMEMBER)] == ["reject", "accept"]


def test_nothing_to_import(store: Store) -> None:
    assert store.import_members(ANN, [b"", b"\n", b"# nobody\n"]) == Imported(0, 0, 0, 0)
    with pytest.raises(NotFoundError):
        store.import_members("bob@lists.example", [])
    with pytest.raises(BadValueError):
        store.import_members(ANN, ["a@example.org"], moderation_action="bounce")


def test_linked_addresses_are_imported_under_their_user(store: Store) -> None:
    store.add_members(ANN, ["a@example.org"])
    store.link("a@example.org", "b@example.org")
    store.remove_members(ANN, ["a@example.org"])
    store.import_members(ANN, ["b@example.org"])
    directory = open_directory(f"sqlite:///{store.url.database}")
    assert is_member(directory, "a@example.org")
    directory.close()


def test_a_source_that_fails_leaves_nothing(store: Store) -> None:
    def failing() -> Iterator[bytes]:
        yield from numbered(SET_SIZE + 1)
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"):
        store.import_members(ANN, failing())
    assert list(store.members(ANN)) == []


def test_readers_go_on_meanwhile_and_see_it_at_once_when_it_is_done(store: Store) -> None:
    directory = open_directory(f"sqlite:///{store.url.database}")
    seen: list[bool] = []

    def watched() -> Iterator[bytes]:
        yield b"first@example.org\n"
        yield from numbered(SET_SIZE)
        seen.append(is_member(directory, "first@example.org"))

    assert store.import_members(ANN, watched()).new == SET_SIZE + 1
    assert seen == [False]
    assert is_member(directory, "first@example.org")
    directory.close()


def test_no_lock_is_held_while_a_slow_source_fills_its_first_set(store: Store, path: Path) -> None:
    def slow() -> Iterator[bytes]:
        yield b"a@example.org\n"
        with Store(path) as other:
            other.create_list("bob@lists.example")

    assert store.import_members(ANN, slow()).new == 1


_IMPORTER = """
    import sys
    from gatepost_lists.store.admin import Store

    def lines():
        for number in range(60_000):
            yield b"user%d@example.org\\n" % number
        print("under way", flush=True)
        sys.stdin.read()

    Store(sys.argv[1]).import_members("ann@lists.example", lines())
"""


def test_a_kill_in_the_middle_leaves_the_store_as_it_was(store: Store, path: Path) -> None:
    store.add_members(ANN, ["old@example.org"])
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_IMPORTER), str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"under way\n"
        process.send_signal(signal.SIGKILL)
    assert [one.email for one in store.members(ANN)] == ["old@example.org"]
    with store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("SELECT count(*) FROM address").scalar() == 1
    assert store.import_members(ANN, ["new@example.org"]).new == 1


_WEIGHED = r"""
    import pathlib, re, sys
    from gatepost_lists.store.admin import Store

    with open(sys.argv[2], "rb") as lines:
        print(Store(sys.argv[1]).import_members("ann@lists.example", lines))
    # Not getrusage(2)'s figure, which starts from that of the process that started this one.
    print(re.search(r"VmHWM:\s*(\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_very_many(store: Store, path: Path) -> None:
    lines = path.with_name("lines")
    lines.write_bytes(b"".join(numbered(MANY)))
    outcomes = [import_weighed(path, lines), import_weighed(path, lines)]
    assert [outcome for outcome, _ in outcomes] == [str(Imported(MANY, 0, 0, 0)), str(Imported(0, MANY, 0, 0))]
    assert max(kilobytes for _, kilobytes in outcomes) < 300_000
    assert path.with_name("gatepost.db-wal").stat().st_size == 0
    directory = open_directory(f"sqlite:///{path}")
    assert is_member(directory, "user0@host0.example")
    assert not is_member(directory, "user0@host1.example")
    directory.close()


def import_weighed(store: Path, lines: Path) -> tuple[str, int]:
    """Import a file in a process of its own: its outcome, and the most memory that it had resident, in KiB."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_WEIGHED), str(store), str(lines)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    outcome, kilobytes = ended.stdout.splitlines()
    return outcome, int(kilobytes)
