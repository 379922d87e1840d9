"""What postconf and postmap are asked, and what becomes of what they say. No Postfix is needed."""

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatepost_conf.postfix import generator, maps
from gatepost_conf.postfix.machine import DomainClass, Machine
from gatepost_conf.postfix.programs import (
    NOT_FOUND,
    PostmapError,
    Ran,
    ask_machine,
    default_map_type,
    postmap,
    run_program,
)
from gatepost_conf.postfix.tables import follow, rewrite
from gatepost_conf.writing import CannotWriteError
from gatepost_lists import DirectoryTrouble
from gatepost_lists.model import Domain
from labs.conf import site

LISTS = Domain("lists.example")
MAIN_CF = {
    "mydestination": "$myhostname, hash:/etc/postfix/local",
    "virtual_alias_domains": "$virtual_alias_maps",
    "virtual_alias_maps": "hash:/etc/postfix/virtual",
    "relay_domains": "relay.example, LISTS.example",
}
EXPANDED = {
    "mydestination": "mx.example, hash:/etc/postfix/local",
    "virtual_alias_domains": "hash:/etc/postfix/virtual",
    "relay_domains": "relay.example, LISTS.example",
}
HELD = {"hash:/etc/postfix/local": "shared.example", "hash:/etc/postfix/virtual": "virtual.example"}


class Fake:
    """A Postfix that has MAIN_CF; its postmap makes what it should, or fails as it is told."""

    def __init__(self, default_type: str = "lmdb", fails: str = "") -> None:
        self.default_type, self.fails = default_type, fails
        self.asked: list[list[str]] = []

    def __call__(self, command: Sequence[str], given: str) -> Ran:
        self.asked.append(list(command))
        if command[0] == "postconf":
            return Ran(0, self._told(command), "")
        if command[1] == "-q":
            held = HELD.get(command[-1], "")
            return Ran(0 if held in given.split() else 1, f"{held}\tx\n" if held in given.split() else "", "")
        if self.fails:
            return Ran(1, "", self.fails)
        for table in command[1:]:
            kind, _, path = table.partition(":")
            Path(path + maps.COMPILED[kind]).write_text(f"compiled {Path(path).read_text()}")
        return Ran(0, "", "")

    def _told(self, command: Sequence[str]) -> str:
        if command[1] == "-h":
            return f"{self.default_type}\n"
        values = {"-x": {**MAIN_CF, **EXPANDED}, "-d": {}, "-P": {}}.get(command[1], MAIN_CF)
        return "".join(f"{name} = {value}\n" for name, value in values.items())

    @property
    def compiled(self) -> int:
        return sum(command[0] == "postmap" and command[1] != "-q" for command in self.asked)


def nothing(command: Sequence[str], given: str) -> Ran:
    return Ran(NOT_FOUND, "", "not found")


def test_the_classes_of_domains_by_name_and_by_table() -> None:
    domains = ["shared.example", "virtual.example", "lists.example", "relay.example", "new.example"]
    machine = ask_machine(domains, Fake())
    assert machine.found
    assert machine.value("relay_domains") == "relay.example, LISTS.example"
    assert machine.classes == {
        "shared.example": DomainClass.LOCAL,
        "virtual.example": DomainClass.VIRTUAL_ALIAS,
        "lists.example": DomainClass.RELAY,
        "relay.example": DomainClass.RELAY,
    }


def test_without_postfix_its_defaults_count() -> None:
    machine = ask_machine(["lists.example"], nothing)
    assert machine == Machine()
    assert machine.value("local_recipient_maps") == "proxy:unix:passwd.byname $alias_maps"


@pytest.mark.parametrize(
    ("default", "expected"),
    [("hash", "hash"), ("lmdb", "lmdb"), ("cdb", "cdb"), ("btree", "texthash"), ("", "texthash")],
)
def test_the_default_type_of_tables(default: str, expected: str) -> None:
    assert default_map_type(Fake(default)) == expected


