"""postconf(1), postmap(1) and postfix(1), run without a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gatepost_conf.postfix.machine import DEFAULTS, DomainClass, Machine, is_public, to_keep
from gatepost_conf.postfix.restrictions import words

# Where Postfix's commands are beside $PATH, which may have them for root alone.
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/postfix/usr/sbin")
_PATIENCE_SECONDS = 60
NOT_FOUND = 127


class Ran(NamedTuple):
    """How a program ended: its exit status (NOT_FOUND: there is none of that name), and what it wrote."""

    status: int
    output: str
    errors: str


# Runs a command, its first word by name, with this on standard input.
Run = Callable[[Sequence[str], str], Ran]


class PostmapError(Exception):
    """postmap could not compile the tables. The message has its own words, in one line."""


def run_program(command: Sequence[str], given: str) -> Ran:
    """Run a program of Postfix's."""
    program = _program(command[0])
    if program is None:
        return Ran(NOT_FOUND, "", f"{command[0]}: not found")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ran(1, "", f"{command[0]} took longer than {_PATIENCE_SECONDS} s")
    except OSError as error:
        return Ran(126, "", f"{program}: {error.strerror}")
    return Ran(done.returncode, done.stdout, done.stderr)


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS]))


def reload_postfix() -> bool:
    """`postfix reload`, which only root may do; whether it has begun. What it starts to look at the queue goes on."""
    program = _program("postfix")
    if program is None:
        return False
    nothing = subprocess.DEVNULL  # its messages go to the log; a pipe would be held open by what goes on
    try:
        done = subprocess.run(
            [program, "reload"], stdin=nothing, stdout=nothing, stderr=nothing, timeout=_PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def expanded(parameters: Iterable[str], run: Run = run_program) -> Machine:
    """What the Postfix here has for some parameters of machine.DEFAULTS, with names in their values expanded."""
    values = _parameters(["postconf", "-x", *parameters], run)
    return Machine(bool(values), values)


def ask_machine(domains: Iterable[str], run: Run = run_program) -> Machine:
    """What the Postfix here says, and in which class it has each of these domains."""
    written = _parameters(["postconf", *DEFAULTS], run)
    if not written:
        return Machine()
    defaults = _parameters(["postconf", "-d", *DEFAULTS], run)
    meant = _parameters(["postconf", "-x"], run)
    values = {name: to_keep(value, defaults.get(name, ""), meant.get(name, value)) for name, value in written.items()}
    classes: dict[str, DomainClass] = {}
    for domain_class in reversed(DomainClass):  # the first of them counts
        members = _members(words(meant.get(domain_class, "")), list(domains), run)
        classes |= dict.fromkeys(members, domain_class)
    return Machine(True, values, classes, meant, tuple(_overrides(run)))


def default_map_type(run: Run = run_program) -> str:
    """What postconf says is the type of a new table, if we write it; else texthash, which needs no postmap."""
    done = run(["postconf", "-h", "default_database_type"], "")
    named = done.output.strip()
    return named if done.status == 0 and named in {"hash", "lmdb", "cdb"} else DEFAULTS["default_database_type"]


def _parameters(command: Sequence[str], run: Run) -> dict[str, str]:
    done = run(command, "")
    lines = (line.partition("=") for line in done.output.splitlines()) if done.status == 0 else ()
    return {name.strip(): value.strip() for name, equals, value in lines if equals}


def _overrides(run: Run) -> Iterator[tuple[str, str]]:
    """The parameters that an SMTP server which strangers reach has of its own (master(5), -o)."""
    for name in _parameters(["postconf", "-P"], run):
        service, _, parameter = name.rpartition("/")
        if is_public(service):
            yield service, parameter


def _members(listed: Sequence[str], domains: Sequence[str], run: Run) -> set[str]:
    """Which domains a value has: by name, in a file of names, or in a table that can be asked."""
    found = {name.lower() for word in listed if ":" not in word for name in _names(word)} & set(domains)
    for table in listed:
        if ":" in table:
            done = run(["postmap", "-q", "-", table.removeprefix("proxy:")], "".join(f"{name}\n" for name in domains))
            found |= {line.partition("\t")[0] for line in done.output.splitlines()} & set(domains)
    return found


def _names(word: str) -> list[str]:
    """What a word of a list stands for: itself, or what a file holds that it names (postconf(5), mydestination)."""
    if not word.startswith("/"):
        return [word]
    try:
        lines = Path(word).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [name for line in lines if not line.startswith("#") for name in words(line)]


def postmap(tables: Sequence[str], run: Run = run_program) -> bool:
    """Compile tables, each TYPE:PATH; False where there is no postmap. Raises PostmapError."""
    done = run(["postmap", *tables], "")
    if done.status == NOT_FOUND:
        return False
    if done.status:
        # A full disk is told of for each page of a table: the last line says what it came to.
        *_, said = ["", *filter(None, done.errors.splitlines())]
        raise PostmapError(said or f"postmap ended with {done.status}")
    return True
