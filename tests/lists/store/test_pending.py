"""Requests that wait for a confirmation: tokens that cannot be guessed, serve once, and expire."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatepost_lists.errors import BadValueError
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Pending

ANN, BOB, BO = "ann@lists.example", "bob@lists.example", "bo@x.example"
HOUR = 3600.0


def add(store: Store, kind: str = "join", name: str = ANN, email: str = BO, now: float = 0.0) -> str:
    return store.add_pending(kind, name, email, HOUR, now)


def count(store: Store) -> int:
    with store.transaction() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM pending").scalar_one())


def test_what_was_kept_comes_back_once(store: Store) -> None:
    token = store.add_pending("join", ANN, "Bo@X.example", HOUR, 0.0, "Bo B", {"source": ["mail", 1]})
    expected = Pending("join", "Bo@X.example", "Bo B", {"source": ["mail", 1]})
    assert store.take_pending(token, 1.0, "ann.lists.example") == expected
    assert store.take_pending(token, 1.0, ANN) is None
    assert count(store) == 0


def test_a_request_without_more(store: Store) -> None:
    assert store.take_pending(add(store), 1.0, ANN) == Pending("join", BO, "", {})


def test_tokens_are_letters_and_digits_and_never_the_same(store: Store) -> None:
    tokens = {add(store, email=f"p{number}@x.example") for number in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"[a-z2-7]{32}", token) for token in tokens)


def test_the_store_does_not_hold_the_token(store: Store, path: Path) -> None:
    token = add(store)
    store.close()
    files = [path, *path.parent.glob("gatepost.db-*")]
    assert not [file for file in files if token.encode() in file.read_bytes().lower()]


def test_case_and_space_around_play_no_part(store: Store) -> None:
    assert store.take_pending(f" {add(store).upper()}\r\n", 1.0, ANN) is not None


@pytest.mark.parametrize("token", ["", "x", "a" * 32, "\udcff", "\0", "é" * 32, "' OR 1=1 --", "a" * 100_000])
def test_unknown_tokens(store: Store, token: str) -> None:
    kept = add(store)
    assert store.take_pending(token, 1.0, ANN) is None
    assert store.take_pending(kept[:-1], 1.0, ANN) is None
    assert store.take_pending(kept, 1.0, ANN) is not None


def test_another_list_s_token_is_left_to_it(store: Store) -> None:
    store.create_list(BOB)
    token = add(store)
    assert store.take_pending(token, 1.0, BOB) is None
    assert store.take_pending(token, 1.0, ANN) is not None


@pytest.mark.parametrize(("now", "there"), [(HOUR - 1, True), (HOUR, False), (HOUR * 100, False)])
def test_tokens_expire(store: Store, now: float, there: bool) -> None:
    assert (store.take_pending(add(store), now, ANN) is not None) is there


def test_what_has_expired_is_forgotten(store: Store) -> None:
    for number in range(5):
        add(store, email=f"p{number}@x.example", now=float(number))
    add(store, now=HOUR + 2)
    assert count(store) == 3


def test_a_new_request_takes_the_place_of_an_older_one(store: Store) -> None:
    store.create_list(BOB)
    old = add(store)
    others = [add(store, "leave"), add(store, name=BOB), add(store, email="cy@x.example")]
    new = add(store, email="BO@X.example")
    assert store.take_pending(old, 1.0, ANN) is None
    assert store.take_pending(new, 1.0, ANN) == Pending("join", "BO@X.example", "", {})
    names = (ANN, BOB, ANN)
    assert all(store.take_pending(token, 1.0, name) for token, name in zip(others, names, strict=True))


@pytest.mark.parametrize("email", ["", "nobody", "a b@x.example", "\udcff@x.example", "a@b@c.example"])
def test_what_is_no_address_can_ask_for_nothing(store: Store, email: str) -> None:
    with pytest.raises(BadValueError):
        add(store, email=email)
    assert count(store) == 0


def test_names_are_kept_as_one_line(store: Store) -> None:
    token = store.add_pending("join", ANN, BO, HOUR, 0.0, "Bo\r\nBcc: x\udcff\0")
    found = store.take_pending(token, 1.0, ANN)
    assert found is not None
    assert found.display_name == "Bo Bcc: x"


def test_a_transaction_that_fails_gives_the_token_back(store: Store) -> None:
    token = add(store)

    def take_and_fail() -> None:
        with store.transaction():
            assert store.take_pending(token, 1.0, ANN) is not None
            raise KeyError

    with pytest.raises(KeyError):
        take_and_fail()
    assert store.take_pending(token, 1.0, ANN) is not None


def test_of_several_processes_one_takes_it(store: Store, path: Path) -> None:
    code = (
        "import sys; from gatepost_lists.store.admin import Store; store = Store(sys.argv[1]);"
        " print('ready', flush=True); sys.stdin.readline();"
        f" print(store.take_pending(sys.argv[2], 1.0, {ANN!r}) is not None)"
    )
    command = [sys.executable, "-c", code, str(path), add(store)]
    pipe = subprocess.PIPE
    folders = {"PYTHONPATH": ":".join(sys.path)}
    takers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=folders) for _ in range(3)]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    assert sorted(outcomes(takers)) == ["False\n", "False\n", "True\n"]


def outcomes(takers: list[subprocess.Popen[str]]) -> list[str]:
    """What each says when all have been told to go."""
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("go\n")
        taker.stdin.flush()
    return [taker.communicate()[0] for taker in takers]
