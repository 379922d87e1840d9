"""Finding gatepost.toml and reading it: either the settings, or everything that is wrong with the file at once."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gatepost_conf.settings.models import Settings
from gatepost_conf.settings.problems import SettingsError
from gatepost_conf.settings.report import problem_lines
from gatepost_conf.settings_file import search, usual_places

# tomllib says where with '(at line 3, column 7)' or '(at end of document)'.
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

# It names a table as Python's tuple of its names: ('policy', 'contexts').
_TABLE = re.compile(r"\((?:'[^']*'(?:, |,)?)+\)")
_NAME = re.compile(r"'([^']*)'")


def find(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The file to read, by the search of gatepost_conf.settings_file.

    Whether a file that was named is there shows when it is loaded. Raises SettingsError when none was named and
    there is none.
    """
    if found := search(explicit, environ, cwd):
        return found
    places = " and ".join(map(str, usual_places(cwd)))
    hint = "name one with --config FILE or $GATEPOST_CONFIG, or write one with `gatepost init`"
    raise SettingsError([f"no configuration file: looked for {places}; {hint}"])


def load(path: Path) -> Settings:
    """Read a file. Relative paths in it are taken from its folder. Raises SettingsError."""
    try:
        octets = path.read_bytes()
    except IsADirectoryError as error:
        raise SettingsError([f"{path}: expected a file, found a directory"]) from error
    except FileNotFoundError as error:
        raise SettingsError([f"{path}: no such file"]) from error
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from error
    try:
        return parse(octets.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        raise SettingsError([f"{path}: line {line}: not UTF-8"]) from error


def parse(text: str, path: Path) -> Settings:
    """Read the text of a file that stands, or will stand, at `path`. Raises SettingsError."""
    try:
        return Settings.model_validate(_document(text, path), context=path.absolute().parent)
    except ValidationError as error:
        raise SettingsError([f"{path}: {line}" for line in problem_lines(error)]) from error


def _document(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: {_syntax_problem(str(error), text)}"]) from error
    except (ValueError, RecursionError) as error:
        # What tomllib lets through: an integer of thousands of digits, arrays nested a thousand deep.
        raise SettingsError(
            [f"{path}: not TOML that can be read: a number too long or a value nested too deep"]
        ) from error


def _syntax_problem(message: str, text: str) -> str:
    position = _POSITION.search(message)
    line = (position and position[1]) or text.count("\n") + 1
    words = _TABLE.sub(lambda table: f"[{'.'.join(_NAME.findall(table[0]))}]", _POSITION.sub("", message))
    return f"line {line}: not TOML: {words}"
