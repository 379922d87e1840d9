"""What may be put in, and what is refused when the value is made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_queue import BLOCK, Delivery, Entry, NoEngine, open_queue
from labs.queue import Spooled, post


@pytest.mark.parametrize("bad", ["nul\0", "half \udcff"])
def test_text_that_cannot_be_kept(bad: str) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        post(envsender=bad)
    for names in ({"listid": bad}, {"subaddress": bad}, {"recipients": (bad,)}):
        with pytest.raises(ValueError, match="cannot be"):
            Entry(**{"queue": "in", "listid": "x", **names})  # type: ignore[arg-type]


def test_an_unknown_queue() -> None:
    with pytest.raises(ValueError, match="'inn' is no queue: there are in, command, bounces, out, retry, held, shunt"):
        Entry(queue="inn", listid="x")


@pytest.mark.parametrize("value", [object(), b"octets", float("nan"), {1, 2}])
def test_metadata_that_json_cannot_hold(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Entry(queue="in", listid="x", metadata={"key": value})


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e20])
def test_a_time_that_is_none(time: float) -> None:
    with pytest.raises(ValueError, match="is no time"):
        post(received=time)


@given(st.lists(st.binary(max_size=40)), st.integers(1, 9))
def test_pieces_of_any_length_make_even_blocks(pieces: list[bytes], block: int) -> None:
    class Pieces(Spooled):
        def blocks(self) -> Any:
            return iter(pieces)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatepost_queue.values.BLOCK", block)
        for content in (Pieces(b"", 0), b"".join(pieces)):
            blocks = list(post(content).blocks())
            assert b"".join(blocks) == b"".join(pieces)
            assert all(len(one) == block for one in blocks[:-1])
            assert len(blocks[-1]) <= block


def test_a_block_is_no_more_than_sqlite_takes_well() -> None:
    assert BLOCK <= 1024 * 1024


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")), st.integers(0, 5))
def test_a_key_tells_sender_from_recipient(sender: str, recipient: str, split: int) -> None:
    delivery = Delivery(b"digest")
    key = delivery.key(sender, recipient)
    assert key == Delivery(b"digest").key(sender, recipient)
    moved = (sender[:split], sender[split:] + recipient)
    assert (delivery.key(*moved) == key) == (moved == (sender, recipient))
    assert Delivery(b"other").key(sender, recipient) != key


@pytest.mark.parametrize("url", ["postgresql://me:secret@host/db", "sqlite://", "queue.db", "mailman:/var/queue"])
def test_urls_that_no_engine_serves(url: str) -> None:
    with pytest.raises(NoEngine) as raised:
        open_queue(url)
    assert "secret" not in str(raised.value)
