"""The command line, called as click calls it, in a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatepost import cli


class CommandLine:
    """`gatepost --config FOLDER/gatepost.toml …` in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "gatepost.toml"
        self.store = folder / "var" / "gatepost.db"

    def run(self, *arguments: str, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
        """Run a command, whatever it comes to."""
        return CliRunner().invoke(cli, ["--config", str(self.settings), *arguments], input=stdin, env=env)

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> str:
        """Run a command that must succeed and say nothing on standard error; its output."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """What a command that must succeed prints as JSON."""
        return json.loads(self(*arguments, "--json"))

    def refused(self, code: int, *arguments: str, stdin: str | bytes | None = None) -> str:
        """Run a command that must end with this exit code, and print nothing; what it says on standard error."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        assert "Traceback" not in result.stderr
        return result.stderr


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEPOST_CONFIG", raising=False)
    return CommandLine(tmp_path)


@pytest.fixture
def gatepost(bare: CommandLine) -> CommandLine:
    """A command line with an empty store that has the domain lists.example and the list ann."""
    bare("init")
    bare("domain", "add", "lists.example", "--alias-domain", "l.example")
    bare("list", "create", "ann@lists.example", "default_nonmember_action=reject")
    return bare
