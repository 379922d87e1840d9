"""What a list has that can be set: one table for the store's schema, the TOML directory, the commands and their help.

A new attribute is one row here and a migration, and a field of MailingList or Profile where the judge or delivery needs
it. No database here. Whatever is typed or written wrongly raises BadValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from gatepost_lists import checks
from gatepost_lists.checks import number
from gatepost_lists.errors import BadValueError, NotFoundError
from gatepost_lists.model import Action
from gatepost_lists.patterns import PatternError, normal_entry

_SETTING = re.compile(r"([a-z_]+)(\+=|-=|=)(.*)", re.DOTALL).fullmatch
_LARGEST = 2**31 - 1
_LONGEST_DAYS = 36_500


class Kind(Enum):
    """What an attribute holds. ENTRIES: any number of texts, which '+=' and '-=' add and take away."""

    TEXT = str
    BOOLEAN = bool
    NUMBER = int
    ENTRIES = list


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, by Mailman's name.

    default: what a new list in our own store has. unsaid: what a list has of which nothing was ever said: in a TOML
    directory, and in the store where the list is older than the attribute; None: the default. check: reads what
    somebody has typed, or one entry of several. help: one line; what it is, or which values it takes.
    """

    name: str
    kind: Kind
    default: Any
    check: Callable[[str], Any]
    help: str
    unsaid: Any = None

    def __post_init__(self) -> None:
        if self.unsaid is None:
            object.__setattr__(self, "unsaid", self.default)

    def read(self, value: object) -> Any:
        """A value that a file has in a type of its own. Of entries, one. Raises BadValueError."""
        expected = str if self.kind is Kind.ENTRIES else self.kind.value
        if type(value) is not expected:
            raise BadValueError(f"expected {_NAMES[expected]}, found {value!r}")
        return value if expected is bool else self.check(str(value))


_NAMES = {str: "text", bool: "true or false", int: "a number"}


def _words(name: str, default: str, known: tuple[str, ...], what: str = "") -> Attribute:
    listed = ", ".join(known)
    return Attribute(name, Kind.TEXT, default, partial(checks.one_of, known), f"{listed}: {what}" if what else listed)


def _patterns(name: str, what: str, lists_allowed: bool = False) -> Attribute:
    return Attribute(name, Kind.ENTRIES, [], partial(checks.pattern, lists_allowed=lists_allowed), what)


_ACTIONS = tuple(map(str, Action))
_DAYS = f"days from 1 to {_LONGEST_DAYS}"
ATTRIBUTES = (
    Attribute("display_name", Kind.TEXT, "", checks.one_line, "one line of text"),
    Attribute("description", Kind.TEXT, "", checks.one_line, "one line of text"),
    _words("subscription_policy", "confirm", ("open", "confirm", "moderate", "confirm_then_moderate")),
    _patterns("accept_these_nonmembers", "addresses, ^regexes, @other@lists (their members)", lists_allowed=True),
    _patterns("hold_these_nonmembers", "addresses and ^regexes"),
    _patterns("reject_these_nonmembers", "addresses and ^regexes"),
    _patterns("discard_these_nonmembers", "addresses and ^regexes"),
    _words("default_nonmember_action", "hold", _ACTIONS),
    _words("default_member_action", "defer", _ACTIONS),
    Attribute("emergency", Kind.BOOLEAN, False, checks.boolean, "yes, no"),
    Attribute(
        "max_message_size",
        Kind.NUMBER,
        1024,
        number(0, _LARGEST, "number of KiB (0 for no limit)"),
        "KiB; 0 for no limit",
        unsaid=0,
    ),
    Attribute("process_bounces", Kind.BOOLEAN, True, checks.boolean, "yes, no: whether bounces count against members"),
    Attribute(
        "bounce_score_threshold",
        Kind.NUMBER,
        5,
        number(1, _LARGEST, "number of bounces from 1 on"),
        "bounces, one a day, until mail to an address is stopped",
    ),
    Attribute(
        "bounce_info_stale_after",
        Kind.NUMBER,
        7,
        number(1, _LONGEST_DAYS, f"number of {_DAYS}"),
        "days without a bounce until those before count no more",
    ),
    _words("hold_notices", "members", ("off", "members", "all"), "who is told that a post waits for a moderator"),
    Attribute(
        "max_days_to_hold",
        Kind.NUMBER,
        30,
        number(0, _LONGEST_DAYS, f"number of {_DAYS} (0 for no limit)"),
        "days after which what waits is thrown away; 0: never",
        unsaid=0,
    ),
)
BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}
SETTABLE = tuple(sorted(BY_NAME))
DEFAULTS = {attribute.name: attribute.default for attribute in ATTRIBUTES}


