"""What the tests of the policy service and of the live tables both ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An embedded store with the closed list that the dialogues ask for."""
    path = tmp_path / "gatepost.db"
    create(path)
    with Store(path) as store:
        store.add_domain("lists.example")
        store.create_list("closed@lists.example", "default_nonmember_action=reject")
        store.add_members("closed@lists.example", ["anne@example.org"])
    return path
