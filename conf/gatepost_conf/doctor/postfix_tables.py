"""Postfix itself and its tables: its version, its complaints, types that it can read, files that are up to date."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.postfix_config import Postfix
from gatepost_conf.postfix.lookups import NAMING_TABLES
from gatepost_conf.postfix.maps import COMPILED, maps

_OLDEST = (3, 0)  # braces in check_policy_service and inline: tables
_TABLE = re.compile(r"(?<![\w:])([a-z]+):(/[^\s,{}]+)")
_READING = (*NAMING_TABLES, "virtual_alias_domains")


def version(case: Case) -> Iterator[Result]:
    """It is recent enough."""
    number = tuple(int(part) for part in re.findall(r"\d+", case.postfix.version)[:2])
    if number >= _OLDEST:
        yield ok(f"Postfix {case.postfix.version}")
    else:
        yield wrong(f"Postfix {case.postfix.version}: what gatepost prints needs 3.0", "apt install postfix")


def complaints(case: Case) -> Iterator[Result]:
    """postconf has nothing to say of the files, such as a parameter that is mistyped."""
    lines = case.postfix.complaints.splitlines()
    for line in lines:
        yield note(line.partition("warning: ")[2] or line, "take it out of the file, or spell it as postconf(5) does")
    if not lines:
        yield ok("postconf has no complaints")


def types(case: Case) -> Iterator[Result]:
    """It can read each type of table that it is told to read."""
    postfix, used = case.postfix, sorted({kind for kind, _ in _tables(case.postfix)})
    wanted = case.settings.postfix.map_type
    if wanted and wanted not in postfix.types:
        yield wrong(
            f"[postfix] map_type is {wanted}, which this Postfix cannot read",
            f'apt install postfix-{wanted}; or in gatepost.toml: [postfix] map_type = ""',
        )
    for kind in used:
        if kind in postfix.types:
            yield ok(f"tables of the type {kind} can be read")
        elif kind != wanted:
            yield wrong(
                f"tables of the type {kind} are named, which this Postfix cannot read", f"apt install postfix-{kind}"
            )


def fresh(case: Case) -> Iterator[Result]:
    """The tables that gatepost writes say what the lists are now."""
    folder = case.settings.postfix.maps_dir
    ours = sorted({(kind, path) for kind, path in _tables(case.postfix) if path.parent == folder})
    if not ours:
        raise Absent(f"Postfix reads no table in {folder}")
    for kind, path in ours:
        yield _fresh(case, kind, path)


def _fresh(case: Case, kind: str, path: Path) -> Result:
    mend = f"gatepost conf postfix --write {shlex.quote(str(path.parent))}"
    text = maps(case.site, kind).texts.get(path.name)
    if text is None:
        return note(f"{path} is no table of gatepost's")
    try:
        written = case.machine.read(path)
        source = case.machine.stat(path).st_mtime
        compiled = case.machine.stat(Path(f"{path}{COMPILED[kind]}")).st_mtime if kind in COMPILED else source
    except FileNotFoundError as error:
        return wrong(f"{error.filename or path} is not there", mend)
    if written != text:
        return wrong(f"{path} does not say what the lists are now", mend)
    if compiled < source:
        return wrong(f"{path}{COMPILED[kind]} is older than {path}", f"postmap {kind}:{shlex.quote(str(path))}")
    return ok(f"{path} is up to date")


def _tables(postfix: Postfix) -> Iterator[tuple[str, Path]]:
    """The files that Postfix reads as tables for addresses and domains, each with its type."""
    for parameter in _READING:
        for kind, path in _TABLE.findall(postfix.settings[parameter].replace("proxy:", "")):
            yield kind, Path(path)
