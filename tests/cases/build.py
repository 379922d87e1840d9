"""The world of the cases in each engine: a TOML directory's text, and an embedded store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cases.world import WORLD, ListOf, Person, World
from gatepost_lists import Role
from gatepost_lists.store.admin import Store
from gatepost_lists.store.versions import create

_ROLE_KEYS = {Role.MEMBER: "members", Role.NONMEMBER: "nonmembers", Role.OWNER: "owners", Role.MODERATOR: "moderators"}


def toml_text(world: World = WORLD) -> str:
    """The world as a TOML directory."""
    blocks = [f"[site]\nbans = {_toml(world.bans)}\nlinked = {_toml(world.linked)}\n"]
    for domain in world.domains:
        alias = f"alias_domain = {_toml(domain.alias_domain)}\n" if domain.alias_domain else ""
        blocks.append(f"[domains.{_toml(domain.mail_host)}]\n{alias}shared = {_toml(domain.shared)}\n")
    blocks += [_toml_list(mailing_list) for mailing_list in world.lists]
    return "\n".join(blocks)


def _toml_list(mailing_list: ListOf) -> str:
    values: dict[str, Any] = {**mailing_list.attributes, "bans": mailing_list.bans}
    for role, key in _ROLE_KEYS.items():
        values[key] = tuple(_toml_person(person) for person in mailing_list.people if person.role is role)
    lines = (f"{key} = {_toml(value)}\n" for key, value in values.items())
    return f"[lists.{_toml(mailing_list.fqdn_listname)}]\n{''.join(lines)}"


def _toml_person(person: Person) -> str | dict[str, str]:
    return {"address": person.address, "moderation_action": person.action} if person.action else person.address


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def build_toml(path: Path, world: World = WORLD) -> str:
    """Write the world as a TOML directory; its URL."""
    path.write_text(toml_text(world), "utf-8")
    return f"toml:///{path}"


def build_store(path: Path, world: World = WORLD) -> str:
    """Make an embedded store that holds the world; its URL."""
    create(path)
    with Store(path) as store, store.transaction():
        for domain in world.domains:
            store.add_domain(domain.mail_host, domain.alias_domain, domain.shared)
        for mailing_list in world.lists:
            _store_list(store, mailing_list)
        for first, *others in world.linked:
            for other in others:
                store.link(first, other)
        for ban in world.bans:
            store.add_ban(ban)
    return f"sqlite:///{path}"


def _store_list(store: Store, mailing_list: ListOf) -> None:
    name = mailing_list.fqdn_listname
    # Where nothing is said of a limit there is none, as in a TOML directory.
    attributes = {"max_message_size": 0, **mailing_list.attributes}
    store.create_list(name, *(f"{key}={_setting(value)}" for key, value in attributes.items()))
    for address, role, action in mailing_list.people:
        store.add_members(name, [address], role, action)
    for ban in mailing_list.bans:
        store.add_ban(ban, name)


def _setting(value: bool | int | str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return "\n".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
