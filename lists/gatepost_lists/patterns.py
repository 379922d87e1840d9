"""Patterns over senders, with the meaning that they have in Mailman.

- an exact address is compared as it is kept with the lower-cased sender: what is set here is kept in lower case, and
  what Mailman has kept with capitals matches nobody, as there;
- `^regex` is Python's syntax, matched at the start, case-sensitive against the lower-cased sender (bans ignore case);
- `@list@host` stands for the members of that list (in accept_these_nonmembers only; the directory knows them).

RE2 runs a regex wherever it reads it with the same meaning as Python, so that no pattern can stall the gate. The rest
runs under the `regex` package with a time limit. What Python cannot compile is no pattern at all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

import re2

from gatepost_lists.addresses import AddressError, parse_address
from gatepost_lists.backtracking import Backtracking, PatternTimeout

# RE2 reads these without complaint but means something else: `a{,3}` is literal to it, `[[:alpha:]]` is a class.
_READ_OTHERWISE = re.compile(r"\{,|\[[:.=]")
# These mean the same only while the sender is ASCII.
_ASCII_ONLY = re.compile(r"\\[wWdDsSbB]|\(\?[a-zA-Z]*i")
_PRINTABLE_ASCII = re.compile(r"[ -~]*").fullmatch


class PatternError(ValueError):
    """The text is no pattern. The message says why."""


class Pattern(Protocol):
    """A compiled `^regex`."""

    def matches(self, sender: str) -> bool:
        """Whether the lower-cased sender matches at its start. Raises PatternTimeout."""


def _compile_linear(text: str, ignore_case: bool) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not ignore_case
    return re2.compile(text, options=options)


class _Linear:
    """Runs under RE2; a sender beyond ASCII may need the other engine."""

    def __init__(self, text: str, ignore_case: bool) -> None:
        self._match = _compile_linear(text, ignore_case).match
        self._text, self._ignore_case = text, ignore_case
        self._ascii_only = ignore_case or _ASCII_ONLY.search(text) is not None

    def matches(self, sender: str) -> bool:
        if not _PRINTABLE_ASCII(sender) and (self._ascii_only or not sender.isprintable()):
            try:
                pattern = _backtracking(self._text, self._ignore_case)
            except Exception as error:
                raise PatternTimeout(f"the pattern {self._text!r} cannot be run on {sender!r}: {error}") from error
            return pattern.matches(sender)
        return self._match(sender) is not None


@lru_cache(maxsize=1024)
def _backtracking(text: str, ignore_case: bool) -> Backtracking:
    return Backtracking(text, ignore_case)


@lru_cache(maxsize=8192)
def compile_regex(text: str, ignore_case: bool = False) -> Pattern:
    """Compile a `^regex`. Raises PatternError when Python would not take it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(text)
        except (re.error, ValueError, OverflowError, RecursionError) as error:
            raise PatternError(f"{text!r} is no regular expression: {error}") from error
    if text.isascii() and not _READ_OTHERWISE.search(text):
        try:
            return _Linear(text, ignore_case)
        except re2.error:
            pass  # look-around, back-references and the like
    try:
        return _backtracking(text, ignore_case)
    except Exception as error:
        raise PatternError(f"{text!r} cannot be run with a time limit: {error}") from error


class PatternList:
    """One of a list's four `…_these_nonmembers`: exact addresses, regexes, and lists whose members count. Or its bans.

    However many regexes there are, a sender who matches none costs one match: RE2 tries them all at once.
    """

    __slots__ = ("_any", "entries", "exact", "lists", "regexes", "skipped")

    def __init__(self, entries: tuple[str, ...], ignore_case: bool = False) -> None:
        """Read entries that are in force. A regex that is none is skipped, as Mailman does, and named in `skipped`."""
        self.entries = entries
        self.exact = frozenset(entry for entry in entries if entry[:1] not in ("^", "@"))
        self.lists = tuple(entry[1:] for entry in entries if entry.startswith("@"))
        regexes, skipped = [], []
        for entry in entries:
            if entry.startswith("^"):
                try:
                    regexes.append((entry, compile_regex(entry, ignore_case)))
                except PatternError as error:
                    skipped.append(str(error))
        self.regexes = tuple(regexes)
        self.skipped = tuple(skipped)
        self._any = _any_of(self.regexes, ignore_case)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PatternList) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"PatternList({self.entries!r})"

    def find(self, sender: str) -> str:
        """The entry that the lower-cased sender matches, '' for none; `@list` entries are not looked at."""
        if sender in self.exact:
            return sender
        if self._any is not None and _PRINTABLE_ASCII(sender) and self._any(sender) is None:
            return ""
        for entry, pattern in self.regexes:
            if pattern.matches(sender):
                return entry
        return ""


def _any_of(regexes: tuple[tuple[str, Pattern], ...], ignore_case: bool) -> Callable[[str], object] | None:
    """A matcher for all of them together, None where one needs the other engine or RE2 finds the whole too large."""
    if not regexes or not all(isinstance(pattern, _Linear) for _, pattern in regexes):
        return None
    try:
        together = _compile_linear("|".join(f"(?:{text})" for text, _ in regexes), ignore_case)
    except re2.error:
        return None
    return cast(Callable[[str], object], together.match)


NO_PATTERNS = PatternList(())


@lru_cache(maxsize=8192)
def pattern_list(entries: tuple[str, ...], ignore_case: bool = False) -> PatternList:
    """The PatternList of these entries: lists with equal entries share one."""
    return PatternList(entries, ignore_case) if entries else NO_PATTERNS


def normal_entry(text: str, *, lists_allowed: bool = True, ignore_case: bool = False) -> str:
    """An entry that somebody wants to set, in the form in which it is kept.

    Raises PatternError for a bad regex, a bad address, or `@list@host` where it has no meaning.
    """
    text = text.strip()
    if text.startswith("^"):
        compile_regex(text, ignore_case)
        return text
    if text.startswith("@") and not lists_allowed:
        raise PatternError(f"{text!r}: '@list@host' has a meaning in accept_these_nonmembers only")
    try:
        address = parse_address(text.removeprefix("@"))
    except AddressError as error:
        raise PatternError(str(error)) from error
    if not address.domain:
        raise PatternError(f"{text!r} is neither an address nor a ^regex")
    return ("@" if text.startswith("@") else "") + str(address)
