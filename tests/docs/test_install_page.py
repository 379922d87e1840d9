"""docs/install.md has what `make fresh` types: blocks that a shell can read, under the headings where they belong."""

from __future__ import annotations

import subprocess

import pytest

from tools.fresh.install import PAGE, blocks

BLOCKS = {
    "The program": 1,
    "Its user, its folders, its settings": 1,
    "The service": 1,
    "A list": 1,
    "Postfix": 1,
    "With written tables": 1,
    "Exim": 1,
    "Look at it": 1,
    "A newer version": 2,
    "Taking it away": 4,
}


def test_each_heading_has_its_blocks() -> None:
    assert {title: len(found) for title, found in blocks(PAGE.read_text()).items()} == BLOCKS


@pytest.mark.parametrize("title", BLOCKS)
def test_a_shell_can_read_what_is_to_be_pasted(title: str) -> None:
    for block in blocks(PAGE.read_text())[title]:
        done = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