def described() -> str:
    """A line for each attribute: its name, and what it takes."""
    width = max(map(len, BY_NAME)) + 4
    return "\n".join(f"{attribute.name:<{width}}{attribute.help}" for attribute in ATTRIBUTES)


class Setting(NamedTuple):
    """One change of one attribute. operator is '=', '+=' or '-='; value is checked, a tuple of texts for entries."""

    attribute: str
    operator: str
    value: Any


def setting(text: str) -> Setting:
    """Read ATTRIBUTE=VALUE, ATTRIBUTE+=ENTRY or ATTRIBUTE-=ENTRY. Several entries stand on lines of their own."""
    match = _SETTING(text)
    if not match:
        raise BadValueError(f"{text!r} is no ATTRIBUTE=VALUE")
    name, operator, value = match.groups()
    if (attribute := BY_NAME.get(name)) is None:
        raise BadValueError(f"a list has no {name!r} that can be set", f"there are {', '.join(SETTABLE)}")
    if attribute.kind is not Kind.ENTRIES and operator != "=":
        raise BadValueError(f"{name} has one value: set it with '=', not '{operator}'")
    try:
        read = _entries(attribute, operator, value) if attribute.kind is Kind.ENTRIES else attribute.check(value)
    except BadValueError as error:
        raise BadValueError(f"{name}: {error}", error.hint) from error
    return Setting(name, operator, read)


def _entries(attribute: Attribute, operator: str, value: str) -> tuple[str, ...]:
    entries = [entry.strip() for entry in value.split("\n") if entry.strip()]
    if not entries and operator != "=":
        raise BadValueError(f"'{operator}' needs an address or a ^regex")
    if operator == "-=":
        return tuple(entries)  # what is to go may be older than today's checks
    return tuple(attribute.check(entry) for entry in entries)


def literal_globs(settings: Iterable[Setting]) -> tuple[str, ...]:
    """What to say of entries that are to be there and read like globs."""
    entries = (
        entry
        for name, operator, value in settings
        if BY_NAME[name].kind is Kind.ENTRIES and operator != "-="
        for entry in value
    )
    return tuple(filter(None, map(checks.literal_glob, entries)))


def apply(settings: Iterable[Setting], current: dict[str, Any]) -> dict[str, Any]:
    """The attributes that differ from `current` when the settings have been made one after the other.

    Raises NotFoundError for '-=' of an entry that is not there.
    """
    new: dict[str, Any] = {}
    for name, operator, value in settings:
        if BY_NAME[name].kind is not Kind.ENTRIES:
            new[name] = value
            continue
        before = [] if operator == "=" else new.get(name, current[name])
        new[name] = _without(name, before, value) if operator == "-=" else [*dict.fromkeys([*before, *value])]
    return {name: value for name, value in new.items() if value != current[name]}


def _without(name: str, entries: list[str], going: tuple[str, ...]) -> list[str]:
    left = list(entries)
    for text in going:
        entry = text if text in left else _spelt_as_kept(text)
        if entry not in left:
            raise NotFoundError(f"{name} has no {text!r}")
        left.remove(entry)
    return left


def _spelt_as_kept(text: str) -> str:
    try:
        return normal_entry(text)
    except PatternError:
        return text.lower()
