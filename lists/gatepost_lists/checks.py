"""What somebody types, checked and brought into the form in which it is kept: names, addresses, patterns, actions.

No database here. Everything raises BadValueError, whose message says what was expected; but for `known_as` and `said`,
which take whatever comes by mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gatepost_lists.addresses import Address, AddressError, strict_address, strict_domain
from gatepost_lists.errors import BadValueError
from gatepost_lists.model import Action
from gatepost_lists.patterns import PatternError, normal_entry
from gatepost_lists.senders import parse_sender

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NOT_IN_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK = re.compile(r"[\s<>]")
# Mail servers rewrite or route by these, read them as syntax, or take them for files and commands.
_NOT_IN_LIST_NAMES = re.compile(r'[@%!"\\()<>\[\],:;|/]')
# What stands for no moderation action of one's own: what the list says counts.
LIST_DEFAULT = "default"
_LONGEST_SAID = 500


def domain_name(text: str) -> str:
    """The name of a domain, in its IDNA form."""
    try:
        return strict_domain(_unbroken(text.strip()))
    except AddressError as error:
        raise BadValueError(str(error)) from error


def list_address(text: str) -> Address:
    """The posting address of a list that is to be made: the name in lower case, the domain in its IDNA form."""
    name, at, _ = text.rpartition("@")
    if not at or not name:
        raise BadValueError(f"{text!r} is no address of a list", "write it as NAME@DOMAIN")
    if odd := _NOT_IN_LIST_NAMES.search(name):
        raise BadValueError(f"the name of a list may not have {odd[0]!r}: {name!r}")
    return member_address(text)


def member_address(text: str) -> Address:
    """An address that is to be kept, in the form in which it is compared."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1].strip()
    try:
        address = strict_address(_unbroken(bare))
    except AddressError as error:
        raise BadValueError(str(error)) from error
    if "@" in address.local:
        raise BadValueError(f"{_shortened(text)} has more than one '@'")
    return address


def _unbroken(text: str) -> str:
    """The text itself. What is judged may be read with white space and brackets anywhere; what is kept may not."""
    if odd := _BREAK.search(text):
        raise BadValueError(f"{_shortened(text)} has {odd[0]!r} in the middle")
    return text


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


def one_line(text: str) -> str:
    """A text for people: one line of printable characters."""
    if _NOT_IN_TEXT.search(text):
        raise BadValueError(f"{text!r} has a character that a line of text may not have")
    return text.strip()


def known_as(text: str) -> str:
    """The form in which an address is compared that somebody else wrote; what is none is an address of nobody."""
    return next(iter(parse_sender(text)), "")


def said(text: str) -> str:
    """What others said, which may be anything, as one line of printable characters, and not a long one."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST_SAID else f"{line[: _LONGEST_SAID - 1]}…"


def action(text: str) -> str:
    """One of Mailman's actions."""
    return one_of(tuple(Action), text)


def moderation(text: str | None) -> str | None:
    """A moderation action as it is kept: None for LIST_DEFAULT, or where none was given."""
    return None if text is None or text == LIST_DEFAULT else action(text)


def one_of(known: tuple[str, ...], text: str) -> str:
    """One of these words."""
    if text.strip().lower() not in known:
        raise BadValueError(f"{text!r} is none of {', '.join(known)}")
    return text.strip().lower()


def boolean(text: str) -> bool:
    """Yes or no."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise BadValueError(f"{text!r} is none of {', '.join(_BOOLEANS)}") from None


def number(least: int, most: int, what: str) -> Callable[[str], int]:
    """A check for a whole number within bounds; what: the words for it."""

    def checked(text: str) -> int:
        text = text.strip()
        if not (text.isascii() and text.isdigit() and len(text) < 11 and least <= int(text) <= most):
            raise BadValueError(f"{text!r} is no {what}")
        return int(text)

    return checked


def pattern(text: str, *, lists_allowed: bool, ignore_case: bool = False) -> str:
    """An entry of a …_these_nonmembers, or a ban."""
    if _NOT_IN_TEXT.search(text):
        raise BadValueError(f"{text!r} has a character that a pattern may not have")
    try:
        return normal_entry(text, lists_allowed=lists_allowed, ignore_case=ignore_case)
    except PatternError as error:
        raise BadValueError(str(error)) from error


def literal_glob(entry: str) -> str:
    """What to say of an entry that reads like a glob, '' for any other: only a ^regex stands for several addresses."""
    entry = entry.strip()
    if "*" not in entry or entry.startswith(("^", "@")):
        return ""
    regex = "^" + ".*".join(re.escape(part) for part in entry.lower().split("*")) + "$"
    return f"{entry!r} stands for that very address, with the '*': for all that are like it, write {regex!r}"


def ban_pattern(text: str) -> str:
    """A ban: an address, or a ^regex that ignores case."""
    return pattern(text, lists_allowed=False, ignore_case=True)
