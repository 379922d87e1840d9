"""`make clean` takes away what the other commands have made, and nothing of the user's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from labs.running import ROOT

# Settings and lists, which git ignores too.
KEPT = {"gatepost.toml", "var"}


def made_by_make() -> list[str]:
    """What git ignores is what the commands make."""
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return [line.strip("/").replace("*", "gatepost") for line in lines]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_clean_leaves_settings_and_lists_alone(tmp_path: Path) -> None:
    checkout, shared = tmp_path / "checkout", tmp_path / "cache"
    checkout.mkdir()
    shutil.copy(ROOT / "Makefile", checkout)
    for name in [*made_by_make(), "lists/gatepost_lists/__pycache__"]:
        (checkout / name).mkdir(parents=True)
        (checkout / name / "file").touch()
    for name in ("gatepost-mtalab-1", "gatepost-mtalab-2", "of-others"):
        (shared / name).mkdir(parents=True)
    command = ["make", "clean", f"SHARED_SERVERS={shared}/gatepost-mtalab-*"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    left = {path.name for path in checkout.iterdir()}
    assert left == KEPT | {"Makefile", "bench", "lists", "tests"}
    assert not [*checkout.glob("bench/*"), *checkout.glob("tests/*"), *checkout.glob("lists/*/*")]
