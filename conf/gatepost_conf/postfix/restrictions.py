"""Lists of restrictions, tables and milters in main.cf: ours added to what a value has, or taken out. No I/O.

What was there keeps its words and their order, and ours is there once, however often it is added. A value that has it
already stays as it is: its place may be somebody's choice.

A value is taken as it is written, and `$name` in it stays written so, unless what has to be changed is hidden behind
it: then all of the value is replaced by what it comes to. `names` says what each `$name` comes to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate, chain

# A word, or what stands in braces with all its words; then what parts it from the next.
_WORD = re.compile(r"(\{(?:[^{}]|\{[^{}]*\})*\}|(?:[^\s,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+)[\s,]*")
_UNAUTH_DESTINATION = frozenset({"reject_unauth_destination", "defer_unauth_destination"})
# What postconf(5) has followed by a name, a number or, the last one, another restriction.
_WITH_ARGUMENT = re.compile(
    r"check_\w+|permit_dnswl_client|permit_rhswl_client|reject_rbl_client|reject_rhsbl_\w+|sleep|warn_if_reject"
).fullmatch
# `$name`, `${name}` and `$(name)` (postconf(5)).
_NAME = re.compile(r"\$(?:(\w+)|\{(\w+)\}|\((\w+)\))")
_NO_NAMES: Mapping[str, str] = {}


def words(value: str) -> list[str]:
    """The words of a value; braces keep theirs together."""
    return [match[1] for match in _WORD.finditer(value)]


def with_added(value: str, ours: str, is_ours: Callable[[str], bool], first: bool = False) -> str:
    """A list of tables or milters with ours, before the others or behind them. What else is_ours goes."""
    kept = [word for word in words(value) if word == ours or not is_ours(word)]
    if ours not in kept:
        kept = [ours, *kept] if first else [*kept, ours]
    return ", ".join(kept)


def with_checks(value: str, *checks: str, names: Mapping[str, str] = _NO_NAMES) -> str:
    """A list of restrictions with our checks in their place, one behind the other.

    The place is behind reject_unauth_destination, so that nothing is asked about mail that is refused in any case; else
    before the first `permit`, which would end the list; else at the end.
    """
    written = list(_items(value))
    meant = [list(_items(_spelt_out(item, names))) for item in written]
    items = list(chain(*meant))
    missing = [check for check in checks if not any(_is_same(item, check) for item in items)]
    if not missing:
        return ", ".join(written)
    place, ends = _place(items), list(accumulate(map(len, meant), initial=0))
    if place in ends:  # not within what a name stands for
        items, place = written, ends.index(place)
    return ", ".join([*items[:place], *missing, *items[place:]])


def without(value: str, is_ours: Callable[[str], bool], names: Mapping[str, str] = _NO_NAMES) -> str:
    """A list of restrictions, tables or milters without ours; a value that has none of them stays as it is."""
    meant = list(_items(_spelt_out(value, names)))
    gone = sum(map(is_ours, meant))
    if not gone:
        return value
    written = list(_items(value))
    return ", ".join(item for item in (written if sum(map(is_ours, written)) == gone else meant) if not is_ours(item))


def closes_relay(value: str) -> bool:
    """Whether a list of restrictions refuses what is for others."""
    return not _UNAUTH_DESTINATION.isdisjoint(_items(value))


def names_address(item: str, address: str) -> bool:
    """Whether a restriction or a milter has this address, be it in braces with attributes."""
    return address in re.split(r"[\s,{}]+", item)


def _place(items: list[str]) -> int:
    behind = next((at + 1 for at, item in enumerate(items) if item in _UNAUTH_DESTINATION), None)
    if behind is not None:
        return behind
    return next((at for at, item in enumerate(items) if item.startswith("permit")), len(items))


def _spelt_out(text: str, names: Mapping[str, str]) -> str:
    """The text with what its names come to."""
    return _NAME.sub(lambda found: names.get(found[1] or found[2] or found[3], found[0]), text)


def _is_same(item: str, check: str) -> bool:
    """Whether a restriction is this check, be it with attributes in braces."""
    kind, _, argument = check.partition(" ")
    return item == check or (item.startswith(f"{kind} {{") and names_address(item, argument))


def _items(value: str) -> Iterator[str]:
    """Each restriction, with its argument where it has one."""
    pending: list[str] = []
    for word in words(value):
        pending.append(word)
        argument_follows = _WITH_ARGUMENT(word) and (len(pending) == 1 or pending[-2] == "warn_if_reject")
        if not argument_follows:
            yield " ".join(pending)
            pending.clear()
    if pending:
        yield " ".join(pending)
