"""A fresh store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty store's file."""
    file = tmp_path / "gatepost.db"
    create(file)
    return file


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """An open store with the domain lists.example (alias l.example) and the list ann."""
    with Store(path) as opened:
        opened.add_domain("lists.example", alias_domain="l.example")
        opened.create_list("ann@lists.example")
        yield opened
