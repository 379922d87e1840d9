"""The pages say what the program does: links, command lines, settings, examples are held against it.

What follows the backquotes of a fenced block says what it is: `console` (lines after `$ ` are typed), `toml`
(settings), `toml lists.toml` (a directory), `main.cf`, `sh` (commands that set it).
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from gatepost import cli
from gatepost_conf.settings import Settings, parse
from gatepost_conf.settings.template import SECTIONS, Entry
from gatepost_lists.toml_directory import TomlDirectory
from gatepost_service.sockets import ListenAddress
from tools.commands_page import PAGE, page

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "bench" / "README.md"])
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SNIPPET_LINE = re.compile(r"([a-z][a-z0-9_]*) = ?(.*)").fullmatch
POLICY_SERVICE = re.compile(r"check_policy_service (\{ .+? \}(?=,|$)|[^\s,]+)")
# What the snippets set, beside names of services and classes that they make themselves.
PARAMETERS = {
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "smtpd_restriction_classes",
    "smtpd_milters",
    "milter_default_action",
    "relay_domains",
    "relay_transport",
    "recipient_delimiter",
    "owner_request_special",
    "transport_maps",
    "relay_recipient_maps",
    "local_recipient_maps",
    "virtual_mailbox_maps",
    "virtual_alias_maps",
    "virtual_alias_domains",
    "unverified_recipient_reject_code",
    "address_verify_map",
    "address_verify_negative_expire_time",
}
OWN_PARAMETERS = {"gatepost", "gatepost_time_limit"}
SERVICE_ATTRIBUTES = {"timeout", "try_limit", "default_action", "policy_context"}


class Block(NamedTuple):
    """A fenced block: where it stands, what it is, its text."""

    page: Path
    kind: str
    text: str


def blocks(kind: str) -> list[Block]:
    found = [
        Block(page, kind, text) for page in PAGES for word, text in FENCE.findall(page.read_text()) if word == kind
    ]
    assert found, f"no page has a block {kind}"
    return found


def named(block: Block) -> str:
    return f"{block.page.name}: {block.text.splitlines()[0][:40]}"


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchor(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    words = re.sub(r"[`*]", "", re.sub(LINK, "", heading)).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")


def test_the_commands_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/commands.md is old: make docs"


def test_the_commands_page_names_no_settings_of_the_machine_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_CONFIG", "/srv/here.toml")
    CliRunner().invoke(cli, ["list", "--help"])
    assert PAGE.read_text(encoding="utf-8") == page()
    assert "here.toml" not in page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        target, _, fragment = link.partition("#")
        if target.startswith(("https://", "http://")):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.is_file(), f"{page.name} links to {link}"
        if fragment:
            anchors = {anchor(heading) for heading in HEADING.findall(prose(file))}
            assert fragment in anchors, f"{page.name} links to {link}"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link).resolve() for link in LINK.findall(prose(ROOT / "README.md"))}
    assert set((ROOT / "docs").glob("*.md")) <= linked


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Each gatepost command that a console block types: its line, and its arguments."""
    for block in blocks("console"):
        for line in block.text.splitlines():
            if not line.startswith("$ "):
                continue
            for command in re.split(r" \| ", line.removeprefix("$ ")):
                words = shlex.split(command)
                if Path(words[0]).name == "gatepost":
                    yield f"{block.page.name}: {line}", words[1:]


@pytest.mark.parametrize(("line", "arguments"), list(command_lines()))
def test_command_lines_parse(line: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Command, "invoke", lambda command, context: None)
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 0, line


def test_pip_installs_from_the_source_what_there_is() -> None:
    """gatepost is on no registry."""
    named = [
        name for block in blocks("console") for name in re.findall(r"pip install (?:-\S+ )*'?([^'\n]+)", block.text)
    ]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert named
    assert set(named) <= {f".[{extra}]" for extra in extras}


def heading_of(entry: Entry) -> str:
    return f"[{entry.header}]" if not entry.example else f"[{entry.header.rpartition('.')[0]}.NAME]"


@pytest.mark.parametrize("entry", SECTIONS, ids=heading_of)
def test_settings_page_has_every_key_and_default(entry: Entry) -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    _, found, section = text.partition(f"\n## {heading_of(entry)}\n")
    assert found, f"no section {heading_of(entry)}"
    rows = re.findall(r"^\| `(\w+)` +\| (.+?) +\|", section.partition("\n## ")[0], re.MULTILINE)
    fields = {field.alias or name: field.default for name, field in entry.model.model_fields.items()}
    tables = {name for name, default in fields.items() if isinstance(default, dict)}
    assert {key for key, _ in rows} == fields.keys() - tables
    for key, default in rows:
        shown = tomllib.loads(f"key = {default.strip('`')}")["key"] if default != "unset" else None
        assert shown == fields[key], key


@pytest.mark.parametrize("block", blocks("toml"), ids=named)
def test_settings_examples_load(block: Block, tmp_path: Path) -> None:
    assert isinstance(parse(block.text, tmp_path / "gatepost.toml"), Settings)


@pytest.mark.parametrize("block", blocks("toml lists.toml"), ids=named)
def test_directory_examples_load(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    file.write_text(block.text)
    with TomlDirectory(file).snapshot():
        pass


@pytest.mark.parametrize("block", blocks("main.cf"), ids=named)
def test_postfix_examples_are_well_formed(block: Block) -> None:
    for line in re.sub(r"\n[ \t]+", " ", block.text).splitlines():
        if line and not line.startswith("#"):
            check_setting(line)


@pytest.mark.parametrize("block", [block for block in blocks("sh") if "postconf" in block.text], ids=named)
def test_commands_for_postfix_are_well_formed(block: Block) -> None:
    """Each line is a command by itself, as a shell reads it."""
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["postconf", "-e"]:
            assert len(words) == 3, line
            check_setting(words[2])
        elif words[:2] == ["postconf", "-X"]:
            assert set(words[2:]) <= PARAMETERS, line
        else:
            assert words[:2] in ([], ["postconf", "-M"], ["postfix", "reload"]), line


def check_setting(line: str) -> None:
    """A line of main.cf as Postfix takes it."""
    setting = SNIPPET_LINE(line)
    assert setting, line
    assert setting[1] in PARAMETERS | OWN_PARAMETERS, setting[1]
    assert not setting[2].rstrip().endswith(","), line
    assert line.count("{") == line.count("}"), line
    for service in POLICY_SERVICE.findall(line):
        check_service(service)


def check_service(text: str) -> None:
    """A service as check_policy_service takes it: an address, or { an address, with attributes }."""
    address, *attributes = (part.strip() for part in text.strip("{} ").split(","))
    ListenAddress.parse(address)
    for attribute in attributes:
        assert attribute.strip("{ ").partition("=")[0].strip() in SERVICE_ATTRIBUTES, text
