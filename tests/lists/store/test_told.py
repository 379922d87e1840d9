"""What a list has told already: announcements once, notices to an address by the day."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost_lists.store.admin import Store

ANN, BOB, BO = "ann@lists.example", "bob@lists.example", "bo@x.example"
DAY = 86_400.0


def count(store: Store) -> int:
    with store.transaction() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM told").scalar_one())


def test_the_first_time_is_one(store: Store, path: Path) -> None:
    assert store.first_time(ANN, "key", 0.0, 60)
    assert not store.first_time(ANN, "key", 1.0, 60)
    with Store(path) as other:
        assert not other.first_time("ann.lists.example", "key", 2.0, 60)


def test_keys_and_lists_are_told_apart(store: Store) -> None:
    store.create_list(BOB)
    assert store.first_time(ANN, "key", 0.0, 60)
    assert store.first_time(ANN, "Key", 0.0, 60)
    assert store.first_time(BOB, "key", 0.0, 60)


def test_it_is_the_first_time_again_when_what_was_kept_expires(store: Store) -> None:
    assert store.first_time(ANN, "key", 0.0, 60)
    assert not store.first_time(ANN, "key", 59.0, 1000)
    assert store.first_time(ANN, "key", 60.0, 60)
    assert not store.first_time(ANN, "key", 119.0, 60)


@pytest.mark.parametrize("key", ["", "\udcff", "x" * 100_000, "<id@x>\r\n"])
def test_any_text_is_a_key(store: Store, key: str) -> None:
    assert store.first_time(ANN, key, 0.0, 60)
    assert not store.first_time(ANN, key, 0.0, 60)


def test_notices_are_counted_by_list_kind_and_address(store: Store) -> None:
    store.create_list(BOB)
    assert [store.notices_today(ANN, "answer", email, 0.0) for email in (BO, "BO@x.example", "<bo@X.example>")] == [
        1,
        2,
        3,
    ]
    assert store.notices_today(ANN, "answer", "cy@x.example", 0.0) == 1
    assert store.notices_today(BOB, "answer", BO, 0.0) == 1
    assert store.notices_today(ANN, "held", BO, 0.0) == 1
    assert store.first_time(ANN, BO, 0.0, 60)


def test_notices_are_counted_by_the_day_of_utc(store: Store) -> None:
    times = (10.0, DAY - 1, DAY, 2 * DAY - 1, 2 * DAY)
    assert [store.notices_today(ANN, "answer", BO, now) for now in times] == [1, 2, 1, 2, 1]


@pytest.mark.parametrize("email", ["", "nobody", "\udcff@x"])
def test_notices_to_what_is_no_address_are_counted_too(store: Store, email: str) -> None:
    assert [store.notices_today(ANN, "answer", email, 0.0) for _ in range(2)] == [1, 2]


def test_what_has_expired_is_forgotten(store: Store) -> None:
    for number in range(5):
        store.first_time(ANN, f"key {number}", 0.0, number + 1)
        store.notices_today(ANN, "answer", f"p{number}@x.example", 0.0)
    assert count(store) == 10
    store.first_time(ANN, "key", 3.0, 60)
    assert count(store) == 8
    store.first_time(ANN, "key", DAY, 60)
    assert count(store) == 1
