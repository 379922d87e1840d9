"""No pattern can stall the gate: shown by the engine that runs it and by its refusal to go on, never by a clock."""

import pytest

from gatepost_lists.backtracking import Backtracking, PatternTimeout
from gatepost_lists.patterns import PatternList, compile_regex


@pytest.mark.parametrize("text", ["^(a+)+$", "^(a|aa)+$", "^(.*.*)*x$", "^(a*)*b", "^(a|a?)+c"])
def test_a_bomb_that_re2_takes_is_none(text: str) -> None:
    assert not compile_regex(text).matches("a" * 60_000 + "@")


@pytest.mark.parametrize("text", ["^(?=(a|aa)+$)", "^(?!(a|a)*$).*$", r"^(?:(a+)\1*)+$", "^(?=(?:a|a)+$)"])
def test_a_bomb_that_must_backtrack_is_stopped(text: str) -> None:
    pattern = compile_regex(text)
    assert isinstance(pattern, Backtracking)
    with pytest.raises(PatternTimeout, match="took over"):
        pattern.matches("a" * 200 + "@")


def test_a_bomb_in_unicode_is_stopped() -> None:
    with pytest.raises(PatternTimeout, match="took over"):
        compile_regex(r"^(\w|\w\w)+$").matches("é" * 200 + "@")


def test_a_bomb_in_a_list_does_not_hide_behind_the_others() -> None:
    with pytest.raises(PatternTimeout, match="took over"):
        PatternList(("^b", "^(?=(a|aa)+$)", "^c")).find("a" * 200 + "@")
