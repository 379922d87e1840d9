"""Members, links and bans, and what a transaction promises, through the store."""

from __future__ import annotations

import pytest

from gatepost_lists.errors import BadValueError, NotFoundError
from gatepost_lists.model import Role
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import Ban, Change, Member

ANN = "ann@lists.example"


def emails(store: Store, role: Role | None = None) -> list[str]:
    return [member.email for member in store.members(ANN, role)]


def test_adding_in_several_roles(store: Store) -> None:
    added = store.add_members(ANN, ["Bo B <Bo@Example.org>", "cy@example.org"])
    assert added == [("Bo@Example.org", Change.NEW), ("cy@example.org", Change.NEW)]
    assert store.add_members(ANN, ["BO@example.org"]) == [("BO@example.org", Change.SAME)]
    store.add_members(ANN, ["bo@example.org"], Role.OWNER)
    assert list(store.members(ANN)) == [
        Member("bo@example.org", "Bo@Example.org", "Bo B", Role.MEMBER, None),
        Member("bo@example.org", "Bo@Example.org", "Bo B", Role.OWNER, None),
        Member("cy@example.org", "cy@example.org", "", Role.MEMBER, None),
    ]
    assert emails(store, Role.OWNER) == ["bo@example.org"]


def test_moderation_actions(store: Store) -> None:
    def action() -> str | None:
        return next(store.members(ANN)).moderation_action

    store.add_members(ANN, ["bo@example.org"], moderation_action="reject")
    assert action() == "reject"
    assert store.add_members(ANN, ["bo@example.org"])[0][1] is Change.SAME
    assert action() == "reject"
    assert store.add_members(ANN, ["bo@example.org"], moderation_action="hold")[0][1] is Change.CHANGED
    assert store.add_members(ANN, ["bo@example.org"], moderation_action="default")[0][1] is Change.CHANGED
    assert action() is None
    with pytest.raises(BadValueError):
        store.add_members(ANN, ["cy@example.org"], moderation_action="bounce")


@pytest.mark.parametrize("text", ["", "bo", "bo@", "@b.c", "b o@b.c", "a@b@c.d", "a@b.c,d@e.f", "\udcff@b.c", "Bo <>"])
def test_one_that_is_no_address_keeps_all_out(store: Store, text: str) -> None:
    with pytest.raises(BadValueError):
        store.add_members(ANN, ["bo@example.org", text])
    assert emails(store) == []


def test_removing_all_or_none(store: Store) -> None:
    store.add_members(ANN, ["bo@example.org", "cy@example.org"])
    with pytest.raises(NotFoundError, match=r"dee@example\.org is no member of ann@lists\.example"):
        store.remove_members(ANN, ["bo@example.org", "dee@example.org"])
    with pytest.raises(NotFoundError, match=r"bo@example\.org is no owner"):
        store.remove_members(ANN, ["bo@example.org"], Role.OWNER)
    store.remove_members(ANN, ["Bo@example.org"])
    assert emails(store) == ["cy@example.org"]
    with pytest.raises(NotFoundError):
        store.linked("bo@example.org")


def test_links_join_and_part(store: Store) -> None:
    store.add_members(ANN, ["a@x.example", "b@x.example"])
    assert store.link("a@x.example", "Home@x.example") is Change.NEW
    assert store.link("home@x.example", "a@x.example") is Change.SAME
    assert store.link("b@x.example", "home@x.example") is Change.NEW
    assert store.linked("A@x.example") == ["b@x.example", "home@x.example"]
    store.unlink("b@x.example")
    assert store.linked("a@x.example") == ["home@x.example"]
    assert store.linked("b@x.example") == []
    store.unlink("a@x.example")
    with pytest.raises(NotFoundError):
        store.linked("home@x.example")
    with pytest.raises(NotFoundError):
        store.unlink("a@x.example")


