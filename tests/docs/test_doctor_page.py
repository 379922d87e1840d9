"""docs/doctor.md names every item, in the doctor's order, and no other."""

import re

from docs.test_docs import ROOT
from gatepost_conf.doctor.examine import GROUPS


def test_the_page_has_every_item() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    table = page.partition("\n## The items\n")[2].partition("\n## ")[0]
    rows = [re.findall(r"`([a-z-]+)`", row) for row in re.findall(r"^\| (`.*?) +\|", table, re.MULTILINE)]
    items = [name for group in GROUPS for name, _ in group.items]
    assert sorted(name for row in rows for name in row) == sorted(items)
    assert [row[0] for row in rows] == [name for name in items if name in {row[0] for row in rows}]
