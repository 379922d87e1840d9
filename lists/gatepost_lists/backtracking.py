"""Regexes that only a backtracking engine can run: under the `regex` package, which stops at a time limit.

That package reads some things otherwise than Python does. So a regex is rewritten before it is compiled, until it
means what it means to Python: `\\w` and `\\b` take what str.isalnum() takes and no combining marks, `\\s` takes what
str.isspace() takes, a brace that is no repetition is a plain character (`{e<=1}` would allow one error), and so is a
bracket within a set (`[[:alpha:]]` would be all letters).
One difference is left: when case is ignored, the dotted and the dotless i are not taken for each other.
"""

from __future__ import annotations

import re

# How long one match may take. Longer is trouble, never a verdict.
TIME_LIMIT_SECONDS = 0.02

_TOKEN = re.compile(
    r"""
    \\N\{[^}]*\} | \\.                      # an escape
    | \[\^?\]?(?:\\N\{[^}]*\}|\\.|[^\]\\])*\]   # a set: a bracket that comes first in it is a plain one
    | \{(?:\d*,?\d*\})?                     # a repetition, or a brace
    | .
    """,
    re.DOTALL | re.VERBOSE,
)
_IN_SET = re.compile(r"\\N\{[^}]*\}|\\.|\[", re.DOTALL)
_SETS = {
    r"\w": r"\p{L}\p{N}_",
    # all other categories, and of the connectors (Pc) all but the underscore
    r"\W": r"\p{M}\p{Z}\p{S}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}"
    r"\u203f\u2040\u2054\ufe33\ufe34\ufe4d-\ufe4f\uff3f",
    r"\s": r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\S": r"\x00-\x08\x0e-\x1b\x21-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e"
    r"\u2060-\u2fff\u3001-\U0010ffff",
}
_INSIDE = {**_SETS, "[": r"\["}
_WORD = f"[{_SETS[chr(92) + 'w']}]"
_OUTSIDE = {
    **{escape: f"[{characters}]" for escape, characters in _SETS.items()},
    r"\b": f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    r"\B": f"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
    r"\z": r"\Z",  # Python's since 3.14, the package's since 2026
    "{": r"\{",
    "{}": r"\{\}",
}
_ASCII_FLAG = re.compile(r"\(\?[a-zA-Z]*a")


class PatternTimeout(Exception):
    """A regex took longer than TIME_LIMIT_SECONDS, or cannot be run on such a sender at all."""


class Backtracking:
    """A regex that Python takes, compiled for the `regex` package. Raises regex.error where that one does not."""

    def __init__(self, text: str, ignore_case: bool) -> None:
        import regex  # noqa: PLC0415 - rarely needed, and slow to load

        self._text = text
        self._regex = regex.compile(_rewritten(text), regex.V0 | (regex.IGNORECASE if ignore_case else 0))

    def matches(self, sender: str) -> bool:
        """Whether the sender matches at its start. Raises PatternTimeout."""
        try:
            return self._regex.match(sender, timeout=TIME_LIMIT_SECONDS) is not None
        except TimeoutError as error:
            raise PatternTimeout(f"the pattern {self._text!r} took over {TIME_LIMIT_SECONDS} s") from error


def _rewritten(text: str) -> str:
    kept = _SETS.keys() | {r"\b", r"\B"} if _ASCII_FLAG.search(text) else ()  # in (?a:…) the two mean the same by those

    def rewrite(part: str, table: dict[str, str]) -> str:
        return part if part in kept else table.get(part, part)

    def rewrite_token(token: re.Match[str]) -> str:
        if token[0].startswith("["):
            return "[" + _IN_SET.sub(lambda found: rewrite(found[0], _INSIDE), token[0][1:])
        return rewrite(token[0], _OUTSIDE)

    return _TOKEN.sub(rewrite_token, text)
