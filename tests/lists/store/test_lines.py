"""Lines that name a person."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_lists.addresses import strict_address
from gatepost_lists.store.lines import MAX_LINE_OCTETS, Line, LineError, Person, octet_lines, parse_line, read_lines

BO = Person("bo@example.org", "bo@example.org", "Bo")


def persons(text: str) -> list[Person]:
    return [line.person for line in read_lines(text.encode().splitlines(keepends=True)) if line.person]


def refused(octets: bytes) -> list[Line]:
    return [line for line in read_lines(octets.splitlines(keepends=True)) if line.person is None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bo@example.org", BO._replace(display_name="")),
        ("Bo@Example.ORG", Person("bo@example.org", "Bo@Example.ORG", "")),
        ("<bo@example.org>", BO._replace(display_name="")),
        ("Bo <bo@example.org>", BO),
        ("  Bo   < bo@example.org >,", BO),
        ('"Bo" <bo@example.org>;', BO),
        ('"B, \\"Bo\\" O" <bo@example.org>', BO._replace(display_name='B, "Bo" O')),
        ("bo@example.org (Bo)", BO),
        ("bo@example.org (Bo (the one))", BO._replace(display_name="Bo (the one)")),
        ("=?utf-8?q?B=C3=B6?= <bo@example.org>", BO._replace(display_name="Bö")),
        ("=?no-such?q?B=C3=B6?= <bo@example.org>", BO._replace(display_name="=?no-such?q?B=C3=B6?=")),
        ("bo@bücher.example", Person("bo@xn--bcher-kva.example", "bo@bücher.example", "")),
        ("bö@example.org", Person("bö@example.org", "bö@example.org", "")),
        ("o'bo/x#y@example.org", Person("o'bo/x#y@example.org", "o'bo/x#y@example.org", "")),
    ],
)
def test_one_line(text: str, expected: Person) -> None:
    assert parse_line(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "bo", "Bo <>", "Bo <bo>", "a@b c@d", "a@b, c@d", "a@b,c@d", "a@b@c", "ann@lists.example has no members",
        "<a@b", "a@b>", "a\x00@b.c", "a@b..c", "a@-", "x" * 65 + "@b.c", "a@" + "b." * 130 + "c", "a\ufffd@b.c",
        "a@[b", "()", "@b.c",
    ],
)  # fmt: skip
def test_lines_that_name_nobody(text: str) -> None:
    with pytest.raises(LineError):
        parse_line(text)


def test_blank_lines_and_comments() -> None:
    text = "\ufeff# our members\r\n\r\n  # more\nBo <bo@example.org>  # since 1999\n \t \nbo@example.org # again\n"
    assert persons(text) == [BO, BO._replace(display_name="")]
    assert persons("Room #5 <bo@example.org> # 5") == [BO._replace(display_name="Room #5")]


def test_a_byte_order_mark_before_an_address() -> None:
    assert persons("\ufeffbo@example.org\n") == [BO._replace(display_name="")]


@pytest.mark.parametrize(
    "text",
    [
        "email,name\nbo@example.org,Bo\n",
        "Display Name,Email\r\nBo,bo@example.org\r\n",
        '"Name","E-Mail","note"\n"Bo","bo@example.org","a, b"\n',
        "address,display_name,role\nbo@example.org,Bo\n",
        "\ufeff\n# export\nname,address\nwrong,Bo <bo@example.org>\n",
    ],
)
def test_csv_with_named_columns(text: str) -> None:
    assert persons(text) == [BO]


def test_csv_with_addresses_alone() -> None:
    assert persons("email\nbo@example.org\n") == persons("bo@example.org\n")
    assert [line.why for line in refused(b"name,email\nBo\n")] == ["it has no column with an address"]


def test_refused_lines_are_numbered_and_shortened() -> None:
    octets = b"bo@example.org\n\nb\xff@example.org\n" + b"a b@" + b"y" * 100 + b"\n"
    assert refused(octets) == [
        Line(3, None, "b\\xff@example.org", "it is no UTF-8"),
        Line(4, None, "a b@" + "y" * 55 + "…", repr("a b@" + "y" * 75 + "…") + " has ' ' in the middle"),
    ]


@pytest.mark.parametrize("name", ["=?utf-8?b?A?=", "=?utf-8?q?=ff?=", "=?no-such?q?x?=", "=?utf-7?q?+2AA-?="])
def test_a_name_that_cannot_be_decoded_refuses_nobody(name: str) -> None:
    [person] = persons(f"{name} <bo@example.org>\n")
    assert person.email == "bo@example.org"
    assert person.display_name.encode() in (name.encode(), b"")


def test_what_is_said_of_a_long_line_is_short() -> None:
    assert all(len(line.why) < 200 for line in refused(b"x" * 4000 + b"\n" + b"x@" + b"y" * 4000 + b"\n\0" * 9))


def test_a_line_without_end_is_not_held() -> None:
    endless = b"x" * (3 * MAX_LINE_OCTETS + 5)
    exact = b"y" * (MAX_LINE_OCTETS - 1) + b"\n"
    file = io.BytesIO(endless + b"\nbo@example.org\n" + exact + b"last@example.org")
    lines = list(octet_lines(file))
    assert [len(line) for line in lines] == [MAX_LINE_OCTETS, 15, MAX_LINE_OCTETS, 16]


@given(st.text(max_size=80))
def test_what_is_taken_is_an_address_that_can_be_kept(text: str) -> None:
    try:
        person = parse_line(text)
    except LineError:
        return
    assert str(strict_address(person.email)) == person.email
    assert person.email.count("@") == 1


@given(st.lists(st.binary(max_size=60)))
def test_no_line_ends_the_reading(lines: list[bytes]) -> None:
    assert len(list(read_lines([*lines, b"Zo <zo@example.org>\n"]))) <= len(lines) + 1
