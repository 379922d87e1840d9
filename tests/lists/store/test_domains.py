"""Domains, through the store."""

from __future__ import annotations

import pytest

from gatepost_lists.model import Domain
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Change
from gatepost_lists.store.errors import BadValueError, ExistsError, NotFoundError


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
    store.remove_domain("lists.example")
    assert store.domains() == []
