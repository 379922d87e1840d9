"""Broken files as data: each cases/NNN-what.toml gives exactly the lines of cases/NNN-what.txt, in which FILE stands
for the path of the file as it was given.
"""

from pathlib import Path

import pytest

from gatepost_conf.settings import SettingsError, load

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_problem_is_told_at_once(path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(path)
    expected = path.with_suffix(".txt").read_text(encoding="utf-8").replace("FILE: ", f"{path}: ")
    assert caught.value.problems == expected.splitlines()
    assert str(caught.value) == expected.rstrip("\n")


def test_the_cases_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:3]) for path in CASES]
    assert numbers == list(range(1, len(CASES) + 1))
