"""The lowest versions that pyproject.toml allows, as constraints for pip.

A requirement that differs from Python to Python stands there once for each, and keeps its marker.
"""

from __future__ import annotations

import re
import tomllib
from itertools import chain

from tools.fresh.container import CHECKOUT

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[\d.]+)[^;]*(?P<marker>;.*)?")


def requirements() -> list[str]:
    """Whatever pyproject.toml names, its extras too."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *chain(*project["optional-dependencies"].values())]


def lowest() -> str:
    """A line `NAME==VERSION` for each requirement that has a lowest version, with its marker."""
    found = filter(None, map(_REQUIREMENT.fullmatch, requirements()))
    return "".join(f"{one['name']}=={one['version']}{one['marker'] or ''}\n" for one in found)