def test_a_membership_mirrors_its_user(store: Store) -> None:
    store.add_members(ANN, ["a@x.example", "b@x.example", "c@x.example"])
    store.link("b@x.example", "a@x.example")
    store.add_members(ANN, ["a@x.example"], Role.NONMEMBER)
    store.link("c@x.example", "a@x.example")
    store.unlink("c@x.example")
    with store.transaction() as connection:
        odd = "SELECT count(*) FROM member m JOIN address a ON a.id = m.address_id WHERE a.user_id != m.user_id"
        strange = "SELECT count(*) FROM address WHERE user_id NOT IN (SELECT id FROM address)"
        assert connection.exec_driver_sql(odd).scalar() == 0
        assert connection.exec_driver_sql(strange).scalar() == 0
    assert store.linked("a@x.example") == ["b@x.example"]


def test_links_outlive_a_membership(store: Store) -> None:
    store.add_members(ANN, ["a@x.example"])
    store.link("a@x.example", "b@x.example")
    store.remove_members(ANN, ["a@x.example"])
    assert store.linked("b@x.example") == ["a@x.example"]


def test_links_that_cannot_be(store: Store) -> None:
    store.add_members(ANN, ["a@x.example"])
    with pytest.raises(NotFoundError, match="is on no list"):
        store.link("z@x.example", "a@x.example")
    for other in ("A@x.example", "nobody", "a b@x.example"):
        with pytest.raises(BadValueError):
            store.link("a@x.example", other)


def test_bans(store: Store) -> None:
    assert store.add_ban("Mallory@Example.net") is Change.NEW
    assert store.add_ban("mallory@example.net") is Change.SAME
    assert store.add_ban("mallory@example.net", ANN) is Change.NEW
    assert store.add_ban(r"^.*@Spam\.", ANN) is Change.NEW
    everywhere, here, pattern = Ban("mallory@example.net", ""), Ban("mallory@example.net", ANN), Ban(r"^.*@Spam\.", ANN)
    assert store.bans() == [everywhere, pattern, here]
    assert store.bans(ANN) == [pattern, here]
    store.remove_ban("MALLORY@example.net")
    store.remove_ban(r"^.*@Spam\.", ANN)
    assert store.bans() == [here]
    for name in ("mallory@example.net", "^x"):
        with pytest.raises(NotFoundError, match="no ban of"):
            store.remove_ban(name)


@pytest.mark.parametrize("text", ["", "nobody", "^(", "@ann@lists.example", "^\udcff", "^a\nb"])
def test_what_cannot_be_banned(store: Store, text: str) -> None:
    with pytest.raises(BadValueError):
        store.add_ban(text)
    assert store.bans() == []


def test_the_roles_of_a_sender(store: Store) -> None:
    store.add_members(ANN, ["bo@example.org"])
    store.add_members(ANN, ["bo@example.org", "olga@example.org"], Role.OWNER)
    store.link("bo@example.org", "bo@work.example")
    both = {Role.MEMBER, Role.OWNER}
    for sender in ("Bo@example.org", "bo@work.example", "prvs=1234abcdef=bo@work.example"):
        assert store.roles(ANN, sender) == both
    assert store.roles(ANN, "olga@example.org") == {Role.OWNER}
    for sender in ("", "nobody", "\udcff@x", "cy@example.org", "srs0=a=b=example.org=bo@attacker.example"):
        assert store.roles(ANN, sender) == frozenset()


def test_changes_in_one_transaction_are_kept_together_or_not_at_all(store: Store) -> None:
    def change_and_fail() -> None:
        with store.transaction():
            store.create_list("bob@lists.example")
            store.add_members(ANN, ["bo@example.org"])
            assert emails(store) == ["bo@example.org"]
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()
    assert emails(store) == []
    assert len(store.lists()) == 1


def test_a_change_that_fails_takes_no_other_with_it(store: Store) -> None:
    with store.transaction():
        store.add_members(ANN, ["bo@example.org"])
        with pytest.raises(BadValueError):
            store.add_members(ANN, ["cy@example.org", "nobody"])
    assert emails(store) == ["bo@example.org"]
