"""What tests of what every process shares have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_service import log


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """Where lines go instead of standard error, as text."""
    log.configure("text", str(tmp_path / "log"))
    yield tmp_path / "log"
    log.configure()
