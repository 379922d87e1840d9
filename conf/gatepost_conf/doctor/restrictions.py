"""Postfix's lists of restrictions (postconf(5), access(5)), read into steps. No I/O here.

A restriction class, and a look-up table that may lead to one, stand for what the class holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gatepost_conf.postfix.restrictions import words

# What the client may do after one of these, whatever stands behind it in the same list.
ENDING = frozenset(
    {"permit", "permit_auth_destination", "permit_mx_backup", "permit_dnswl_client", "permit_rhswl_client"}
    | {"reject", "defer", "static:ok", "static:permit", "static:reject"}
)
# What keeps a Postfix from relaying for everybody (smtpd_relay_restrictions).
CLOSING = frozenset({"reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit"})
POLICY = "check_policy_service"
_WITH_ARGUMENT = re.compile(
    r"check_\w+_(?:access|maps)|check_policy_service|(?:reject|permit)_(?:rbl|rhsbl|dnswl|rhswl)_\w+|sleep"
)


class Step(NamedTuple):
    """One restriction: its name in lower case, its argument ('' for none).

    warns: it stands behind warn_if_reject. conditional: in a class that a table leads some to. spelt: the name as
    somebody wrote it. str() is how it is written.
    """

    name: str
    argument: str = ""
    warns: bool = False
    conditional: bool = False
    spelt: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, ("warn_if_reject" if self.warns else "", self.spelt or self.name, self.argument)))


def steps(text: str, classes: Mapping[str, str]) -> list[Step]:
    """The steps of a list. classes: the restriction classes, and what each holds."""
    return list(_steps(text, classes, frozenset()))


def _steps(text: str, classes: Mapping[str, str], within: frozenset[str]) -> Iterator[Step]:
    rest, warns = iter(words(text)), False
    for word in rest:
        name = word.lower()
        if name == "warn_if_reject":
            warns = True
            continue
        argument = next(rest, "") if _WITH_ARGUMENT.fullmatch(name) else ""
        yield from _meant(Step(name, argument, warns, spelt=word), word, classes, within)
        warns = False


def _meant(step: Step, word: str, classes: Mapping[str, str], within: frozenset[str]) -> Iterator[Step]:
    """The step, or those of the class that it names; behind a table, those of every class that it may lead to."""
    if word in classes:
        inner = within | {word}
        if word not in within:
            yield from (
                found._replace(warns=step.warns or found.warns) for found in _steps(classes[word], classes, inner)
            )
        return
    yield step
    if step.name.startswith("check_") and step.name != POLICY:
        for name in classes.keys() - within:
            if not step.argument.startswith("inline:") or re.search(rf"\b{re.escape(name)}\b", step.argument):
                for found in _steps(classes[name], classes, within | {name}):
                    yield found._replace(warns=step.warns or found.warns, conditional=True)


def service_address(argument: str) -> str:
    """The address in the argument of check_policy_service, which may stand in braces with attributes."""
    return with_attributes(argument)[0]


def with_attributes(word: str) -> tuple[str, dict[str, str]]:
    """A policy service or a milter: its address, and the attributes that it has in braces."""
    inner = word.strip().removeprefix("{").removesuffix("}") if word.startswith("{") else word
    address, *attributes = words(inner) or [""]
    pairs = (attribute.removeprefix("{").removesuffix("}").partition("=") for attribute in attributes)
    return address, {name.strip(): value.strip() for name, _, value in pairs}
