"""The commented file says what an empty one would, whichever of its keys are uncommented it can be read, and it names
every key of its sections.
"""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from gatepost_conf.settings import parse, template
from gatepost_conf.settings.template import SECTIONS, WIDTH

HERE = Path("/srv/gate/gatepost.toml")
TEXT = template()
COMMENTED_KEY = re.compile(r"^#(?=\S)", re.MULTILINE)
HEADER = re.compile(r"^#?\[", re.MULTILINE)
PLACES = [match.start() for match in COMMENTED_KEY.finditer(TEXT)]


def test_it_loads_to_the_defaults() -> None:
    assert parse(TEXT, HERE) == parse("", HERE)


def test_every_key_uncommented_loads() -> None:
    settings = parse(COMMENTED_KEY.sub("", TEXT), HERE)
    assert settings.site.hostname == "mx.example.com"
    assert settings.policy.contexts["trial"].mode == "observe"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: TEXT[place + 1 :].split(" ")[0].split("\n")[0])
def test_each_key_uncommented_alone_loads(place: int) -> None:
    header = max(match.start() for match in HEADER.finditer(TEXT, 0, place))
    # A key of a commented section needs its header.
    above = TEXT[:header] + TEXT[header:place].removeprefix("#")
    parse(above + TEXT[place + 1 :], HERE)


def test_it_names_every_key_of_its_sections() -> None:
    document = tomllib.loads(COMMENTED_KEY.sub("", TEXT))
    for entry in SECTIONS:
        table = document
        for name in entry.header.split("."):
            table = table[name]
        assert set(table) >= {
            field.alias or name for name, field in entry.model.model_fields.items() if name != "contexts"
        }


def test_every_key_has_a_comment_and_lines_are_short() -> None:
    lines = TEXT.splitlines()
    for before, line in pairwise(lines):
        if re.match(r"#?[a-z_]+ = |#?\[", line):
            assert before.startswith("# "), line
        assert len(line) <= WIDTH + 2
