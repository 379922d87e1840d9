"""How entries are found in the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gatepost_queue.sqlite import entries


def test_a_claim_is_found_by_the_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {entries._DUE}", ("in", 0.0, 0.0, 1)).fetchall()
    told = [row[3] for row in plan]
    assert told[0].startswith("SEARCH e USING COVERING INDEX ix_entry_queue_next_attempt") or told[0].startswith(
        "SEARCH e USING INDEX ix_entry_queue_next_attempt"
    )
    assert not any("TEMP B-TREE" in line for line in told)
