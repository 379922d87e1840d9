"""docs/postfix.md shows what `gatepost conf postfix` prints, for each class of domain."""

import pytest

from conflab import SCENARIOS, site
from docs.test_docs import FENCE, ROOT
from gatepost_conf.postfix import main_cf, maps
from gatepost_lists.model import Domain

BLOCKS = FENCE.findall((ROOT / "docs" / "postfix.md").read_text())


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_page_shows_the_lines_for_each_class(name: str) -> None:
    assert ("main.cf", SCENARIOS[name].text) in BLOCKS


def test_the_page_shows_nothing_else() -> None:
    printed = {scenario.text for scenario in SCENARIOS.values()}
    assert {text for kind, text in BLOCKS if kind == "main.cf"} == printed


def test_the_client_and_the_table_are_as_printed() -> None:
    assert ("master.cf", main_cf.master_cf(SCENARIOS["relay"].site)) in BLOCKS
    made = site([Domain("lists.example")], ["ann@lists.example"])
    assert ("text", maps.maps(made, "hash").texts[maps.LMTP]) in BLOCKS
