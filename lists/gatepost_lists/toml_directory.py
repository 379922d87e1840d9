"""A read-only directory in a TOML file, for a handful of lists that are kept by hand or by a configuration tool.

    [domains."lists.example"]
    alias_domain = "l.example"
    shared = false

    [lists."announce@lists.example"]
    members = ["anne@example.org", { address = "bart@example.org", moderation_action = "reject" }]
    nonmembers = [{ address = "cris@example.org", moderation_action = "accept" }]
    owners = ["olga@example.org"]
    bans = ["^.*@spam\\.example$"]
    default_nonmember_action = "reject"

    [site]
    bans = ["mallory@example.net"]
    linked = [["anne@example.org", "anne@work.example"]]

Attributes bear the names and have the defaults of the embedded store. A file that has changed is read again at the
next snapshot, whole; one that cannot be read is DirectoryTrouble with all that is wrong in it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from gatepost_lists.addresses import Address, AddressError, strict_address, strict_domain
from gatepost_lists.directory import DirectoryTrouble
from gatepost_lists.model import NOWHERE, Action, Domain, MailingList, Place, Standing
from gatepost_lists.patterns import Pattern, PatternError, PatternList, compile_regex, normal_entry, pattern_list
from gatepost_lists.subaddresses import readings

_PATTERNS = ("accept_these_nonmembers", "hold_these_nonmembers", "reject_these_nonmembers", "discard_these_nonmembers")
_ACTIONS = ("default_nonmember_action", "default_member_action")
_DESCRIPTIVE = ("display_name", "description", "subscription_policy", "owners", "moderators")
_PEOPLE = ("members", "nonmembers", "bans")
_KNOWN = {
    "": {"domains", "lists", "site"},
    "domains": {"alias_domain", "shared"},
    "lists": {*_PATTERNS, *_ACTIONS, *_DESCRIPTIVE, *_PEOPLE, "emergency", "max_message_size"},
    "site": {"bans", "linked"},
}


class _Bans:
    """Exact addresses, and patterns that ignore case."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._patterns: list[tuple[str, Pattern]] = []
        for text in entries:
            entry = normal_entry(text, lists_allowed=False, ignore_case=True)
            if entry.startswith("^"):
                self._patterns.append((entry, compile_regex(entry, ignore_case=True)))
            else:
                self._exact.add(entry)

    def find(self, email: str) -> str:
        if email in self._exact:
            return email
        return next((text for text, pattern in self._patterns if pattern.matches(email)), "")


