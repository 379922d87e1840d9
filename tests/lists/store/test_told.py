"""What a list has told already: announcements once, and budgets by the hour and day."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost_lists.store.admin import Store
from gatepost_lists.store.budgets import DAY, HOUR, Budget

ANN, BOB = "ann@lists.example", "bob@lists.example"


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


def test_the_first_time_anywhere_is_one_for_all_lists(store: Store) -> None:
    store.create_list(BOB)
    assert store.first_time_anywhere(ANN, "key", 0.0, 60)
    assert not store.first_time_anywhere(BOB, "key", 59.0, 1000)
    assert not store.first_time(ANN, "key", 59.0, 60)
    assert store.first_time_anywhere(BOB, "Key", 0.0, 60)
    assert store.first_time_anywhere(BOB, "key", 60.0, 60)
    assert not store.first_time_anywhere(ANN, "key", 61.0, 60)


@pytest.mark.parametrize("key", ["", "\udcff", "x" * 100_000, "<id@x>\r\n"])
def test_any_text_is_a_key(store: Store, key: str) -> None:
    assert store.first_time(ANN, key, 0.0, 60)
    assert not store.first_time(ANN, key, 0.0, 60)


def test_a_budget_is_of_a_list_and_a_word(store: Store) -> None:
    store.create_list(BOB)
    answers, held = Budget("answer bo@x.example", 2, DAY), Budget("held bo@x.example", 1, DAY)
    assert [store.spend(ANN, [answers], 0.0) for _ in range(4)] == [[1], [0], [-1], [-1]]
    assert store.spend(BOB, [answers], 0.0) == [1]
    assert store.spend(ANN, [held], 0.0) == [0]
    assert store.first_time(ANN, "answer bo@x.example", 0.0, 60)


def test_of_several_budgets_none_is_touched_where_one_is_used_up(store: Store) -> None:
    mine, all_ = Budget("bo", 5, DAY), Budget("all", 2, HOUR)
    assert [store.spend(ANN, [mine, all_], 0.0) for _ in range(4)] == [[4, 1], [3, 0], [2, -1], [2, -1]]
    assert store.spend(ANN, [mine, all_], HOUR) == [2, 1]
    assert store.spend(ANN, [], 0.0) == []


def test_a_budget_is_new_with_each_span_of_utc(store: Store) -> None:
    times = (10.0, DAY - 1, DAY, 2 * DAY - 1, 2 * DAY)
    assert [store.spend(ANN, [Budget("bo", 9, DAY)], now) for now in times] == [[8], [7], [8], [7], [8]]


def test_what_has_expired_is_forgotten(store: Store) -> None:
    for number in range(5):
        store.first_time(ANN, f"key {number}", 0.0, number + 1)
        store.spend(ANN, [Budget(f"p{number}", 9, DAY)], 0.0)
    assert count(store) == 10
    store.first_time(ANN, "key", 3.0, 60)
    assert count(store) == 8
    store.first_time(ANN, "key", DAY, 60)
    assert count(store) == 1