def test_the_default_type_without_postfix() -> None:
    assert default_map_type(nothing) == "texthash"


def test_no_shell_reads_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "postmap"
    program.write_text('#!/bin/sh\necho "$1" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(PostmapError, match=r"^hash:/a b/\$\(touch x\);'q$"):
        postmap(["hash:/a b/$(touch x);'q"])
    program.write_text("no program\n")
    assert run_program(["postmap"], "").status == 126


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_program(["no-program-of-postfix"], "") == Ran(NOT_FOUND, "", "no-program-of-postfix: not found")


MADE = site([LISTS], ["ann@lists.example"], 'map_type = "hash"\n')
MORE = site([LISTS], ["ann@lists.example", "bee@lists.example"], 'map_type = "hash"\n')


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_tables_are_compiled_aside_and_come_together(tmp_path: Path) -> None:
    fake = Fake()
    assert rewrite(tmp_path, lambda: MADE, fake) == ()
    tables = held(tmp_path)
    assert sorted(tables) == sorted([*maps.NAMES, *(f"{name}.db" for name in maps.NAMES)])
    assert tables["postfix_lmtp.db"] == f"compiled {tables['postfix_lmtp']}"
    assert not [argument for argument in fake.asked[0] if argument == f"hash:{tmp_path}/postfix_lmtp"]
    assert stat.S_IMODE((tmp_path / "postfix_lmtp").stat().st_mode) == 0o644


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    fake = Fake()
    rewrite(tmp_path, lambda: MADE, fake)
    rewrite(tmp_path, lambda: MADE, fake)
    assert fake.compiled == 1
    rewrite(tmp_path, lambda: MORE, fake)
    assert fake.compiled == 2
    (tmp_path / "postfix_vmap.db").unlink()
    rewrite(tmp_path, lambda: MORE, fake)
    assert fake.compiled == 3


def test_a_postmap_that_fails_leaves_the_old_tables_and_is_told_of(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda: MADE, Fake())
    before = held(tmp_path)
    said = follow(tmp_path, lambda: MORE, Fake(fails="BDB0137 write\n" * 900 + "postmap: fatal: no room\n"))
    assert said == (f"Postfix's tables in {tmp_path} are as they were: postmap: fatal: no room",)
    assert held(tmp_path) == before


def test_without_postmap_the_tables_are_there_to_be_compiled(tmp_path: Path) -> None:
    [said] = rewrite(tmp_path, lambda: MADE, nothing)
    assert said.startswith("there is no postmap here")
    assert sorted(held(tmp_path)) == sorted(maps.NAMES)


def test_a_folder_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    assert follow(tmp_path / "missing", lambda: MADE, Fake()) == ()
    with pytest.raises(CannotWriteError):
        rewrite(tmp_path / "missing", lambda: MADE, Fake())


def test_lists_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    def away() -> None:
        raise DirectoryTrouble("the store is away")

    [said] = follow(tmp_path, away, Fake())  # type: ignore[arg-type]
    assert said.endswith("are as they were: the store is away")
    assert held(tmp_path) == {}


def test_all_is_written_or_nothing(tmp_path: Path) -> None:
    generated = generator.generate(MADE, tmp_path, Fake())
    assert [said for said in generated.warnings if "do not follow the lists" in said]
    with pytest.raises(PostmapError, match="no room"):
        generator.write(generated, tmp_path, pytest.fail, Fake(fails="no room"))
    assert held(tmp_path) == {}
    generator.write(generated, tmp_path, pytest.fail, Fake())
    assert {"main.cf.tables.sh", "postfix_lmtp", "postfix_lmtp.db"} <= held(tmp_path).keys()
    assert f"postconf -e 'transport_maps = hash:{tmp_path}/postfix_lmtp'\n" in held(tmp_path)["main.cf.tables.sh"]