class _Contents:
    """The file, read: raises KeyError, TypeError, ValueError with words for whoever wrote it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        _refuse_unknown(document, "", "the file")
        self.domains: dict[str, Domain] = {}
        self.lists: dict[str, MailingList] = {}
        self.members: dict[str, dict[str, Action | None]] = {}
        self.nonmembers: dict[str, dict[str, Action | None]] = {}
        self.bans: dict[str, _Bans] = {}
        for name, table in _table(document, "domains").items():
            self._add_domain(name, table)
        for name, table in _table(document, "lists").items():
            self._add_list(name, table)
        site = _table(document, "site")
        _refuse_unknown(site, "site", "[site]")
        self.everywhere = _Bans(_strings(site, "bans"))
        self.linked: dict[str, frozenset[str]] = {}
        for group in site.get("linked", []):
            together = frozenset(str(strict_address(text)) for text in group)
            self.linked.update(dict.fromkeys(together, together))

    def _add_domain(self, name: str, table: Mapping[str, Any]) -> None:
        _refuse_unknown(table, "domains", f'[domains."{name}"]')
        alias = table.get("alias_domain", "")
        shared = _typed(table, "shared", bool, False)
        domain = Domain(strict_domain(name), strict_domain(alias) if alias else "", shared)
        for key in filter(None, (domain.mail_host, domain.alias_domain)):
            if key in self.domains:
                raise ValueError(f"two domains are called {key}")
            self.domains[key] = domain

    def _add_list(self, name: str, table: Mapping[str, Any]) -> None:
        _refuse_unknown(table, "lists", f'[lists."{name}"]')
        address = strict_address(name)
        if address.domain not in self.domains:
            raise ValueError(f"the list {name} is in no domain of [domains]")
        listname = str(address)
        attributes: dict[str, Any] = {key: _patterns(table, key) for key in _PATTERNS}
        attributes |= {key: Action(table[key]) for key in _ACTIONS if key in table}
        self.lists[listname] = MailingList(
            list_id=f"{address.local}.{address.domain}",
            list_name=address.local,
            mail_host=address.domain,
            emergency=_typed(table, "emergency", bool, False),
            max_message_size=_typed(table, "max_message_size", int, 0),
            **attributes,
        )
        self.members[listname] = _people(table.get("members", []))
        self.nonmembers[listname] = _people(table.get("nonmembers", []))
        self.bans[listname] = _Bans(_strings(table, "bans"))


def _patterns(table: Mapping[str, Any], key: str) -> PatternList:
    lists_allowed = key == "accept_these_nonmembers"
    return pattern_list(tuple(normal_entry(text, lists_allowed=lists_allowed) for text in _strings(table, key)))


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, Mapping):
        raise TypeError(f"{key} must be a table")
    return table


def _refuse_unknown(table: Any, kind: str, where: str) -> None:
    if not isinstance(table, Mapping):
        raise TypeError(f"{where} must be a table")
    if unknown := sorted(set(table) - _KNOWN[kind]):
        raise ValueError(f"unknown key {unknown[0]!r} in {where}")


def _typed(table: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if type(value) is not kind:
        raise TypeError(f"{key} must be {'true or false' if kind is bool else 'a number'}, not {value!r}")
    return value


def _strings(table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{key} must be a list of strings")
    return value


def _people(entries: list[Any]) -> dict[str, Action | None]:
    people: dict[str, Action | None] = {}
    for entry in entries:
        record = {"address": entry} if isinstance(entry, str) else entry
        action = record.get("moderation_action")
        people[str(strict_address(record["address"]))] = Action(action) if action else None
    return people


class TomlDirectory:
    """Lists in a TOML file. See gatepost_lists.directory.Directory for what the methods promise."""

    refuse_oversize = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._contents: _Contents | None = None

    def snapshot(self) -> TomlDirectory:
        return self

    def __enter__(self) -> TomlDirectory:
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if self._contents is None or seen != self._seen:
                self._contents = _Contents(tomllib.loads(self._path.read_text("utf-8")))
                self._seen = seen
        except OSError as error:
            raise self._trouble(error.strerror or str(error)) from error
        except (AddressError, PatternError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._trouble(f"no {error}" if isinstance(error, KeyError) else str(error)) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to let go of: what was read stays until the file changes."""

    def find(self, recipient: Address) -> Place:
        contents = self._read()
        domain = contents.domains.get(recipient.domain)
        if domain is None:
            return NOWHERE
        for name, subaddress, extension in readings(recipient):
            if mailing_list := contents.lists.get(f"{name}@{domain.mail_host}"):
                return Place(domain, mailing_list, subaddress, extension)
        return Place(domain)

    def standing(self, mailing_list: MailingList, senders: tuple[str, ...]) -> Standing:
        contents, name = self._read(), mailing_list.fqdn_listname
        linked = [
            other for email in senders for other in sorted(contents.linked.get(email, ())) if other not in senders
        ]
        members, nonmembers = contents.members[name], contents.nonmembers[name]
        bans = (contents.everywhere.find(email) or contents.bans[name].find(email) for email in senders)
        membership = next((email for email in (*senders, *linked) if email in members), None)
        return Standing(
            banned=next(filter(None, bans), ""),
            member=membership is not None,
            linked=membership in linked,
            member_action=members[membership] if membership else None,
            nonmember_action=next((action for email in senders if (action := nonmembers.get(email))), None),
        )

    def is_member(self, fqdn_listname: str, senders: tuple[str, ...]) -> bool:
        contents = self._read()
        members = contents.members.get(fqdn_listname, {})
        emails = (email for sender in senders for email in (sender, *contents.linked.get(sender, ())))
        return any(email in members for email in emails)

    def close(self) -> None:
        self._contents = self._seen = None

    def _read(self) -> _Contents:
        if self._contents is None:
            raise self._trouble("asked outside a snapshot")
        return self._contents

    def _trouble(self, reason: str) -> DirectoryTrouble:
        self.close()
        return DirectoryTrouble(f"{self._path}: {reason}")
