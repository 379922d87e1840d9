"""`gatepost check`: what it prints, and with which exit code it ends."""

from __future__ import annotations

import json

import pytest

from cli.conftest import CommandLine
from gatepost_lists import TESTS

ANN = "ann@lists.example"


@pytest.mark.parametrize(
    ("sender", "recipient", "options", "reply", "code"),
    [
        ("bo@example.org", ANN, [], "250 2.1.5 recipient ok", 0),
        ("<BO@example.org>", "ann@l.example", [], "250 2.1.5 recipient ok", 0),
        ("<>", ANN, [], "250 2.1.5 recipient ok", 0),
        ("stranger@example.org", "ann-owner@lists.example", [], "250 2.1.5 recipient ok", 0),
        ("stranger@example.org", ANN, [], "550 5.7.2 you may not post to this mailing list", 77),
        ("m@example.net", ANN, [], "550 5.7.1 you are banned from this mailing list", 77),
        ("bo@example.org", ANN, ["--size", "50000"], "552 5.2.3 the message is over this list's limit of 40 KiB", 77),
        ("bo@example.org", "nobody@lists.example", [], "550 5.1.1 no such mailing list", 67),
        ("bo@example.org", "bo@example.org", [], "550 5.1.2 not an address of a list here", 0),
        ("bo@example.org", "<>", [], "553 5.1.3 the recipient address cannot be read", 65),
    ],
)
def test_verdicts(
    gatepost: CommandLine, sender: str, recipient: str, options: list[str], reply: str, code: int
) -> None:
    gatepost("member", "add", ANN, "bo@example.org")
    gatepost("list", "set", ANN, "max_message_size=40")
    gatepost("ban", "add", "m@example.net")
    result = gatepost.run("check", sender, recipient, *options)
    first, second, *steps = result.stdout.splitlines()
    assert (first, result.exit_code) == (reply, code)
    assert second.split(maxsplit=2) == ["settings", "-", str(gatepost.settings)]
    assert [step.split()[0] for step in steps] == [name for name, _ in TESTS][: len(steps)]
    assert bool(steps) == (code != 65)
    found = json.loads(gatepost.run("check", sender, recipient, "--json", *options).stdout)
    assert f"{found['code']} {found['status']} {found['text']}" == reply


def test_every_test_is_told(gatepost: CommandLine) -> None:
    said = gatepost.run("check", "stranger@example.org", ANN).stdout.splitlines()
    assert [line.split()[0] for line in said[2:]] == [name for name, _ in TESTS]
    assert said[2].split(maxsplit=2) == ["not-ours", "-", "the domain has lists"]
    assert said[-1].split(maxsplit=2) == ["closed-list", "reject", "a non-member of a closed list"]


def test_json(gatepost: CommandLine) -> None:
    assert gatepost.json("check", "<>", "ann-bounces@lists.example") == {
        "verdict": "accept",
        "test": "probe",
        "code": 250,
        "status": "2.1.5",
        "text": "recipient ok",
        "list": ANN,
        "subaddress": "bounces",
        "trace": [
            {"test": "not-ours", "answer": None, "why": "the domain has lists"},
            {"test": "list-known", "answer": None, "why": "the list is known"},
            {"test": "probe", "answer": "accept", "why": "a probe asks only whether the address exists"},
        ],
    }


def test_it_cannot_tell_without_a_store(gatepost: CommandLine) -> None:
    for file in gatepost.store.parent.iterdir():
        file.unlink()
    result = gatepost.run("check", "bo@example.org", ANN)
    assert result.exit_code == 75
    first, second = result.stdout.splitlines()
    assert first == "451 4.3.0 cannot tell now, try again later"
    assert second.endswith(str(gatepost.settings))
    assert str(gatepost.store) in result.stderr
    found = json.loads(gatepost.run("check", "bo@example.org", ANN, "--json").stdout)
    assert (found["verdict"], found["test"], found["trace"]) == ("defer", "", [])


def test_settings_count(gatepost: CommandLine) -> None:
    gatepost.settings.write_text("[lists]\ndirectory = 'sqlite:///var/gatepost.db'\nprobe_senders = ['v-*@*']\n")
    assert gatepost.json("check", "v-1@example.org", ANN)["test"] == "probe"


def test_a_read_only_directory(gatepost: CommandLine) -> None:
    gatepost.settings.write_text("[lists]\ndirectory = 'toml:///lists.toml'\n")
    (gatepost.folder / "lists.toml").write_text('[domains."t.example"]\n[lists."ann@t.example"]\n')
    assert gatepost.json("check", "bo@example.org", "ann@t.example")["test"] == "nonmember-action"


def test_a_directory_that_no_engine_serves(gatepost: CommandLine) -> None:
    gatepost.settings.write_text("[lists]\ndirectory = 'mailman+mysql://user:secret@host/db'\n")
    said = gatepost.refused(78, "check", "bo@example.org", ANN)
    assert "no engine for" in said
    assert "secret" not in said
