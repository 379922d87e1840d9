"""Bounces: one a day, until there are too many; scores that go stale; the log."""

from __future__ import annotations

import pytest

from gatepost_lists.model import Role
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import BounceEvent, BounceSource, BounceVerdict, DeliveryStatus

ANN, BO = "ann@lists.example", "bo@x.example"
DAY = 86_400.0
# Noon of some day.
NOON = 20_000 * DAY + DAY / 2


@pytest.fixture
def ann(store: Store) -> Store:
    """The store with Bo on its list, where three bounces are too many and go stale after seven days."""
    store.set_list(ANN, "bounce_score_threshold=3")
    store.add_members(ANN, ["Bo@X.example"])
    return store


def register(store: Store, *days: float) -> list[BounceVerdict]:
    return [store.register_bounce(ANN, BO, BounceSource.REFUSED, "550 5.1.1 gone", NOON + day * DAY) for day in days]


def score(store: Store) -> int:
    return store.delivery_state(ANN, BO).bounce_score


def test_one_a_day_counts_until_there_are_too_many(ann: Store) -> None:
    counted, same, reached = BounceVerdict.COUNTED, BounceVerdict.SAME_DAY, BounceVerdict.REACHED
    assert register(ann, 0, 0, 0.4, 1, 1.1, 2, 2.1, 3) == [counted, same, same, counted, same, reached, same, reached]
    assert score(ann) == 4


def test_a_day_is_one_of_utc(ann: Store) -> None:
    assert register(ann, 0.49, 0.51) == [BounceVerdict.COUNTED] * 2
    assert score(ann) == 2


def test_a_bounce_that_is_told_late_counts_no_day_twice(ann: Store) -> None:
    assert register(ann, 3, 2) == [BounceVerdict.COUNTED, BounceVerdict.SAME_DAY]
    assert ann.delivery_state(ANN, BO).last_bounce == NOON + 3 * DAY


@pytest.mark.parametrize(("pause", "expected"), [(7.0, 3), (7.001, 1), (100.0, 1)])
def test_a_score_goes_stale(ann: Store, pause: float, expected: int) -> None:
    register(ann, 0, 1, 1 + pause)
    assert score(ann) == expected


def test_the_list_says_when_a_score_is_stale(ann: Store) -> None:
    ann.set_list(ANN, "bounce_info_stale_after=1")
    assert register(ann, 0, 2, 4, 6) == [BounceVerdict.COUNTED] * 4
    assert score(ann) == 1


def test_a_threshold_of_one(ann: Store) -> None:
    ann.set_list(ANN, "bounce_score_threshold=1")
    assert register(ann, 0) == [BounceVerdict.REACHED]


@pytest.mark.parametrize("status", [status for status in DeliveryStatus if status is not DeliveryStatus.ENABLED])
def test_what_is_stopped_already_counts_no_more(ann: Store, status: DeliveryStatus) -> None:
    register(ann, 0)
    ann.set_delivery(ANN, BO, status, "because", NOON)
    assert register(ann, 1, 2) == [BounceVerdict.DISABLED] * 2
    assert score(ann) == 1


def test_a_score_begins_anew_when_delivery_does(ann: Store) -> None:
    register(ann, 0, 1, 2)
    ann.set_delivery(ANN, BO, DeliveryStatus.BY_BOUNCES, "3 bounces", NOON + 2 * DAY)
    ann.set_delivery(ANN, BO, DeliveryStatus.ENABLED, "asked", NOON + 2 * DAY)
    assert register(ann, 2) == [BounceVerdict.COUNTED]
    assert score(ann) == 1


@pytest.mark.parametrize("email", ["zoe@x.example", "olga@x.example", "bo@work.example", "", "nobody", "\udcff@x", "@"])
def test_who_is_no_member_bounces_in_vain(ann: Store, email: str) -> None:
    ann.add_members(ANN, ["olga@x.example"], Role.OWNER)
    ann.link(BO, "bo@work.example")
    assert ann.register_bounce(ANN, email, BounceSource.REFUSED, "550", NOON) is BounceVerdict.UNKNOWN
    assert ann.bounce_events(ANN) == []


@pytest.mark.parametrize("email", ["BO@x.example", "<bo@x.example>", "bo@X.EXAMPLE."])
def test_any_spelling_of_an_address(ann: Store, email: str) -> None:
    assert ann.register_bounce(ANN, email, BounceSource.REFUSED, "550", NOON) is BounceVerdict.COUNTED
    assert [event.email for event in ann.bounce_events(ANN, email)] == [BO]


def test_every_list_counts_for_itself(ann: Store) -> None:
    ann.create_list("bob@lists.example", "bounce_score_threshold=1")
    ann.add_members("bob@lists.example", [BO])
    register(ann, 0)
    assert ann.register_bounce("bob@lists.example", BO, BounceSource.REFUSED, "550", NOON) is BounceVerdict.REACHED
    assert score(ann) == 1
    assert len(ann.bounce_events(ANN)) == len(ann.bounce_events("bob@lists.example")) == 1


def test_the_log_has_each_source_once_a_day_whatever_it_says(ann: Store) -> None:
    ann.add_members(ANN, ["cy@x.example"])
    reported, refused = BounceSource.REPORTED, BounceSource.REFUSED
    for day, source, why in (
        (0, reported, "550 a"),
        (0, reported, "refused: b"),
        (0.1, reported, "550 c"),
        (0.1, refused, "550 a"),
        (0.2, refused, "reported: b"),
        (1, reported, "550 d"),
    ):
        ann.register_bounce(ANN, BO, source, why, NOON + day * DAY)
    ann.register_bounce(ANN, "cy@x.example", reported, "550 a", NOON)
    log = [(NOON, "reported: 550 a"), (NOON + 0.1 * DAY, "refused: 550 a"), (NOON + DAY, "reported: 550 d")]
    assert ann.bounce_events(ANN, BO) == [BounceEvent(BO, *event) for event in log]
    assert len(ann.bounce_events(ANN)) == 4


def test_changes_are_logged_however_often(ann: Store) -> None:
    for status in (DeliveryStatus.BY_USER, DeliveryStatus.ENABLED) * 2:
        ann.set_delivery(ANN, BO, status, "asked", NOON)
    assert [event.why for event in ann.bounce_events(ANN, BO)] == ["by_user: asked", "enabled: asked"] * 2


def test_the_log_outlives_the_membership(ann: Store) -> None:
    register(ann, 0)
    ann.remove_members(ANN, [BO])
    assert len(ann.bounce_events(ANN, BO)) == 1


def test_the_log_goes_back_ninety_days(ann: Store) -> None:
    register(ann, 0, 89, 91)
    assert [event.happened for event in ann.bounce_events(ANN)] == [NOON + 89 * DAY, NOON + 91 * DAY]


@pytest.mark.parametrize(
    ("why", "kept"),
    [
        ("550 5.1.1\r\n no such\tuser \n", "refused: 550 5.1.1 no such user"),
        ("\udcff\x1b[31m\u202e", "refused: [31m"),
        ("x" * 600, "refused: " + "x" * 490 + "…"),
        ("", "refused:"),
        ("Grüße", "refused: Grüße"),
    ],
)
def test_what_servers_say_is_kept_as_one_short_line(ann: Store, why: str, kept: str) -> None:
    ann.register_bounce(ANN, BO, BounceSource.REFUSED, why, NOON)
    assert [event.why for event in ann.bounce_events(ANN)] == [kept]
