"""Which settings hold a password, and which files others can read."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from gatepost_conf.passwords import others_can_read, passwords
from gatepost_conf.settings import load


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ('[lists]\ndirectory = "sqlite:///x@y:z.db"', []),
        ('[lists]\ndirectory = "mailman+postgresql://mailman@db.example/mailman"', []),
        ('[lists]\ndirectory = "mailman+postgresql://mailman:geheim@db.example/mailman"', ["[lists] directory"]),
        ('[lists]\ndirectory = "mailman+http://rest:geheim@127.0.0.1:8001/3.1"', ["[lists] directory"]),
        ('[queue]\nengine = "postgresql://db.example/queue?user=g&password=geheim"', ["[queue] engine"]),
        ('[delivery]\nsmtp_user = "g"', []),
        ('[delivery]\nsmtp_pass = "sqlite:///x"', ["[delivery] smtp_pass"]),
    ],
)
def test_the_keys_that_hold_a_password(tmp_path: Path, text: str, found: list[str]) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_text(text)
    assert passwords(load(file)) == found


@pytest.mark.parametrize(
    ("folder_mode", "mode", "readable"),
    [(0o755, 0o644, True), (0o711, 0o604, True), (0o755, 0o640, False), (0o750, 0o644, False), (0o754, 0o644, False)],
)
def test_what_others_can_read(folder_mode: int, mode: int, *, readable: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        above = Path(name)
        above.chmod(0o755)
        folder, link = above / "etc", above / "link"
        folder.mkdir()
        file = folder / "gatepost.toml"
        file.touch()
        file.chmod(mode)
        link.symlink_to(file)
        folder.chmod(folder_mode)
        assert others_can_read(file) is others_can_read(link) is readable
