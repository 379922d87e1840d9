"""Lists of restrictions and of tables in main.cf: ours added to what a value has. No I/O.

What was there keeps its words and their order, and ours is there once, however often it is added. A value that has it
already stays as it is: its place may be somebody's choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# A word, or what stands in braces with all its words; then what parts it from the next.
_WORD = re.compile(r"(\{(?:[^{}]|\{[^{}]*\})*\}|(?:[^\s,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+)[\s,]*")
_UNAUTH_DESTINATION = frozenset({"reject_unauth_destination", "defer_unauth_destination"})
# What postconf(5) has followed by a name, a number or, the last one, another restriction.
_WITH_ARGUMENT = re.compile(
    r"check_\w+|permit_dnswl_client|permit_rhswl_client|reject_rbl_client|reject_rhsbl_\w+|sleep|warn_if_reject"
).fullmatch


def words(value: str) -> list[str]:
    """The words of a value; braces keep theirs together."""
    return [match[1] for match in _WORD.finditer(value)]


def with_added(value: str, ours: str, is_ours: Callable[[str], bool], first: bool = False) -> str:
    """A list of tables or milters with ours, before the others or behind them. What else is_ours goes."""
    kept = [word for word in words(value) if word == ours or not is_ours(word)]
    if ours not in kept:
        kept = [ours, *kept] if first else [*kept, ours]
    return ", ".join(kept)


def with_checks(value: str, *checks: str) -> str:
    """A list of restrictions with our checks in their place, one behind the other.

    The place is behind reject_unauth_destination, so that nothing is asked about mail that is refused in any case; else
    before the first `permit`, which would end the list; else at the end.
    """
    items = list(_items(value))
    missing = [check for check in checks if not any(_is_same(item, check) for item in items)]
    place = next((at + 1 for at, item in enumerate(items) if item in _UNAUTH_DESTINATION), None)
    if place is None:
        place = next((at for at, item in enumerate(items) if item.startswith("permit")), len(items))
    return ", ".join([*items[:place], *missing, *items[place:]])


def _is_same(item: str, check: str) -> bool:
    """Whether a restriction is this check, be it with attributes in braces."""
    kind, _, argument = check.partition(" ")
    return item == check or (item.startswith(f"{kind} {{") and argument in re.split(r"[\s,{}]+", item))


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
