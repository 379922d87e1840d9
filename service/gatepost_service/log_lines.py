r"""How one log line looks, as text or as JSON.

A client chooses much of what is logged, so nothing that it sends may end a line, begin a key, or reach a terminal as a
control character:
- text is key=value, separated by blanks. A value stands as it is when all of it is printable and it has no blank,
  `"`, `=` or backslash; else it is put in double quotes, with `\"`, `\\`, `\n`, `\r`, `\t`, `\xNN` (a control
  character, or a byte that is no UTF-8) and `\uNNNN` in it. An empty value or None is nothing at all: `sender=`.
- JSON is one object a line, ASCII only. A byte that is no UTF-8 becomes the four characters `\xNN` in the string.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Literal

Format = Literal["text", "json"]

stands_as_it_is = re.compile(r"[!#-<>-\[\]-~]*").fullmatch  # printable ASCII but blank " = \
_TO_ESCAPE = re.compile(r'[^ -~]|["\\]')
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_KEY_UNFIT = re.compile(r"[^A-Za-z0-9_.-]")
_JSON_UNFIT = re.compile("[\x7f\ud800-\udfff]")  # json.dumps would let them pass or make half characters of them


def render(fields: Mapping[str, object], form: Format) -> str:
    """One line, without its end."""
    return render_text(fields) if form == "text" else render_json(fields)


def render_text(fields: Mapping[str, object]) -> str:
    return " ".join([f"{_KEY_UNFIT.sub('_', key)}={text_value(value)}" for key, value in fields.items()])


def render_json(fields: Mapping[str, object]) -> str:
    return json.dumps({key: json_value(value) for key, value in fields.items()})


def text_value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if stands_as_it_is(text):
        return text
    escaped = _TO_ESCAPE.sub(_escape, text)
    return escaped if escaped == text and not {" ", "="}.intersection(text) else f'"{escaped}"'


def _escape(match: re.Match[str]) -> str:
    letter = match[0]
    if letter in _NAMED:
        return _NAMED[letter]
    if letter.isprintable():
        return letter
    return escape_code(letter)


def escape_code(letter: str) -> str:
    r"""`\xNN` for a control character or a byte (surrogateescape, PEP 383), `\uNNNN` or `\UNNNNNNNN` for the others."""
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_value(value: object) -> object:
    """The value as JSON can say it: a number that it lacks, or a thing of another type, becomes text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {json_text(str(key)): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    return json_text(str(value))


def json_text(text: str) -> str:
    return _JSON_UNFIT.sub(lambda match: escape_code(match[0]), text)
