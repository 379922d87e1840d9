"""Whatever stands in the file: it loads, or each problem is one line that begins with the file's name."""

import json
import math
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gatepost_conf.settings import (
    Delivery,
    Devmode,
    Lists,
    Lmtp,
    Log,
    Milter,
    Policy,
    Postfix,
    Queue,
    Settings,
    SettingsError,
    Site,
    load,
    parse,
)

FILE = Path("/srv/gate/gatepost.toml")
# Words that pydantic's and Python's messages have, and ours do not.
FOREIGN = ("Input should", "pydantic", "validation error", "Traceback", "<class", "NoneType", " dict", "tuple")

KEYS = sorted(
    {
        field.alias or name
        for section in (Site, Lists, Log, Policy, Milter, Lmtp, Queue, Delivery, Devmode, Postfix)
        for name, field in section.model_fields.items()
    }
)
MEANINGFUL = st.sampled_from(
    [
        "",
        "foo",
        "5d",
        "0s",
        "enforce",
        "observe",
        "inet:127.0.0.1:1",
        "inet:[::1]:x",
        "inet:[::1",
        "unix:a?mode=9",
        "unix:",
        "sqlite:///a",
        "sqlite:///",
        "postgresql://h:x/d",
        "postgresql://[/d",
        "mailman+http://[::1]:0/3.1",
        "mailman:",
        "a@b.c",
        "@a:b@c",
        "10.0.0.0/8",
        "1/2",
        "[::1]:25",
        "[::1]:99999",
        "mx.example.org",
        "xn--",
        "ß.example",
        "․.a",
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = st.one_of(
    MEANINGFUL,
    TEXT,
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.just(UTC)),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
SECTION = st.dictionaries(st.sampled_from(KEYS) | TEXT, VALUES, max_size=5)
SECTION_NAMES = st.sampled_from(sorted(Settings.model_fields)) | TEXT
CONTEXTS = st.fixed_dictionaries({"contexts": st.dictionaries(TEXT, SECTION | SCALARS, max_size=2)})
DOCUMENTS = st.dictionaries(SECTION_NAMES, SECTION | CONTEXTS | VALUES, max_size=5)


def to_toml(value: Any) -> str:
    """Any TOML value, inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {to_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(to_toml(inner) for inner in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, int) or not math.isfinite(value) or "." in repr(value) else f"{value:e}"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def assert_loads_or_tells(text: str) -> None:
    try:
        parse(text, FILE)
    except SettingsError as error:
        assert error.problems
        for line in error.problems:
            assert line.startswith(f"{FILE}: ")
            assert line.isprintable()


@given(DOCUMENTS)
def test_any_document_loads_or_every_line_names_the_file(document: dict[str, Any]) -> None:
    text = "".join(f"{quoted(key)} = {to_toml(value)}\n" for key, value in document.items())
    assert_loads_or_tells(text)


@given(
    st.sampled_from(sorted(Settings.model_fields)),
    st.sampled_from(KEYS),
    SCALARS.filter(lambda value: not isinstance(value, str)) | MEANINGFUL,
)
def test_no_wording_of_pydantic_or_python(section: str, key: str, value: Any) -> None:
    try:
        parse(f"[{section}]\n{key} = {to_toml(value)}\n", FILE)
    except SettingsError as error:
        assert not [word for word in FOREIGN for line in error.problems if word in line]


@given(st.text(alphabet="[]{}=\"'\n#.,_ae1-:\\", max_size=60))
def test_any_text_loads_or_every_line_names_the_file(text: str) -> None:
    assert_loads_or_tells(text)


@given(octets=st.binary(max_size=60))
def test_any_octets_load_or_every_line_names_the_file(tmp_path_factory: Any, octets: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "gatepost.toml"
    path.write_bytes(octets)
    try:
        load(path)
    except SettingsError as error:
        assert all(line.startswith(f"{path}: ") for line in error.problems)
