"""Properties of the reader of address lists that must hold for whatever somebody writes into a header."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lists import Mailbox, parse_address_list

pytestmark = pytest.mark.slow
LIMIT = 100_000
PIECES = st.sampled_from(
    [
        *'<>()@:;,."\\[] \t\r\n\0',
        "anne",
        "x.example",
        "anne@x.example",
        "=?utf-8?q?a=2C?=",
        "=?x?q?,",
        "\r\n ",
        "\udcff",
        "ü",
    ]
)
TEXT = st.one_of(st.text(), st.text(st.characters(exclude_categories=())), st.lists(PIECES).map("".join))

# Mailboxes, and every way to write one.
ATOMS = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]{1,8}", fullmatch=True).filter(lambda atom: "=?" not in atom)
DOT_ATOMS = st.lists(ATOMS, min_size=1, max_size=3).map(".".join)
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Z")), min_size=1).map(
    lambda name: " ".join(name.split())
)
QUOTED = st.lists(st.one_of(ATOMS, st.sampled_from(' ,@<>():;"\\')), min_size=1).map("".join)


def quoted(text: str) -> str:
    return '"{}"'.format(re.sub(r'(["\\])', r"\\\1", text))


def in_comment(text: str) -> str:
    return re.sub(r"([()\\])", r"\\\1", text)


LOCAL_PARTS = st.one_of(DOT_ATOMS, QUOTED.map(quoted))
DOMAINS = st.one_of(DOT_ATOMS, st.sampled_from(["[192.0.2.1]", "[IPv6:2001:db8::1]", "bücher.example", "x.example."]))
ADDRESSES = st.builds("{}@{}".format, LOCAL_PARTS, DOMAINS)
PHRASES = st.lists(ATOMS, min_size=1, max_size=3).map(" ".join)
WRITTEN = st.one_of(
    ADDRESSES.map(lambda address: (address, Mailbox("", address))),
    ADDRESSES.map(lambda address: (f"<{address}>", Mailbox("", address))),
    st.builds(lambda name, address: (f"{name} <{address}>", Mailbox(name, address)), PHRASES, ADDRESSES),
    st.builds(lambda name, address: (f"{quoted(name)}<{address}>", Mailbox(name, address)), NAMES, ADDRESSES),
    st.builds(lambda name, address: (f"{address} ({in_comment(name)})", Mailbox(name, address)), NAMES, ADDRESSES),
    st.builds(
        lambda name, address: (f"{name} <@a.example,@b.example:{address}> (x)", Mailbox(name, address)),
        PHRASES,
        ADDRESSES,
    ),
)
SEPARATORS = st.sampled_from([",", ", ", " ,\r\n\t", ", , (so, so) ,", ", empty:;, ", ";, group (x): "])
# What parts nothing, and holds nothing together but what is by the rules.
ODD = st.one_of(
    st.text(st.characters(exclude_characters=',"(;')),
    st.lists(PIECES.filter(lambda piece: not set(piece) & set(',"(;'))).map("".join),
)


def written(mailboxes: list[tuple[str, Mailbox]], separator: str) -> str:
    return separator.join(text for text, _ in mailboxes)


@given(TEXT)
def test_whatever_is_found_is_an_address_that_stands_there(text: str) -> None:
    for name, address in parse_address_list(text, LIMIT):
        local, _, domain = address.rpartition("@")
        assert local
        assert domain
        assert not set("\r\n") & set(name + address)
        letters = iter(text.replace("\r", " ").replace("\n", " "))
        assert all(letter in letters for letter in address)
        # White space around an at sign may part what is an encoded word without it.
        assert parse_address_list(address, LIMIT) == (Mailbox("", address),) or address.startswith("=?")


@given(st.lists(WRITTEN, max_size=5), SEPARATORS)
def test_what_is_written_by_the_rules_is_read_as_it_was_meant(
    mailboxes: list[tuple[str, Mailbox]], separator: str
) -> None:
    assert list(parse_address_list(written(mailboxes, separator), LIMIT)) == [mailbox for _, mailbox in mailboxes]


@given(st.lists(WRITTEN, max_size=3), ODD, st.lists(WRITTEN, max_size=3))
def test_an_odd_element_leaves_the_others_as_they_are(
    before: list[tuple[str, Mailbox]], odd: str, after: list[tuple[str, Mailbox]]
) -> None:
    text = ", ".join(filter(None, (written(before, ", "), odd, written(after, ", "))))
    found = list(parse_address_list(text, LIMIT))
    assert found[: len(before)] == [mailbox for _, mailbox in before]
    assert found[len(found) - len(after) :] == [mailbox for _, mailbox in after]


@given(
    st.lists(ADDRESSES.filter(lambda address: '"' not in address), max_size=5), st.integers(0, 5), st.text('"(<[:)\\ x')
)
def test_nor_does_one_that_closes_nothing_take_an_address_away(addresses: list[str], at: int, odd: str) -> None:
    elements = [f"Name <{address}>" for address in addresses]
    elements.insert(at, odd + '"(')
    assert [address for _, address in parse_address_list(", ".join(elements), LIMIT)] == addresses


@given(TEXT)
def test_folding_makes_no_difference(text: str) -> None:
    once = text.replace("\r", " ").replace("\n", " ")
    for fold in ("\r\n ", "\n "):
        assert parse_address_list(once.replace(" ", fold), LIMIT) == parse_address_list(once, LIMIT)


@given(TEXT, st.integers(0, 60))
def test_of_a_text_that_is_too_long_the_beginning_is_read(text: str, limit: int) -> None:
    found = parse_address_list(text, limit)
    beginning = text if len(text) <= limit else text[:limit].rpartition(",")[0]
    assert found == parse_address_list(beginning, LIMIT)
