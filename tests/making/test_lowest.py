"""What pyproject.toml asks for: on every Python each dependency once, with a lowest version that can be tried."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest
from packaging.requirements import Requirement

from labs.running import ROOT
from tools.fresh.lowest import lowest, requirements

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# What only checks types has one for each version of what it is for.
NO_LOWEST = {"types-regex"}


def on(python: str, lines: list[str]) -> list[Requirement]:
    """The requirements that count for a Python."""
    found = map(Requirement, lines)
    return [one for one in found if one.marker is None or one.marker.evaluate({"python_version": python})]


@pytest.mark.parametrize("python", PYTHONS)
def test_each_has_one_lowest_version_and_may_have_it(python: str) -> None:
    asked = on(python, requirements())
    pinned = on(python, lowest().splitlines())
    assert Counter(one.name for one in pinned) == Counter({one.name for one in asked} - NO_LOWEST)
    versions = {one.name: str(one.specifier).removeprefix("==") for one in pinned}
    assert all(one.specifier.contains(versions[one.name]) for one in asked if one.name not in NO_LOWEST)


def test_each_python_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {line.rpartition(" :: ")[2] for line in project["classifiers"] if ":: Python ::" in line}
    assert named == set(PYTHONS)
