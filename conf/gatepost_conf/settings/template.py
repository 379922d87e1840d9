"""The commented gatepost.toml that `gatepost init` writes.

It is made from the models, so that it tells each key's default and purpose as they are. A part's sections join
SECTIONS when the part does. Keys stand commented out (`#key = value`, without a space), but for those that a user is
likely to change; text follows `# `. As it is written, the file says what an empty one would.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from pydantic.fields import FieldInfo

from gatepost_conf.settings import models
from gatepost_conf.settings.models import Section

WIDTH = 100
# The folder that the defaults name, beside the file.
DATA = "var"

_PREAMBLE = (
    "gatepost's settings. A line that begins with #key shows the default, or an example where there is none: take the"
    " # away to change it. Relative paths are taken from this file's folder. Durations: 90s, 15m, 12h, 5d, 2w."
)


@dataclass(frozen=True)
class Entry:
    """A section of the file: its header, what its model is, which keys are not commented out, if any.

    An example is commented out whole, header included.
    """

    header: str
    does: str
    model: type[Section]
    active: frozenset[str] = frozenset()
    example: bool = False


def _section(name: str, *active: str) -> Entry:
    field = models.Settings.model_fields[name]
    assert isinstance(field.annotation, type)  # noqa: S101 - a table of ours
    return Entry(name, field.description or "", field.annotation, frozenset(active))


SECTIONS = (
    _section("site"),
    _section("lists", "directory", "mode", "on_trouble"),
    _section("log", "format"),
    _section("policy", "listen", "workers"),
    Entry("policy.contexts.trial", "for requests whose policy_context is 'trial'", models.PolicyContext, example=True),
    _section("socketmap", "listen"),
    _section("milter", "listen", "stage", "workers"),
    _section("lmtp", "listen", "public_address", "stage", "workers"),
    _section("queue", "engine"),
    _section("delivery", "smtp_host", "smtp_port", "dmarc", "workers"),
    _section("devmode"),
    _section("postfix", "maps_dir"),
    _section("metrics", "listen"),
)


def template(data: str = DATA) -> str:
    """The text of the file; it loads to the defaults, with any of its keys uncommented too.

    data: the folder that store, queue and tables are in, if another than the default.
    """
    blocks = ["".join(_comment(_PREAMBLE)), *("".join(_lines(entry)) for entry in SECTIONS)]
    return re.sub(rf'(?<=")(sqlite:///|){DATA}/', rf"\g<1>{data}/", "\n".join(blocks))


def _lines(entry: Entry) -> Iterator[str]:
    yield from _comment(entry.does)
    yield f"{'#' if entry.example else ''}[{entry.header}]\n"
    # The keys that every part has follow those of its own.
    fields = sorted(entry.model.model_fields.items(), key=lambda item: item[0] in models.Part.model_fields)
    for name, field in fields:
        if not _is_table(field):
            yield from _comment(field.description or "")
            yield _key_line(field.alias or name, field, name in entry.active)


def _key_line(key: str, field: FieldInfo, active: bool) -> str:
    value = field.examples[0] if field.examples and not active else field.default
    return f"{'' if active else '#'}{key} = {_toml(value)}\n"


def _is_table(field: FieldInfo) -> bool:
    return isinstance(field.default, dict)


def _toml(value: object) -> str:
    """A string, boolean, number or array of strings; JSON writes each of them as TOML does."""
    return json.dumps(value)


def _comment(text: str) -> Iterator[str]:
    for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}\n"
