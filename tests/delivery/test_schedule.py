"""When deferred mail is tried again."""

from __future__ import annotations

from itertools import cycle, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_delivery.schedule import FIRST_PAUSE, JITTER, LONGEST_PAUSE, next_attempt

DAY = 86400.0
SINCE = 1_800_000_000.0


@pytest.mark.parametrize(
    ("tries", "pause"), [(1, 600.0), (2, 1200.0), (3, 2400.0), (4, 4800.0), (5, 9600.0), (6, 14400.0), (7, 14400.0)]
)
def test_pauses_double_up_to_the_longest(tries: int, pause: float) -> None:
    assert next_attempt(SINCE, tries, SINCE + 100.0, 5 * DAY, 0.5) == SINCE + 100.0 + pause


def test_chance_moves_a_pause_both_ways() -> None:
    assert next_attempt(SINCE, 1, SINCE, DAY, 0.0) == SINCE + 450.0
    assert next_attempt(SINCE, 1, SINCE, DAY, 1.0) == SINCE + 750.0


def test_the_last_attempt_is_at_the_end_of_the_period() -> None:
    assert next_attempt(SINCE, 30, SINCE + DAY - 1, DAY, 0.5) == SINCE + DAY
    assert next_attempt(SINCE, 31, SINCE + DAY, DAY, 0.5) is None
    assert next_attempt(SINCE, 31, SINCE + 2 * DAY, DAY, 0.5) is None


def test_a_period_of_nothing() -> None:
    assert next_attempt(SINCE, 1, SINCE, 0.0, 0.5) is None


@given(
    period=st.floats(1.0, 30 * DAY),
    chances=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=20),
    duration=st.floats(0.0, 600.0),
)
def test_a_whole_life(period: float, chances: list[float], duration: float) -> None:
    """Each attempt, which may last for a while, is followed by a later one, until the last at the period's end."""
    attempts = [SINCE]
    for tries, chance in enumerate(islice(cycle(chances), 400), 1):
        when = next_attempt(SINCE, tries, attempts[-1] + duration, period, chance)
        if when is None:
            break
        attempts.append(when)
    end = SINCE + period
    assert end - duration <= attempts[-1] <= end
    for (earlier, when), tries in zip(pairwise(attempts), range(1, len(attempts)), strict=True):
        pause = when - earlier - duration
        assert pause <= LONGEST_PAUSE * (1 + JITTER) + 0.001
        assert when == end or pause >= min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) * (1 - JITTER) - 0.001


@pytest.mark.parametrize("tries", [100, 10_000, 10**9])
def test_any_number_of_tries(tries: int) -> None:
    assert next_attempt(SINCE, tries, SINCE, 30 * DAY, 0.5) == SINCE + LONGEST_PAUSE
