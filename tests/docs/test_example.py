"""`make run`'s example, and that README's first steps give what README says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from gatepost import cli
from labs.conf import debian
from labs.running import COMMAND

ROOT = Path(__file__).resolve().parent.parent.parent
TYPED = re.compile(r"^\$ \.venv/bin/gatepost (.+)\n(\d{3} .+)$", re.MULTILINE)
TRIED = re.compile(r"gatepost (check .+)\n +(\d{3} .+)")


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "GATEPOST_CONFIG"}
    # If this machine has a Postfix, it is one that nobody has told anything yet.
    (folder / "main.cf").write_text(debian.MAIN_CF)
    environment["MAIL_CONFIG"] = str(folder)
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)


def example(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, ROOT / "tools" / "example.py")


def first_line(folder: Path, arguments: str) -> str:
    return run(folder, *COMMAND, *shlex.split(arguments)).stdout.partition("\n")[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the example has been made, and what was said."""
    folder = tmp_path_factory.mktemp("example")
    done = example(folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_it_says_where_and_what_to_paste(made: tuple[Path, str]) -> None:
    assert "will answer on inet:127.0.0.1:8031" in made[1]
    pasted = dedent(made[1].partition("type this as root")[2].partition("\n\n")[2].partition("Try it")[0])
    assert f"```sh\n{pasted.strip()}\n```" in (ROOT / "README.md").read_text()


def test_what_it_says_to_try_comes_true(made: tuple[Path, str]) -> None:
    folder, said = made
    tried = TRIED.findall(said)
    assert [reply[:3] for _, reply in tried] == ["550", "250", "250", "550"]
    assert [first_line(folder, arguments) for arguments, _ in tried] == [reply for _, reply in tried]


def test_the_readme_gives_the_replies_that_come(made: tuple[Path, str]) -> None:
    typed = TYPED.findall((ROOT / "README.md").read_text())
    assert len(typed) == 3
    assert [first_line(made[0], arguments) for arguments, _ in typed] == [reply for _, reply in typed]


def test_the_page_about_lists_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEPOST_CONFIG", raising=False)
    (tmp_path / "main.cf").write_text(debian.MAIN_CF)
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    (tmp_path / "addresses.txt").write_text("Zoe Example <zoe@example.org>\n")
    (tmp_path / "owners.csv").write_text("email,name\nolga@example.org,Olga Example\n")
    typed = re.findall(r"^\$ gatepost (.+)$", (ROOT / "docs" / "lists.md").read_text(), re.MULTILINE)
    ended = [(CliRunner().invoke(cli, shlex.split(arguments)), arguments) for arguments in typed]
    assert len(ended) > 20
    assert [arguments for done, arguments in ended if done.exit_code or done.stderr] == []


def test_a_second_run_keeps_what_is_there(made: tuple[Path, str]) -> None:
    folder, _ = made
    settings = (folder / "gatepost.toml").read_text() + "# mine\n"
    (folder / "gatepost.toml").write_text(settings)
    before = first_line(folder, "member ls announce@lists.example --json"), first_line(folder, "list ls")
    done = example(folder)
    assert done.returncode == 0
    assert done.stdout.count("kept, ") == 4
    assert (folder / "gatepost.toml").read_text() == settings
    assert (first_line(folder, "member ls announce@lists.example --json"), first_line(folder, "list ls")) == before


def test_domains_of_ones_own_are_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, *COMMAND, "init").returncode == 0
    assert run(tmp_path, *COMMAND, "domain", "add", "mine.example").returncode == 0
    done = example(tmp_path)
    assert done.returncode == 0
    assert "not made" in done.stdout
    assert "Try it" not in done.stdout
    assert run(tmp_path, *COMMAND, "list", "ls").stdout == ""


def test_another_directory_is_left_alone(tmp_path: Path) -> None:
    listen = 'listen = ["unix:policy.sock?mode=0666"]'
    (tmp_path / "gatepost.toml").write_text(f'[lists]\ndirectory = "toml:///lists.toml"\n[policy]\n{listen}\n')
    done = example(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "can be told later, by gatepost conf postfix: " in done.stdout
    (tmp_path / "lists.toml").write_text('[domains."mine.example"]\n')
    done = example(tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"check_policy_service unix:{tmp_path}/policy.sock'\n" in done.stdout
    assert not (tmp_path / "var" / "gatepost.db").exists()


def test_wrong_settings_end_it(tmp_path: Path) -> None:
    (tmp_path / "gatepost.toml").write_text("[policy]\nlisten = 7\n")
    done = example(tmp_path)
    assert done.returncode == 78
    assert "[policy] listen" in done.stderr
