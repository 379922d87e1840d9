"""What somebody types, checked and brought into the form in which it is kept: names, attributes, patterns, actions.

No database here. Everything raises BadValueError, whose message says what was expected; but for `known_as` and `said`,
which take whatever comes by mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from gatepost_lists.addresses import Address, AddressError, strict_address, strict_domain
from gatepost_lists.model import Action
from gatepost_lists.patterns import PatternError, normal_entry
from gatepost_lists.senders import parse_sender
from gatepost_lists.store.errors import BadValueError, NotFoundError

SUBSCRIPTION_POLICIES = ("open", "confirm", "moderate", "confirm_then_moderate")
# Who is told that a post of his waits for a moderator.
HOLD_NOTICES = ("off", "members", "all")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SETTING = re.compile(r"([a-z_]+)(\+=|-=|=)(.*)", re.DOTALL).fullmatch
_NOT_IN_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK = re.compile(r"[\s<>]")
# Mail servers rewrite or route by these, read them as syntax, or take them for files and commands.
_NOT_IN_LIST_NAMES = re.compile(r'[@%!"\\()<>\[\],:;|/]')
# What stands for no moderation action of one's own: what the list says counts.
LIST_DEFAULT = "default"
_LARGEST_NUMBER = 2**31 - 1
_LONGEST_DAYS = 36_500
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
    return _one_of(tuple(Action), text)


def moderation(text: str | None) -> str | None:
    """A moderation action as it is kept: None for LIST_DEFAULT, or where none was given."""
    return None if text is None or text == LIST_DEFAULT else action(text)


def policy(text: str) -> str:
    return _one_of(SUBSCRIPTION_POLICIES, text)


def _hold_notices(text: str) -> str:
    return _one_of(HOLD_NOTICES, text)


def _one_of(known: tuple[str, ...], text: str) -> str:
    if text.strip().lower() not in known:
        raise BadValueError(f"{text!r} is none of {', '.join(known)}")
    return text.strip().lower()


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise BadValueError(f"{text!r} is none of {', '.join(_BOOLEANS)}") from None


def _number(least: int, most: int, what: str) -> Callable[[str], int]:
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


_SCALARS: dict[str, Callable[[str], object]] = {
    "display_name": one_line,
    "description": one_line,
    "subscription_policy": policy,
    "default_nonmember_action": action,
    "default_member_action": action,
    "emergency": _boolean,
    "max_message_size": _number(0, _LARGEST_NUMBER, "number of KiB (0 for no limit)"),
    "process_bounces": _boolean,
    "bounce_score_threshold": _number(1, _LARGEST_NUMBER, "number of bounces from 1 on"),
    "bounce_info_stale_after": _number(1, _LONGEST_DAYS, f"number of days from 1 to {_LONGEST_DAYS}"),
    "hold_notices": _hold_notices,
    "max_days_to_hold": _number(0, _LONGEST_DAYS, f"number of days from 1 to {_LONGEST_DAYS} (0 for no limit)"),
}
PATTERN_ATTRIBUTES = tuple(f"{action}_these_nonmembers" for action in ("accept", "hold", "reject", "discard"))
SETTABLE = tuple(sorted((*_SCALARS, *PATTERN_ATTRIBUTES)))


class Setting(NamedTuple):
    """One change of one attribute. operator is '=', '+=' or '-='; value is checked, a tuple of entries for patterns."""

    attribute: str
    operator: str
    value: Any


def setting(text: str) -> Setting:
    """Read ATTRIBUTE=VALUE, ATTRIBUTE+=ENTRY or ATTRIBUTE-=ENTRY. Several entries stand on lines of their own."""
    match = _SETTING(text)
    if not match:
        raise BadValueError(f"{text!r} is no ATTRIBUTE=VALUE")
    attribute, operator, value = match.groups()
    if attribute in PATTERN_ATTRIBUTES:
        return Setting(attribute, operator, _entries(attribute, operator, value))
    if attribute not in _SCALARS:
        raise BadValueError(f"a list has no {attribute!r} that can be set", f"there are {', '.join(SETTABLE)}")
    if operator != "=":
        raise BadValueError(f"{attribute} has one value: set it with '=', not '{operator}'")
    try:
        return Setting(attribute, operator, _SCALARS[attribute](value))
    except BadValueError as error:
        raise BadValueError(f"{attribute}: {error}") from error


def _entries(attribute: str, operator: str, value: str) -> tuple[str, ...]:
    entries = [entry.strip() for entry in value.split("\n") if entry.strip()]
    if not entries and operator != "=":
        raise BadValueError(f"{attribute}{operator} needs an address or a ^regex")
    if operator == "-=":
        return tuple(entries)  # what is to go may be older than today's checks
    try:
        lists_allowed = attribute == "accept_these_nonmembers"
        return tuple(pattern(entry, lists_allowed=lists_allowed) for entry in entries)
    except BadValueError as error:
        raise BadValueError(f"{attribute}: {error}") from error


def literal_globs(settings: Iterable[Setting]) -> tuple[str, ...]:
    """What to say of entries that are to be there and read like globs."""
    entries = (
        entry
        for attribute, operator, value in settings
        if attribute in PATTERN_ATTRIBUTES and operator != "-="
        for entry in value
    )
    return tuple(filter(None, map(literal_glob, entries)))


def apply(settings: Iterable[Setting], current: dict[str, Any]) -> dict[str, Any]:
    """The attributes that differ from `current` when the settings have been made one after the other.

    Raises NotFoundError for '-=' of an entry that is not there.
    """
    new: dict[str, Any] = {}
    for attribute, operator, value in settings:
        if attribute not in PATTERN_ATTRIBUTES:
            new[attribute] = value
            continue
        before = [] if operator == "=" else new.get(attribute, current[attribute])
        new[attribute] = _without(attribute, before, value) if operator == "-=" else [*dict.fromkeys([*before, *value])]
    return {attribute: value for attribute, value in new.items() if value != current[attribute]}


def _without(attribute: str, entries: list[str], going: tuple[str, ...]) -> list[str]:
    left = list(entries)
    for text in going:
        entry = text if text in left else _spelt_as_kept(text)
        if entry not in left:
            raise NotFoundError(f"{attribute} has no {text!r}")
        left.remove(entry)
    return left


def _spelt_as_kept(text: str) -> str:
    try:
        return normal_entry(text)
    except PatternError:
        return text.lower()
