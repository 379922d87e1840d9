"""Domains, through the store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_lists.errors import BadValueError, ExistsError, NotFoundError
from gatepost_lists.model import Domain
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Change


def test_adding_and_changing(store: Store) -> None:
    assert store.add_domain("Example.ORG.") is Change.NEW
    assert store.add_domain("example.org") is Change.SAME
    assert store.add_domain("example.org", shared=True) is Change.CHANGED
    assert store.add_domain("example.org", alias_domain="bücher.example") is Change.CHANGED
    assert store.domains() == [
        Domain("example.org", "xn--bcher-kva.example", True),
        Domain("lists.example", "l.example", False),
    ]
    assert store.add_domain("example.org", alias_domain="", shared=False) is Change.CHANGED
    assert store.domains()[0] == Domain("example.org")


@pytest.mark.parametrize("name", ["", "a b", "a@b", "-", "a..b", "x" * 64, "\udcff.example", "a\nb"])
def test_what_is_no_domain_name(store: Store, name: str) -> None:
    with pytest.raises(BadValueError):
        store.add_domain(name)
    if name:
        with pytest.raises(BadValueError):
            store.add_domain("new.example", alias_domain=name)
    assert len(store.domains()) == 1


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("l.example", None),
        ("new.example", "l.example"),
        ("new.example", "lists.example"),
        ("new.example", "NEW.example"),
        ("lists.example", "lists.example"),
    ],
)
def test_a_name_serves_one_domain_only(store: Store, name: str, alias: str | None) -> None:
    with pytest.raises(ExistsError):
        store.add_domain(name, alias_domain=alias)
    assert store.domains() == [Domain("lists.example", "l.example")]


def test_removing(store: Store) -> None:
    with pytest.raises(ExistsError, match="still has 1 list"):
        store.remove_domain("lists.example")
    with pytest.raises(NotFoundError, match="the alias of"):
        store.remove_domain("l.example")
    with pytest.raises(NotFoundError, match=r"no domain other\.example"):
        store.remove_domain("other.example")
    store.remove_list("ann@lists.example")
    assert store.remove_domain("lists.example") == []
    assert store.domains() == []


def test_removing_with_all_lists(store: Store, path: Path) -> None:
    store.add_domain("other.example")
    for address in ("bee@lists.example", "ann@other.example"):
        store.create_list(address)
        store.add_members(address, ["bo@x.example", f"only-{address.replace('@', '.')}@x.example"])
        store.add_ban("mallory@x.example", address)
    assert store.remove_domain("lists.example", with_lists=True) == ["ann@lists.example", "bee@lists.example"]
    assert [domain.mail_host for domain in store.domains()] == ["other.example"]
    assert [row["fqdn_listname"] for row in store.lists()] == ["ann@other.example"]
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in (("member", 2), ("ban", 1), ("address", 2)):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,), table


@pytest.mark.parametrize("name", ["l.example", "unknown.example"])
def test_what_is_no_domain_of_its_own_takes_no_list_with_it(store: Store, name: str) -> None:
    with pytest.raises(NotFoundError):
        store.remove_domain(name, with_lists=True)
    assert [row["fqdn_listname"] for row in store.lists()] == ["ann@lists.example"]


def test_all_of_it_goes_or_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise NotFoundError("in the end")

    store.create_list("bee@lists.example")
    monkeypatch.setattr("gatepost_lists.store.domains.remove", fail)
    with pytest.raises(NotFoundError, match="in the end"):
        store.remove_domain("lists.example", with_lists=True)
    assert len(store.lists("lists.example")) == 2
