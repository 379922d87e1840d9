"""From pydantic's errors to lines that an operator understands: section, key, what was expected, what was given.

None of pydantic's own sentences gets through: only the types of its errors are read, and where a value was read by
gatepost_conf.settings.values, the words of the ValueError raised there.
"""

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gatepost_conf.settings.models import Section, Settings
from gatepost_conf.settings.words import either, shown, toml_word

_EXPECTED_TYPE = {
    "string_type": "a string",
    "bool_type": "a boolean",
    "int_type": "an integer",
    "float_type": "a number",
    "model_type": "a table",
    "dict_type": "a table",
}
_EXPECTED_VALUE = {
    "finite_number": "a finite number",
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+").fullmatch


def problem_lines(error: ValidationError) -> list[str]:
    """One line for each error, without the file's name."""
    return [_line(details) for details in error.errors(include_url=False)]


def _line(details: ErrorDetails) -> str:
    # Numbers in the location are places in an array: the value that is shown says which one it is.
    names = [name for name in details["loc"] if isinstance(name, str)]
    if details["type"] == "extra_forbidden":
        return _unknown(names, details["input"])
    where = _header(names) if _is_table(names) else f"{_header(names[:-1])} {names[-1]}"
    return f"{where}: {_complaint(details)}"


def _complaint(details: ErrorDetails) -> str:
    kind, value = details["type"], details["input"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error" and not isinstance(value, str):
        kind = "string_type"
    if kind in _EXPECTED_TYPE:
        return f"expected {_EXPECTED_TYPE[kind]}, got {toml_word(value)}"
    return f"expected {_EXPECTED_VALUE[kind].format_map(context)}, got {shown(value)}"


def _unknown(names: Sequence[str], value: object) -> str:
    *tables, name = names
    known = _keys(tables)
    if isinstance(value, dict):
        sections = [_header([*tables, key]) for key in known if _is_table([*tables, key])]
        return f"unknown section {_header(names)}{_hint(_header(names), sections, str)}"
    if not tables:
        homes = [_header([section]) for section in known if name in _keys([section])]
        return f"unknown key {shown(name)} outside of a section" + (f"; its place is {either(homes)}" if homes else "")
    return f"{_header(tables)}: unknown key {shown(name)}{_hint(name, known, repr)}"


def _hint(name: str, known: Sequence[str], quote: Callable[[str], str]) -> str:
    if close := difflib.get_close_matches(name.lower(), known, n=1):
        return f"; did you mean {quote(close[0])}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _header(tables: Sequence[str]) -> str:
    """The header of a table as the file has it: [policy.contexts."a b"]."""
    return f"[{'.'.join(name if _BARE_KEY(name) else json.dumps(name) for name in tables)}]"


def _keys(tables: Sequence[str]) -> list[str]:
    """The keys that a table knows."""
    section: type[Section] = _type_at(tables)
    return [field.alias or name for name, field in section.model_fields.items()]


def _is_table(names: Sequence[str]) -> bool:
    kind = _type_at(names)
    return get_origin(kind) is Mapping or (isinstance(kind, type) and issubclass(kind, Section))


def _type_at(names: Sequence[str]) -> Any:
    """The declared type of what stands at this place of the file: a section, a mapping of sections, or a value."""
    kind: Any = Settings
    for name in names:
        if get_origin(kind) is Mapping:
            kind = get_args(kind)[1]
        else:
            kind = next(field.annotation for key, field in kind.model_fields.items() if name == (field.alias or key))
    return kind
