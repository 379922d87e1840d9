"""The command line itself: help, settings, init, exit codes, completion."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.conftest import CommandLine
from gatepost import LAZY, cli
from gatepost_conf.settings import Settings
from gatepost_lists import DEFAULT_RULES
from gatepost_services import rules_of


def test_help_names_every_command_without_loading_it() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for name, lazy in LAZY.items():
        assert re.search(rf"^  {name} +{re.escape(lazy.help)}$", result.output, re.MULTILINE)


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_command_has_its_own_help(name: str) -> None:
    command = cli.get_command(cli.make_context("gatepost", [name]), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    result = CliRunner().invoke(cli, [name, "--help"])
    assert (result.exit_code, result.stderr) == (0, "")
    for below in command.commands if isinstance(command, click.Group) else ():
        assert CliRunner().invoke(cli, [name, below, "--help"]).exit_code == 0


def help_of(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    """The words that show the help of a command and of all below it."""
    yield (*words, "--help")
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        yield from help_of(below, *words, name)


def test_every_help_ends_with_the_settings_in_use(gatepost: CommandLine) -> None:
    """Whatever the width: a path is never cut. qmail-lmtp reads none."""
    context = cli.make_context("gatepost", ["init"])
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context) if name != "qmail-lmtp"}
    shown = [("--help",), *(words for name, command in commands.items() if command for words in help_of(command, name))]
    assert ("list", "create", "--help") in shown
    for words in shown:
        assert gatepost(*words).split()[-2:] == ["Settings:", str(gatepost.settings)], words
        found = CliRunner().invoke(cli, words, env={"GATEPOST_CONFIG": "other.toml"})
        assert found.output.endswith(", which is not there\n"), words


def test_a_help_says_that_there_are_no_settings(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost_conf.settings_file.SYSTEM_FILE", bare.folder / "none.toml")
    assert CliRunner().invoke(cli, ["check", "--help"]).output.endswith("\n  Settings: none found\n")


def test_version() -> None:
    assert re.fullmatch(r"gatepost \d+\.\d+\.\d+\n", CliRunner().invoke(cli, ["--version"]).output)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["domain"],
        ["domain", "nonsense"],
        ["domain", "add"],
        ["check", "a@b.c"],
        ["check", "a@b.c", "d@e.f", "--size", "-1"],
        ["member", "add", "ann@lists.example"],
        ["member", "add", "ann@lists.example", "a@b.c", "--role", "king"],
        ["list", "set", "ann@lists.example"],
    ],
)
def test_usage_errors_end_with_64(gatepost: CommandLine, arguments: list[str]) -> None:
    assert "Usage: gatepost" in gatepost.refused(64, *arguments)


def test_settings_that_are_wrong_end_with_78_and_a_line_each(bare: CommandLine) -> None:
    bare.settings.write_text("nonsense = 1\n[lists]\nmode = 'off'\n")
    lines = bare.refused(78, "list", "ls").splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{bare.settings}: ") for line in lines)
    bare.settings.unlink()
    assert "no such file" in bare.refused(78, "check", "a@b.c", "d@e.f")


def test_settings_are_found_by_the_environment(gatepost: CommandLine) -> None:
    result = CliRunner().invoke(cli, ["list", "ls"], env={"GATEPOST_CONFIG": str(gatepost.settings)})
    assert result.output.startswith("ann@lists.example\t")


def test_a_missing_store_says_how_to_make_it(gatepost: CommandLine) -> None:
    for file in gatepost.store.parent.iterdir():
        file.unlink()
    said = gatepost.refused(75, "list", "ls")
    assert said == f"gatepost: {gatepost.store}: there is no such store\nhint: make it with: gatepost init\n"


def test_changes_where_lists_are_only_read(bare: CommandLine) -> None:
    bare.settings.write_text("[lists]\ndirectory = 'toml:///lists.toml'\n")
    assert "only read here, never changed" in bare.refused(69, "domain", "add", "lists.example")
    bare.settings.write_text("[lists]\ndirectory = 'mailman+http://user:secret@localhost:8001/3.1'\n")
    assert "secret" not in bare.refused(69, "list", "ls")


def test_a_fault_is_told_in_one_line(gatepost: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost_lists.store.domains.listing", lambda _: 1 / 0)
    said = gatepost.refused(70, "domain", "ls")
    assert said.count("\n") == 1
    assert "ZeroDivisionError" in said
    assert "test_gatepost.py, line " in said


def test_an_interrupt(gatepost: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gatepost_lists.store.domains.listing", interrupt)
    assert "gatepost: interrupted\n" in gatepost.refused(130, "domain", "ls")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("gatepost li", ["list"]),
        ("gatepost list show a", ["ann@lists.example"]),
        ("gatepost list show ANN", ["ann@lists.example"]),
        ("gatepost list show b", []),
        ("gatepost member add ", ["ann@lists.example"]),
        ("gatepost ban add x@y.z --list ", ["ann@lists.example"]),
        ("gatepost domain remove l", ["lists.example"]),
        ("gatepost list ls ", ["lists.example"]),
        ("gatepost list set ann@lists.example em", ["emergency="]),
        ("gatepost member add --role mo", ["moderator"]),
    ],
)
def test_completion(gatepost: CommandLine, typed: str, expected: list[str]) -> None:
    words = typed.replace("gatepost ", f"gatepost --config {gatepost.settings} ")
    env = {"_GATEPOST_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = CliRunner().invoke(cli, [], env=env, prog_name="gatepost")
    assert [line.partition(",")[2] for line in result.stdout.split()] == expected
    assert result.stderr == ""


def test_completion_without_a_store_is_silent(bare: CommandLine) -> None:
    words = f"gatepost --config {bare.settings} list show "
    env = {"_GATEPOST_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "5"}
    result = CliRunner().invoke(cli, [], env=env, prog_name="gatepost")
    assert (result.stdout.strip(), result.stderr) == ("", "")


def test_the_rules_of_default_settings_are_the_default_rules() -> None:
    settings = Settings()
    assert rules_of(settings) == DEFAULT_RULES.__class__(origin=settings.site.origin)
    changed = Settings.model_validate(
        {"lists": {"null_sender_posts": "pass", "refuse_oversize": False, "shared_domains": ["example.com"],
                   "forwarders": ["Example.NET."]}}
    )  # fmt: skip
    rules = rules_of(changed)
    assert (rules.null_sender_posts, rules.refuse_oversize) == (True, False)
    assert (rules.shared_domains, rules.forwarders) == (frozenset(("example.com",)), frozenset(("example.net",)))
