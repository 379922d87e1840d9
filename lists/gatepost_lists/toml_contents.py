"""What a TOML directory says, checked: all mistakes are found at once, each with the table and key that it is in.

The values are checked as those of the embedded store are. No I/O here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar

from gatepost_lists import checks
from gatepost_lists.attributes import ATTRIBUTES, BY_NAME, Attribute, Kind
from gatepost_lists.errors import BadValueError
from gatepost_lists.model import Action, Domain, MailingList, Role
from gatepost_lists.patterns import pattern_list

T = TypeVar("T")

_ROLES = {"members": Role.MEMBER, "nonmembers": Role.NONMEMBER, "owners": Role.OWNER, "moderators": Role.MODERATOR}
_OF_LISTS = (*BY_NAME, *_ROLES, "bans")
# Attributes that the judge looks at.
_JUDGED = BY_NAME.keys() & {field.name for field in fields(MailingList)}

# Who is on a list in some role, and the moderation action of each.
People = dict[str, Action | None]


class ContentsError(ValueError):
    """The file says something that cannot be. The message holds every mistake."""


class _Table:
    """One table of the file: hands out its values checked, and notes what is wrong with the others."""

    def __init__(self, where: str, value: object, known: Iterable[str], mistakes: list[str]) -> None:
        self._where, self._mistakes = where, mistakes
        self._values: Mapping[str, object] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            mistakes.append(f"{where}: expected a table, found {value!r}")
        mistakes += [f"{where}: unknown key {key!r}" for key in self._values if key not in set(known)]

    def one(self, key: str, check: Callable[[Any], T], default: T) -> T:
        return self.checked(key, check, self._values[key], default) if key in self._values else default

    def many(self, key: str, check: Callable[[Any], T]) -> list[T]:
        items = self._values.get(key, [])
        if not isinstance(items, list):
            self.mistake(key, f"expected a list, found {items!r}")
            return []
        checked = (self.checked(key, check, item, None) for item in items)
        return [item for item in checked if item is not None]

    def checked(self, key: str, check: Callable[[Any], T], value: object, default: T) -> T:
        try:
            return check(value)
        except BadValueError as error:
            self.mistake(key, str(error))
            return default

    def mistake(self, key: str, what: str) -> None:
        self._mistakes.append(f"{self._where}{key and ' '}{key}: {what}")


def _text(check: Callable[[str], T]) -> Callable[[object], T]:
    def checked(value: object) -> T:
        if not isinstance(value, str):
            raise BadValueError(f"expected text, found {value!r}")
        return check(value)

    return checked


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValueError(f"expected true or false, found {value!r}")
    return value


def _action(text: str) -> Action:
    return Action(checks.action(text))


def _alias(text: str) -> str:
    return checks.domain_name(text) if text else ""


def _email(text: str) -> str:
    return str(checks.member_address(text))


def _person(value: object) -> tuple[str, Action | None]:
    if not isinstance(value, dict):
        return _text(_email)(value), None
    if not {"address"} <= value.keys() <= {"address", "moderation_action"}:
        raise BadValueError(f"expected an address, or {{ address, moderation_action }}, found {value!r}")
    action = _text(_action)(value["moderation_action"]) if "moderation_action" in value else None
    return _text(_email)(value["address"]), action


def _group(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadValueError(f"expected a list of addresses, found {value!r}")
    return tuple(dict.fromkeys(_text(_email)(item) for item in value))


class Bans(NamedTuple):
    """Exact addresses, and `^regexes`."""

    exact: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()


def _bans(entries: list[str]) -> Bans:
    patterns = tuple(entry for entry in entries if entry.startswith("^"))
    return Bans(frozenset(entries) - {*patterns}, patterns)


class Contents:
    """All that a document says. Raises ContentsError."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.domains: dict[str, Domain] = {}
        self.lists: dict[str, MailingList] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self.people: dict[str, dict[Role, People]] = {}
        self.bans: dict[str, Bans] = {}
        self.linked: dict[str, tuple[str, ...]] = {}
        self._mistakes: list[str] = []
        self._table("the file", document, ("domains", "lists", "site"))
        for name, table in self._tables(document, "domains"):
            self._add_domain(name, self._table(f'[domains."{name}"]', table, ("alias_domain", "shared")))
        for name, table in self._tables(document, "lists"):
            self._add_list(name, self._table(f'[lists."{name}"]', table, _OF_LISTS))
        self._add_site(self._table("[site]", document.get("site", {}), ("bans", "linked")))
        if self._mistakes:
            raise ContentsError("; ".join(self._mistakes))

    def _table(self, where: str, value: object, known: Iterable[str]) -> _Table:
        return _Table(where, value, known, self._mistakes)

    def _tables(self, document: dict[str, Any], key: str) -> Iterable[tuple[str, object]]:
        tables = document.get(key, {})
        self._table(f"[{key}]", tables, tables if isinstance(tables, dict) else ())
        return tables.items() if isinstance(tables, dict) else ()

    def _add_domain(self, name: str, table: _Table) -> None:
        mail_host = table.checked("", checks.domain_name, name, "")
        alias = table.one("alias_domain", _text(_alias), "")
        domain = Domain(mail_host, alias, table.one("shared", _boolean, False))
        for host in filter(None, dict.fromkeys((mail_host, alias))):
            if self.domains.setdefault(host, domain) is not domain or mail_host == alias:
                table.mistake("", f"{host} is the name of two domains, or of one and its alias")

    def _add_list(self, name: str, table: _Table) -> None:
        address = table.checked("", checks.list_address, name, None)
        domain = self.domains.get(address.domain) if address else None
        if address and not domain:
            table.mistake("", f"there is no [domains.{address.domain!r}]")
        attributes = {attribute.name: _value(table, attribute) for attribute in ATTRIBUTES}
        mailing_list = _mailing_list(address.local if address else "", domain.mail_host if domain else "", attributes)
        listname = mailing_list.fqdn_listname
        if address and domain and listname in self.lists:
            table.mistake("", f"{listname} is there twice")
        self.lists[listname], self.attributes[listname] = mailing_list, attributes
        self.people[listname] = {role: dict(table.many(key, _person)) for key, role in _ROLES.items()}
        self.bans[listname] = _bans(table.many("bans", _text(checks.ban_pattern)))

    def _add_site(self, site: _Table) -> None:
        self.everywhere = _bans(site.many("bans", _text(checks.ban_pattern)))
        for group in site.many("linked", _group):
            for email in group:
                if self.linked.setdefault(email, group) is not group:
                    site.mistake("linked", f"{email} is in two groups")


def _value(table: _Table, attribute: Attribute) -> Any:
    if attribute.kind is Kind.ENTRIES:
        return table.many(attribute.name, attribute.read)
    return table.one(attribute.name, attribute.read, attribute.unsaid)


def _mailing_list(list_name: str, mail_host: str, attributes: Mapping[str, Any]) -> MailingList:
    judged = {name: _as_judged(BY_NAME[name].kind, attributes[name]) for name in _JUDGED}
    actions = {name: Action(judged[name]) for name in ("default_nonmember_action", "default_member_action")}
    return MailingList(f"{list_name}.{mail_host}", list_name, mail_host, **judged | actions)


def _as_judged(kind: Kind, value: Any) -> Any:
    return pattern_list(tuple(value)) if kind is Kind.ENTRIES else value
