"""Sub-addresses: every way to read a local part, and which one wins."""

import pytest

from gatepost_lists import parse_address
from gatepost_lists.subaddresses import SUBADDRESSES, Reading, readings


def read(local: str) -> list[Reading]:
    return readings(parse_address(f"{local}@lists.example"))


@pytest.mark.parametrize(("word", "subaddress"), SUBADDRESSES.items())
def test_the_word_behind_the_last_dash(word: str, subaddress: str) -> None:
    assert read(f"ann-{word}") == [(f"ann-{word}", "", ""), ("ann", subaddress, "")]
    assert read(f"ann-{word}+Ext") == [
        (f"ann-{word}+ext", "", ""),
        (f"ann-{word}", "", "Ext"),
        ("ann", subaddress, "Ext"),
    ]


def test_words_with_the_same_meaning() -> None:
    assert SUBADDRESSES["subscribe"] == "join"
    assert SUBADDRESSES["unsubscribe"] == "leave"


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("ann", [("ann", "", "")]),
        ("ann+x", [("ann+x", "", ""), ("ann", "", "x")]),
        ("ann+", [("ann+", "", ""), ("ann", "", "")]),
        ("ann+x-owner", [("ann+x-owner", "", ""), ("ann", "", "x-owner")]),
        ("ann-admin", [("ann-admin", "", "")]),
        ("ann-dev-owner", [("ann-dev-owner", "", ""), ("ann-dev", "owner", "")]),
        ("ann-owner-bounces", [("ann-owner-bounces", "", ""), ("ann-owner", "bounces", "")]),
        (
            "ann-bounces+bob=a.b",
            [("ann-bounces+bob=a.b", "", ""), ("ann-bounces", "", "bob=a.b"), ("ann", "bounces", "bob=a.b")],
        ),
        ("c++", [("c++", "", ""), ("c", "", "+")]),
        ("owner", [("owner", "", "")]),
        ("-owner", [("-owner", "", "")]),
        ("+owner", [("+owner", "", "")]),
        ("ANN-OWNER", [("ann-owner", "", ""), ("ann", "owner", "")]),
    ],
)
def test_readings(local: str, expected: list[tuple[str, str, str]]) -> None:
    assert read(local) == expected
