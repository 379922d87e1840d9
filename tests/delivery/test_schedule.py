"""How long deferred mail waits for its next attempt."""

from __future__ import annotations

from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.schedule import FIRST_PAUSE, JITTER, LONGEST_PAUSE, next_pause

DAY = 86400.0


@pytest.mark.parametrize(
    ("tries", "pause"), [(1, 600.0), (2, 1200.0), (3, 2400.0), (4, 4800.0), (5, 9600.0), (6, 14400.0), (7, 14400.0)]
)
def test_pauses_double_up_to_the_longest(tries: int, pause: float) -> None:
    assert next_pause(100.0, tries, 5 * DAY, 0.5) == pause


def test_chance_moves_a_pause_both_ways() -> None:
    assert next_pause(0.0, 1, DAY, 0.0) == 450.0
    assert next_pause(0.0, 1, DAY, 1.0) == 750.0


def test_the_last_attempt_is_at_the_end_of_the_period() -> None:
    assert next_pause(DAY - 1, 30, DAY, 0.5) == 1.0
    assert next_pause(DAY - 0.9, 31, DAY, 0.5) is None
    assert next_pause(DAY, 31, DAY, 0.5) is None
    assert next_pause(2 * DAY, 31, DAY, 0.5) is None


def test_a_period_of_nothing() -> None:
    assert next_pause(0.0, 1, 0.0, 0.5) is None


@given(
    period=st.floats(1.0, 30 * DAY),
    chances=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=20),
)
def test_a_whole_life(period: float, chances: list[float]) -> None:
    """Each pause is followed by a longer one, but for chance, until the last at the period's end."""
    pauses: list[float] = []
    for tries, chance in enumerate(islice(cycle(chances), 400), 1):
        pause = next_pause(sum(pauses), tries, period, chance)
        if pause is None:
            break
        pauses.append(pause)
    assert period - 1.0 <= sum(pauses) <= period + 0.001
    for tries, pause in enumerate(pauses, 1):
        assert pause <= LONGEST_PAUSE * (1 + JITTER)
        assert tries == len(pauses) or pause >= min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) * (1 - JITTER)


@pytest.mark.parametrize("tries", [100, 10_000, 10**9])
def test_any_number_of_tries(tries: int) -> None:
    assert next_pause(0.0, tries, 30 * DAY, 0.5) == LONGEST_PAUSE
