"""Lists and their attributes, through the store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gatepost_lists import Question, judge
from gatepost_lists.errors import BadValueError, ExistsError, NotFoundError, StoreError
from gatepost_lists.store.admin import Store
from gatepost_lists.store.changes import BounceSource, Change
from gatepost_lists.store.profiles import Profile
from gatepost_lists.store.sqlite import SqliteDirectory

ANN = "ann@lists.example"
FRESH: dict[str, Any] = {
    "list_id": "ann.lists.example",
    "fqdn_listname": ANN,
    "display_name": "",
    "description": "",
    "subscription_policy": "confirm",
    "accept_these_nonmembers": [],
    "hold_these_nonmembers": [],
    "reject_these_nonmembers": [],
    "discard_these_nonmembers": [],
    "default_nonmember_action": "hold",
    "default_member_action": "defer",
    "emergency": False,
    "max_message_size": 1024,
    "process_bounces": True,
    "bounce_score_threshold": 5,
    "bounce_info_stale_after": 7,
    "hold_notices": "members",
    "max_days_to_hold": 30,
    "post_id": 0,
}


def test_a_new_list_has_the_defaults(store: Store) -> None:
    assert store.show_list(ANN) == FRESH
    assert list(store.show_list(ANN)) == list(FRESH)


@pytest.mark.parametrize("name", ["ANN@Lists.Example", "<ann@lists.example.>", "ann@l.example", "ann.lists.example"])
def test_the_names_of_a_list(store: Store, name: str) -> None:
    assert store.show_list(name) == FRESH
    assert store.create_list(name if "@" in name and "<" not in name else ANN).change is Change.SAME


def test_creating_with_settings_and_once_more_with_others(store: Store) -> None:
    created = store.create_list("Bob@l.example", "emergency=yes")
    assert (created.fqdn_listname, created.change, created.warnings) == ("bob@lists.example", Change.NEW, ())
    assert store.create_list("bob@lists.example", "emergency=1").change is Change.SAME
    assert store.create_list("bob@lists.example", "emergency=no", "max_message_size=40").change is Change.CHANGED
    assert [row["fqdn_listname"] for row in store.lists()] == [ANN, "bob@lists.example"]
    assert store.lists("l.example") == store.lists()


@pytest.mark.parametrize(
    "name",
    [
        "", "@lists.example", "ann", "a b@lists.example", "a@b@lists.example", "a\x07@lists.example",
        "a%b@lists.example", "a!b@lists.example", '"a b"@lists.example', "a/b@lists.example", "<a@lists.example>",
        "a@", "a\udcff@lists.example", "x" * 65 + "@lists.example", "é" * 33 + "@lists.example", "a@other.example",
        "a\n@lists.example", "a|b@lists.example",
    ],
)  # fmt: skip
def test_names_that_no_list_can_have(store: Store, name: str) -> None:
    with pytest.raises(BadValueError):
        store.create_list(name)
    assert len(store.lists()) == 1


def test_an_unknown_domain_comes_with_a_hint(store: Store) -> None:
    with pytest.raises(BadValueError, match=r"no domain other\.example") as raised:
        store.create_list("a@other.example")
    assert raised.value.hint == "make it with: gatepost domain add other.example"


def test_two_lists_cannot_share_a_list_id(store: Store) -> None:
    store.add_domain("example")
    with pytest.raises(ExistsError, match=r"that of ann@lists\.example"):
        store.create_list("ann.lists@example")


def test_names_that_read_like_an_address_of_another_list(store: Store) -> None:
    (above,) = store.create_list("ann-request@lists.example").warnings
    assert above == "ann-request@lists.example reads like an address of the list ann@lists.example, and takes its place"
    store.create_list("zoe-owner@lists.example")
    (below,) = store.create_list("zoe@lists.example").warnings
    assert "zoe-owner@lists.example is a list of its own" in below
    plus, behind = store.create_list("ann+x@lists.example").warnings
    assert "has a '+'" in plus
    assert "reads like an address of the list ann@" in behind
    assert store.create_list("dot-other@lists.example").warnings == ()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("display_name=Ann's list", "Ann's list"),
        ("description= Überall ", "Überall"),
        ("subscription_policy=confirm_then_moderate", "confirm_then_moderate"),
        ("default_nonmember_action=Reject", "reject"),
        ("default_member_action=accept", "accept"),
        ("emergency=true", True),
        ("emergency=YES", True),
        ("max_message_size=40", 40),
        ("process_bounces=no", False),
        ("bounce_score_threshold=1", 1),
        ("bounce_info_stale_after= 36500 ", 36_500),
        ("hold_notices=Off", "off"),
        ("max_days_to_hold=0", 0),
        ("hold_these_nonmembers=A@Example.org\n\n^b", ["a@example.org", "^b"]),
        ("accept_these_nonmembers+=@ann@lists.example", ["@ann@lists.example"]),
        (r"reject_these_nonmembers=^.*@example\.org$", [r"^.*@example\.org$"]),
    ],
)
def test_settings(store: Store, setting: str, expected: object) -> None:
    attribute = setting.partition("=")[0].rstrip("+")
    assert store.set_list(ANN, setting) is Change.CHANGED
    assert store.show_list(ANN)[attribute] == expected
    assert store.set_list(ANN, setting) is Change.SAME


@pytest.mark.parametrize(
    "setting",
    [
        "", "emergency", "=x", "Emergency=1", "list_id=x", "mail_host=x", "id=3", "nothing=1", "emergency=maybe",
        "emergency+=1", "max_message_size=-1", "max_message_size=1.5", "max_message_size=",
        "max_message_size=99999999999", "max_message_size=²", "default_nonmember_action=bounce",
        "default_member_action=", "subscription_policy=closed", "description=a\nb", "display_name=\udcff",
        "accept_these_nonmembers+=^(", "accept_these_nonmembers+=", "accept_these_nonmembers+=nobody",
        "hold_these_nonmembers+=@ann@lists.example", "accept_these_nonmembers=^\udcff",
        "reject_these_nonmembers=^a\tb", "process_bounces=maybe", "bounce_score_threshold=0",
        "bounce_score_threshold=1.5", "bounce_score_threshold+=1", "bounce_info_stale_after=0",
        "bounce_info_stale_after=7d", "bounce_info_stale_after=36501", "post_id=3",
        "hold_notices=yes", "max_days_to_hold=-1", "max_days_to_hold=36501",
    ],
)  # fmt: skip
def test_settings_that_are_none(store: Store, setting: str) -> None:
    with pytest.raises(BadValueError):
        store.set_list(ANN, "emergency=yes", setting)
    with pytest.raises(BadValueError):
        store.create_list("new@lists.example", setting)
    assert store.lists() == [FRESH]


def test_entries_come_and_go(store: Store) -> None:
    store.set_list(
        ANN, "hold_these_nonmembers+=a@b.example", "hold_these_nonmembers+=^c", "hold_these_nonmembers-=A@b.example"
    )
    assert store.show_list(ANN)["hold_these_nonmembers"] == ["^c"]
    with pytest.raises(NotFoundError, match="hold_these_nonmembers has no"):
        store.set_list(ANN, "emergency=yes", "hold_these_nonmembers-=^d")
    assert not store.show_list(ANN)["emergency"]
    store.set_list(ANN, "hold_these_nonmembers=")
    assert store.show_list(ANN) == FRESH


def test_removing_takes_members_and_bans_along(store: Store) -> None:
    store.create_list("bob@lists.example")
    store.add_members(ANN, ["both@example.org", "gone@example.org"])
    store.add_members("bob@lists.example", ["both@example.org"])
    store.add_ban("x@example.org", ANN)
    assert store.remove_list("ann.lists.example") == ANN
    assert store.bans() == []
    assert [member.email for member in store.members("bob@lists.example")] == ["both@example.org"]
    with pytest.raises(NotFoundError):
        store.linked("gone@example.org")
    assert store.linked("both@example.org") == []


def test_removing_takes_along_what_delivery_keeps(store: Store) -> None:
    store.add_members(ANN, ["bo@example.org"])
    store.register_bounce(ANN, "bo@example.org", BounceSource.REFUSED, "550", 0.0)
    store.add_pending("join", ANN, "cy@example.org", 60, 0.0)
    store.first_time(ANN, "key", 0.0, 60)
    store.remove_list(ANN)
    with store.transaction() as connection:
        for table in ("delivery_state", "bounce_event", "pending", "told", "member", "address"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table


def test_a_new_list_refuses_what_is_over_a_mebibyte(store: Store, path: Path) -> None:
    store.set_list(ANN, "default_nonmember_action=accept")
    with closing(SqliteDirectory(path)) as directory:
        for size, test in ((1024 * 1024, "nonmember-action"), (1024 * 1024 + 1, "size")):
            assert judge(Question("bo@example.org", ANN, size), directory).test == test


def test_a_profile(store: Store) -> None:
    store.set_list(ANN, "display_name=Ann", "description=Of Ann", "subscription_policy=open", "process_bounces=no")
    store.set_list(ANN, "bounce_score_threshold=2", "bounce_info_stale_after=3", "hold_notices=all")
    profile = store.profile("ANN@l.example")
    assert profile is not None
    assert profile == store.profile("ann.lists.example")
    assert profile == Profile(
        key=1,
        list_id="ann.lists.example",
        list_name="ann",
        mail_host="lists.example",
        display_name="Ann",
        description="Of Ann",
        subscription_policy="open",
        process_bounces=False,
        bounce_score_threshold=2,
        bounce_info_stale_after=3,
        hold_notices="all",
    )
    assert profile.fqdn_listname == ANN
    assert store.profile("nobody@lists.example") is store.profile("ann@elsewhere.example") is None


def test_a_new_list_has_the_defaults_of_a_profile(store: Store) -> None:
    assert store.profile(ANN) == Profile(key=1, list_id="ann.lists.example", list_name="ann", mail_host="lists.example")


def test_the_days_that_held_mail_waits(store: Store) -> None:
    store.create_list("bob@lists.example", "max_days_to_hold=0")
    store.create_list("cat@lists.example", "max_days_to_hold=7")
    assert store.days_to_hold() == {"ann.lists.example": 30, "cat.lists.example": 7}


def test_posts_are_counted_for_each_list(store: Store, path: Path) -> None:
    store.create_list("bob@lists.example")
    assert [store.next_post(ANN), store.next_post("ann.lists.example")] == [1, 2]
    assert store.next_post("bob@lists.example") == 1
    with Store(path) as other:
        assert other.next_post(ANN) == 3
    assert (store.next_post(ANN), store.show_list(ANN)["post_id"]) == (4, 4)


def test_lists_that_are_not_there(store: Store) -> None:
    nobody = "nobody@lists.example"
    for use in (store.show_list, store.remove_list, store.set_list, store.bans, lambda name: list(store.members(name))):
        with pytest.raises(NotFoundError, match="no list nobody@"):
            use(nobody)
    for call in (lambda: store.add_members(nobody, ["a@b.c"]), lambda: store.import_members(nobody, ["a@b.c"])):
        with pytest.raises(StoreError, match="no list"):
            call()
    with pytest.raises(BadValueError):
        store.show_list("")
    with pytest.raises(NotFoundError):
        store.lists("other.example")
