"""docs/postfix.md shows what `gatepost conf postfix` prints, for each class of domain."""

import pytest

from docs.test_docs import FENCE, ROOT
from gatepost_conf.postfix import main_cf, maps, typed
from gatepost_lists.model import Domain
from labs.conf import SCENARIOS, site

CLIENT = typed.postconf_master(main_cf.master_cf(SCENARIOS["relay"].site))
BLOCKS = FENCE.findall((ROOT / "docs" / "postfix.md").read_text())


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_page_shows_the_commands_for_each_class(name: str) -> None:
    assert ("sh", SCENARIOS[name].commands) in BLOCKS


def test_the_page_shows_nothing_else() -> None:
    printed = {scenario.commands for scenario in SCENARIOS.values()}
    assert {text for kind, text in BLOCKS if kind == "sh"} == {*printed, CLIENT}


def test_the_client_and_the_table_are_as_printed() -> None:
    assert ("sh", CLIENT) in BLOCKS
    made = site([Domain("lists.example")], ["ann@lists.example"])
    assert ("text", maps.maps(made, "hash").texts[maps.LMTP]) in BLOCKS
