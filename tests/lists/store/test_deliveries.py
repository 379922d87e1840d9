"""Who gets a list's mail: recipients page by page, owners, delivery states, snapshots."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lists.errors import NotFoundError, StoreTroubleError
from gatepost_lists.model import Role
from gatepost_lists.store.admin import Store
from gatepost_lists.store.budgets import Budget
from gatepost_lists.store.changes import BounceSource, Change, DeliveryAddress, DeliveryState, DeliveryStatus
from gatepost_lists.store.deliveries import RECIPIENTS
from gatepost_lists.store.versions import create

ANN, BOB = "ann@lists.example", "bob@lists.example"
FRESH = DeliveryState(DeliveryStatus.ENABLED, 0, None)


def pages(store: Store, limit: int, mailing_list: str = ANN) -> list[list[DeliveryAddress]]:
    found: list[list[DeliveryAddress]] = []
    after = None
    while page := store.recipients(mailing_list, after, limit):
        found.append(page)
        after = page[-1][:2]
    return found


def emails(store: Store) -> list[str]:
    return [one.email for page in pages(store, 2) for one in page]


def test_recipients_are_members_as_they_were_written(store: Store) -> None:
    store.create_list(BOB)
    store.add_members(ANN, ["Bo B <Bo@Example.org>", "cy@bücher.example"])
    store.add_members(ANN, ["olga@example.org", "bo@example.org"], Role.OWNER)
    store.add_members(ANN, ["nm@example.org"], Role.NONMEMBER)
    store.add_members(BOB, ["dee@example.org"])
    assert emails(store) == ["Bo@Example.org", "cy@bücher.example"]
    assert [one.email for one in store.recipients("bob@l.example", None, 9)] == ["dee@example.org"]


def test_pages_follow_one_another_without_gap_or_repetition(store: Store) -> None:
    people = [f"p{number}@example.org" for number in range(10)]
    store.add_members(ANN, people)
    for limit in (1, 3, 5, 10, 11):
        found = pages(store, limit)
        assert [one.email for page in found for one in page] == people
        assert all(len(page) == limit for page in found[:-1])
    keys = [one[:2] for one in store.recipients(ANN, None, 99)]
    assert keys == sorted(set(keys))
    assert store.recipients(ANN, None, 0) == store.recipients(ANN, keys[-1], 9) == []


def test_two_linked_addresses_are_two_members(store: Store) -> None:
    store.add_members(ANN, ["a@x.example", "b@x.example", "c@x.example"])
    store.link("a@x.example", "c@x.example")
    found = store.recipients(ANN, None, 9)
    assert [one.email for one in found] == ["a@x.example", "c@x.example", "b@x.example"]
    assert found[0].user_id == found[1].user_id != found[2].user_id
    assert store.recipients(ANN, found[0][:2], 9) == found[1:]


@pytest.mark.parametrize("status", [status for status in DeliveryStatus if status is not DeliveryStatus.ENABLED])
def test_whose_delivery_is_stopped_gets_none(store: Store, status: DeliveryStatus) -> None:
    store.create_list(BOB)
    for name in (ANN, BOB):
        store.add_members(name, ["a@x.example", "b@x.example"])
    assert store.set_delivery(ANN, "A@X.example", status, "because", 100.0) is Change.CHANGED
    assert emails(store) == ["b@x.example"]
    assert len(store.recipients(BOB, None, 9)) == 2
    assert store.set_delivery(ANN, "a@x.example", DeliveryStatus.ENABLED, "again", 200.0) is Change.CHANGED
    assert emails(store) == ["a@x.example", "b@x.example"]


def test_a_score_alone_stops_nothing(store: Store) -> None:
    store.add_members(ANN, ["a@x.example"])
    store.register_bounce(ANN, "a@x.example", BounceSource.REFUSED, "550", 100.0)
    assert emails(store) == ["a@x.example"]


def test_recipients_are_read_by_the_key_and_never_sorted(store: Store) -> None:
    page = RECIPIENTS.params({"list": 1, "user": 5, "address": 5, "limit": 10})
    statement = page.compile(dialect=store._engine.dialect, compile_kwargs={"literal_binds": True})
    with store.transaction() as connection:
        for analyzed in (False, True):
            if analyzed:
                store.add_members(ANN, [f"p{number}@example.org" for number in range(50)])
                store.set_delivery(ANN, "p1@example.org", DeliveryStatus.BY_USER, "", 0.0)
                connection.exec_driver_sql("ANALYZE")
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
            assert steps[0].startswith("SEARCH member USING PRIMARY KEY (list_id=? AND (user_id,address_id)>(?,?)")
            assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN")]
            assert any(step.startswith("SEARCH delivery_state USING PRIMARY KEY") for step in steps)


def test_owners_and_moderators_each_once(store: Store) -> None:
    store.add_members(ANN, ["Olga <Olga@x.example>", "both@x.example"], Role.OWNER)
    store.add_members(ANN, ["mona@x.example", "both@x.example"], Role.MODERATOR)
    store.add_members(ANN, ["a@x.example", "both@x.example"])
    assert store.owners("ann.lists.example") == ["both@x.example", "mona@x.example", "Olga@x.example"]


def test_a_list_without_owners(store: Store) -> None:
    assert store.owners(ANN) == []


def test_states(store: Store) -> None:
    store.add_members(ANN, ["a@x.example"])
    assert store.delivery_state(ANN, "A@x.example.") == FRESH
    store.register_bounce(ANN, "a@x.example", BounceSource.REFUSED, "550", 100.0)
    assert store.delivery_state(ANN, "a@x.example") == DeliveryState(DeliveryStatus.ENABLED, 1, 100.0)
    store.set_delivery(ANN, "a@x.example", DeliveryStatus.BY_BOUNCES, "too many", 200.0)
    assert store.delivery_state(ANN, "a@x.example") == DeliveryState(DeliveryStatus.BY_BOUNCES, 1, 100.0)
    assert store.set_delivery(ANN, "a@x.example", DeliveryStatus.BY_BOUNCES, "again", 300.0) is Change.SAME
    assert store.set_delivery(ANN, "a@x.example", DeliveryStatus.BY_USER, "asked", 300.0) is Change.CHANGED
    store.set_delivery(ANN, "a@x.example", DeliveryStatus.ENABLED, "back", 400.0)
    assert store.delivery_state(ANN, "a@x.example") == FRESH
    assert store.set_delivery(ANN, "a@x.example", DeliveryStatus.ENABLED, "back", 400.0) is Change.SAME
    assert [event.why for event in store.bounce_events(ANN)] == [
        "refused: 550",
        "by_bounces: too many",
        "by_user: asked",
        "enabled: back",
    ]


def test_of_those_with_whom_nothing_is_the_matter_nothing_is_kept(store: Store) -> None:
    store.add_members(ANN, ["a@x.example"])
    store.register_bounce(ANN, "a@x.example", BounceSource.REFUSED, "550", 100.0)
    store.set_delivery(ANN, "a@x.example", DeliveryStatus.ENABLED, "back", 200.0)
    with store.transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM delivery_state").scalar() == 0


def test_members_are_listed_with_their_status(store: Store) -> None:
    store.add_members(ANN, ["a@x.example", "b@x.example"])
    store.add_members(ANN, ["a@x.example"], Role.OWNER)
    store.set_delivery(ANN, "a@x.example", DeliveryStatus.BY_USER, "asked", 100.0)
    store.register_bounce(ANN, "b@x.example", BounceSource.REFUSED, "550", 100.0)
    assert [(one.email, one.role, one.delivery_status) for one in store.members(ANN)] == [
        ("a@x.example", Role.MEMBER, DeliveryStatus.BY_USER),
        ("a@x.example", Role.OWNER, DeliveryStatus.ENABLED),
        ("b@x.example", Role.MEMBER, DeliveryStatus.ENABLED),
    ]


def test_a_state_ends_with_the_membership_alone(store: Store) -> None:
    store.add_members(ANN, ["a@x.example"])
    store.add_members(ANN, ["a@x.example"], Role.OWNER)
    store.link("a@x.example", "b@x.example")
    store.set_delivery(ANN, "a@x.example", DeliveryStatus.BY_USER, "asked", 100.0)
    store.remove_members(ANN, ["a@x.example"], Role.OWNER)
    store.unlink("a@x.example")
    assert emails(store) == []
    store.remove_members(ANN, ["a@x.example"])
    store.add_members(ANN, ["a@x.example"])
    assert store.delivery_state(ANN, "a@x.example") == FRESH
    assert emails(store) == ["a@x.example"]


@pytest.mark.parametrize("email", ["b@x.example", "o@x.example", "nobody", "", "\udcff", "a@@"])
def test_who_is_no_member_has_no_state(store: Store, email: str) -> None:
    store.add_members(ANN, ["a@x.example"])
    store.add_members(ANN, ["o@x.example"], Role.OWNER)
    store.link("a@x.example", "b@x.example")
    with pytest.raises(NotFoundError, match=r"is no member of ann@lists\.example"):
        store.delivery_state(ANN, email)
    with pytest.raises(NotFoundError, match="is no member of"):
        store.set_delivery(ANN, email, DeliveryStatus.BY_USER, "asked", 0.0)
    assert store.bounce_events(ANN) == []


def test_lists_that_are_not_there(store: Store) -> None:
    calls = (
        lambda name: store.recipients(name, None, 1),
        store.owners,
        store.next_post,
        store.bounce_events,
        lambda name: store.delivery_state(name, "a@x.example"),
        lambda name: store.set_delivery(name, "a@x.example", DeliveryStatus.BY_USER, "", 0.0),
        lambda name: store.register_bounce(name, "a@x.example", BounceSource.REFUSED, "", 0.0),
        lambda name: store.add_pending("join", name, "a@x.example", 1, 0.0),
        lambda name: store.take_pending("x", 0.0, name),
        lambda name: store.first_time(name, "x", 0.0, 1),
        lambda name: store.spend(name, [Budget("x", 1, 1)], 0.0),
        lambda name: store.roles(name, "a@x.example"),
    )
    for call in calls:
        for name in ("nobody@lists.example", "nobody.lists.example"):
            with pytest.raises(NotFoundError, match="no list nobody"):
                call(name)


def test_a_snapshot_sees_one_state(store: Store, path: Path) -> None:
    store.add_members(ANN, ["a@x.example"])
    with store.snapshot():
        assert emails(store) == ["a@x.example"]
        with Store(path) as other:
            other.add_members(ANN, ["b@x.example"])
        store.set_delivery(ANN, "a@x.example", DeliveryStatus.BY_USER, "asked", 0.0)
        assert emails(store) == ["a@x.example"]
        with store.snapshot():
            assert emails(store) == ["a@x.example"]
        assert emails(store) == ["a@x.example"]
    assert emails(store) == ["b@x.example"]


def test_a_snapshot_within_a_transaction_sees_its_changes(store: Store) -> None:
    with store.transaction():
        store.add_members(ANN, ["a@x.example"])
        with store.snapshot():
            assert emails(store) == ["a@x.example"]
            store.remove_members(ANN, ["a@x.example"])
            assert emails(store) == []


def test_a_transaction_within_a_snapshot_sees_its_own_changes(store: Store) -> None:
    with store.snapshot():
        with store.transaction():
            store.add_members(ANN, ["a@x.example"])
            assert emails(store) == ["a@x.example"]
        assert emails(store) == []
    assert emails(store) == ["a@x.example"]


def test_a_snapshot_makes_no_writer_wait(store: Store, path: Path) -> None:
    with Store(path) as other, store.snapshot():
        assert emails(store) == []
        writer = threading.Thread(target=other.add_members, args=(ANN, ["a@x.example"]))
        writer.start()
        writer.join()
        assert emails(store) == []
    assert emails(store) == ["a@x.example"]


def test_trouble_within_a_snapshot_is_named(store: Store) -> None:
    with pytest.raises(StoreTroubleError, match=r"gatepost\.db: no such table"), store.snapshot():
        assert store._snapshot is not None
        store._snapshot.execute(sa.text("SELECT * FROM nowhere"))
    assert store.recipients(ANN, None, 1) == []


class Undo(Exception):
    """Ends a transaction without leaving anything behind."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose list ann has eight members."""
    file = tmp_path_factory.mktemp("world") / "gatepost.db"
    create(file)
    with Store(file) as opened:
        opened.add_domain("lists.example")
        opened.create_list(ANN)
        opened.add_members(ANN, [f"p{number}@x.example" for number in range(8)])
        yield opened


NUMBERS = st.integers(0, 7)
SOME = st.lists(NUMBERS, max_size=8, unique=True)


@given(stopped=SOME, gone=SOME, links=st.lists(st.tuples(NUMBERS, NUMBERS)), limit=st.integers(1, 4))
def test_who_is_listed_as_enabled_gets_it_once(
    world: Store, stopped: list[int], gone: list[int], links: list[tuple[int, int]], limit: int
) -> None:
    with pytest.raises(Undo), world.transaction():
        for number in stopped:
            world.set_delivery(ANN, f"p{number}@x.example", DeliveryStatus.BY_BOUNCES, "", 0.0)
        for number in gone:
            world.remove_members(ANN, [f"p{number}@x.example"])
        for one, other in links:
            if one != other and not {one, other} & set(gone):
                world.link(f"p{one}@x.example", f"p{other}@x.example")
        found = [one.email for page in pages(world, limit) for one in page]
        assert sorted(found) == [f"p{number}@x.example" for number in range(8) if number not in {*stopped, *gone}]
        listed = [one for one in world.members(ANN) if one.delivery_status is DeliveryStatus.ENABLED]
        assert sorted(one.original for one in listed) == sorted(found)
        raise Undo
