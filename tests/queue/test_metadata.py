"""What entries say to their handlers: on disk as it always was, and what is not known here is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_queue import metadata
from gatepost_queue.metadata import (
    BouncesMetadata,
    CommandMetadata,
    Decision,
    HeldMetadata,
    InMetadata,
    Metadata,
    OutMetadata,
    RetryMetadata,
    TokenMetadata,
)

RECEIVED = {"listid": "ant.x", "original_size": 7, "received_time": 1.5, "version": 3, "_parsemsg": False}
HELD = {"request": "post", "reason": "r", "held_since": 2.5, "subject": ""}
JOIN = {"request": "join", "reason": "r", "held_since": 2.5, "email": "bo@x", "display_name": ""}
# What each queue's entries have had on disk from the first version on.
KEPT: list[tuple[type[Metadata], Mapping[str, Any]]] = [
    (InMetadata, {**RECEIVED, "to_list": True}),
    (InMetadata, {**RECEIVED, "subaddress": "owner", "to_owner": True, "envsender": "o@x"}),
    (InMetadata, {**RECEIVED, "to_list": True, **HELD, "rejected": ""}),
    (InMetadata, {**RECEIVED, "to_list": True, **HELD, "waited_days": 30}),
    (CommandMetadata, {**RECEIVED, "subaddress": "request", "to_request": True}),
    (
        CommandMetadata,
        {**RECEIVED, "subaddress": "confirm", "extension": "abc", "taken": {"abc": ["join", "bo@x", ""]}},
    ),
    (CommandMetadata, {**RECEIVED, "subaddress": "confirm", **JOIN, "approved": True}),
    (HeldMetadata, {**RECEIVED, "to_list": True, **HELD}),
    (BouncesMetadata, {**RECEIVED, "subaddress": "bounces", "extension": "bo=x", "reached": ["bo@x"], "first": True}),
    (BouncesMetadata, {"envsender": "ant-bounces@x", "message_refused": ""}),
    (BouncesMetadata, {"envsender": "ant-bounces@x", "refused": {"bo@x": "550 no"}}),
    (OutMetadata, {"envsender": "", "verp": False}),
    (OutMetadata, {"envsender": "ant-bounces@x", "verp": True, "to_members": True, "after": [1, 2]}),
    (
        RetryMetadata,
        {
            "envsender": "",
            "verp": False,
            "tries": 1,
            "tried": 1.5,
            "waited": 0.0,
            "pause": 60.0,
            "states": {"bo@x": "450"},
        },
    ),
]
NEWER = {"from_a_newer_one": [1], "more": {"a": None}}


@pytest.mark.parametrize(("kind", "kept"), KEPT)
def test_what_is_on_disk_keeps_its_names(kind: type[Metadata], kept: Mapping[str, Any]) -> None:
    assert kind.from_json(kept).to_json() == kept
    assert not kind.from_json(kept).more


@pytest.mark.parametrize(("kind", "kept"), KEPT)
def test_what_is_not_known_is_kept(kind: type[Metadata], kept: Mapping[str, Any]) -> None:
    assert kind.from_json({**kept, **NEWER}).to_json() == {**kept, **NEWER}
    assert TokenMetadata.from_json({**kept, **NEWER}).to_json() == {**kept, **NEWER}


@given(st.dictionaries(st.sampled_from(["a", "more", "_parsemsg", "parsemsg", "taken", "first"]), st.integers(1, 3)))
def test_whatever_is_kept_comes_back(kept: dict[str, int]) -> None:
    for kind in (InMetadata, CommandMetadata, HeldMetadata, BouncesMetadata):
        assert kind.from_json(kept).to_json() == kept


def test_without_an_envelope_sender_nothing_can_be_sent() -> None:
    for kind in (OutMetadata, RetryMetadata):
        with pytest.raises(TypeError, match="envsender"):
            kind.from_json({"verp": False})


def test_what_is_said_with_no_word_is_not_the_same_as_not_said() -> None:
    assert Decision(rejected="").to_json() == {"rejected": ""}
    assert Decision().to_json() == {}
    assert BouncesMetadata(message_refused="").is_ours
    assert not BouncesMetadata(envsender="ant-bounces@x").is_ours


def test_every_request_has_a_queue() -> None:
    assert {HeldMetadata(request=request).queue for request in metadata.QUEUES} == {"in", "command"}
    with pytest.raises(KeyError):
        _ = HeldMetadata().queue


def test_a_post_that_is_held_again_has_not_been_let_through() -> None:
    again = replace(HeldMetadata.from_json({**RECEIVED, "approved": True}), approved=False, request="post")
    assert again.to_json() == {**RECEIVED, "request": "post"}
