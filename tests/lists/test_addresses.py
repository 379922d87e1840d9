"""Addresses: every spelling comes down to one form, and what is to be kept is checked."""

import pytest

from gatepost_lists import Address, AddressError, parse_address, strict_address, strict_domain
from gatepost_lists.addresses import LayersError, normal_domain, routed_addresses

ANN = Address("ann", "lists.example", "ann")


@pytest.mark.parametrize(
    "text",
    [
        "ann@lists.example",
        "ann@LISTS.EXAMPLE",
        "ann@lists.example.",
        "ann@lists.example...",
        "ann@ lists.example .",
        "ann@lists . example",
        "<ann@lists.example>",
        " <<ann@lists.example>>\r\n",
        "\N{NO-BREAK SPACE}ann@lists.example\N{NO-BREAK SPACE}",
        '"ann"@lists.example',
        '"a"n"n"@lists.example',
        '"a\\nn"@lists.example',
        "a\\nn@lists.example",
        '"\\"ann\\""@lists.example',
        "ann(me)@lists.example",
        "(me)ann (me) @ lists.example (me)",
        "ann(\\))@lists.example",
        "ann@(one)lists(two).example",
        "ann@lists.example(bob@people.example)",
        "@a.example:ann@lists.example",
        "@a.example,@b.example: ann@lists.example",
        "@a.example:@b.example:ann@lists.example",
        '@a.example:"ann"@lists.example',
        '"@a.example:ann@lists.example"',
        "ann%lists.example",
        "lists.example!ann",
        '"ann@lists.example"',
        "ann@lists.example@",
        "ann@lists\N{FULLWIDTH FULL STOP}example",
        "ann@lists\N{HALFWIDTH IDEOGRAPHIC FULL STOP}example",
        "ann@ｌｉｓｔｓ.example",
        "ann@li\N{ZERO WIDTH SPACE}sts.example",
        "ann@li\N{SOFT HYPHEN}sts.example",
    ],
)
def test_spellings_of_one_address(text: str) -> None:
    assert parse_address(text) == ANN


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "ann@mx.example",
        "ann@mx.example.",
        "ann%mx.example@mx.example",
        "ann%mx.example%mx.example",
        "mx.example!ann@mx.example",
        "mx.example!mx.example!ann",
        '"ann@mx.example"@mx.example',
        "ann@",
    ],
)
def test_what_has_no_domain_is_completed_with_the_origin(text: str) -> None:
    assert parse_address(text, "MX.example.") == ("ann", "mx.example", "ann")


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("ann%lists.example@mx.example", "ann", "lists.example"),
        ("ann%lists.example%mx.example@mx.example", "ann", "lists.example"),
        ("lists.example!ann@mx.example", "ann", "lists.example"),
        ("a.example!b.example!ann@mx.example", "b.example!ann", "a.example"),
        ("other.example!ann%lists.example@mx.example", "ann%lists.example", "other.example"),
        ("ann%lists.example@other.example", "ann%lists.example", "other.example"),
        ("lists.example!ann@other.example", "lists.example!ann", "other.example"),
        ("ann@lists.example@other.example", "ann@lists.example", "other.example"),
    ],
)
def test_routing_in_the_local_part_counts_at_the_origin_only(text: str, local: str, domain: str) -> None:
    assert parse_address(text, "mx.example")[:2] == (local, domain)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("GRÜßE@lists.example", "grüße", "lists.example"),
        ("gru\N{COMBINING DIAERESIS}ße@lists.example", "grüße", "lists.example"),
        ("ann@Bücher.example", "ann", "xn--bcher-kva.example"),
        ("ann@BU\N{COMBINING DIAERESIS}CHER.example", "ann", "xn--bcher-kva.example"),
        ("ann@XN--Bcher-KVA.example", "ann", "xn--bcher-kva.example"),
        ("ann@faß.example", "ann", "xn--fa-hia.example"),
        ("ann@\N{SNOWMAN}.example", "ann", "xn--n3h.example"),
        ("ann@my_lists.BÜCHER.example", "ann", "my_lists.xn--bcher-kva.example"),
        ("ann@[192.0.2.1]", "ann", "[192.0.2.1]"),
        ("ann@[IPv6:2001:DB8::1]", "ann", "[ipv6:2001:db8::1]"),
        ("ann@\N{REPLACEMENT CHARACTER}.example", "ann", "\N{REPLACEMENT CHARACTER}.example"),
        ("a\udcffn@lists.example", "a\N{REPLACEMENT CHARACTER}n", "lists.example"),
        ("ann", "ann", ""),
        ('"ann@lists.example', '"ann', "lists.example"),
        ("(ann@lists.example", "(ann", "lists.example"),
        ("ann)@lists.example", "ann)", "lists.example"),
        ("ann\\", "ann\\", ""),
        ("a b@lists.example", "a b", "lists.example"),
    ],
)
def test_forms_in_which_addresses_are_compared(text: str, local: str, domain: str) -> None:
    assert parse_address(text)[:2] == (local, domain)


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("ann%lists.example@other.example", ["ann@lists.example"]),
        ("lists.example!ann@other.example", ["ann@lists.example"]),
        ('"ann@lists.example"@[192.0.2.1]', ["ann@lists.example"]),
        ("ann%lists.example%b.example@a.example", ["ann%lists.example@b.example", "ann@lists.example"]),
        ("ann@other.example", []),
        ("ann!@other.example", []),
        ("ann", []),
    ],
)
def test_a_route_through_domains_that_may_be_the_mail_servers_own(text: str, inner: list[str]) -> None:
    assert list(map(str, routed_addresses(parse_address(text)))) == inner


@pytest.mark.parametrize("text", ["ann" + "%b.example%c.example" * 11, "ann" + "%b.example" * 22])
def test_a_route_that_is_too_long(text: str) -> None:
    with pytest.raises(LayersError):
        list(routed_addresses(parse_address(f"{text}@a.example")))


def test_the_spelling_of_the_local_part_is_kept_for_tokens() -> None:
    assert parse_address('"Ann-Confirm+ToKen"@Lists.Example.').spelt == "Ann-Confirm+ToKen"
    assert parse_address("Ann+ToKen@Lists.Example").spelt == "Ann+ToKen"


@pytest.mark.parametrize(
    "text",
    ["", " ", "<>", "@", "@@", "@lists.example", '""@lists.example', "(x)@lists.example", "@a.example:", "@a,@b"],
)
def test_no_local_part_is_no_address(text: str) -> None:
    with pytest.raises(AddressError, match="no local part in"):
        parse_address(text)


def test_addresses_within_addresses_end_somewhere() -> None:
    with pytest.raises(AddressError, match="addresses within addresses"):
        parse_address("ann" + "%mx.example" * 1000, "mx.example")


def test_an_error_shows_no_more_than_the_beginning() -> None:
    with pytest.raises(AddressError) as error:
        parse_address("@" + "x" * 60_000)
    assert len(str(error.value)) < 120


def test_text_is_an_address_as_text() -> None:
    assert str(ANN) == "ann@lists.example"
    assert str(parse_address("ann")) == "ann"


@pytest.mark.parametrize(
    "text",
    [
        "ann@lists.example",
        "o'hara+x=y@people.example",
        "grüße@bücher.example",
        "ann@[192.0.2.1]",
        "a" * 64 + "@lists.example",
        "ann@localhost",
        "ann@under_score.example",
    ],
)
def test_addresses_that_can_be_kept(text: str) -> None:
    assert strict_address(text) == parse_address(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ann", "has no domain"),
        ("a b@lists.example", "has a character"),
        ("a\tb@lists.example", "has a character"),
        ("a\x7fb@lists.example", "has a character"),
        ("a\udcffb@lists.example", "has a character"),
        ("a<b@lists.example", "has a character"),
        ("ann@-lists.example", "is no domain name"),
        ("ann@lists..example", "is no domain name"),
        ("ann@" + "x" * 64 + ".example", "is no domain name"),
        ("ann@" + "x." * 126 + "example", "is no domain name"),
        ("ann@[nonsense]", "is no domain name"),
        ("a" * 65 + "@lists.example", "is too long"),
        ("ü" * 33 + "@lists.example", "is too long"),
        ("a" * 64 + "@" + "x" * 60 + "." + "y" * 60 + "." + "z" * 60 + ".example", "is too long"),
        ("", "no local part"),
    ],
)
def test_addresses_that_cannot_be_kept(text: str, wrong: str) -> None:
    with pytest.raises(AddressError, match=wrong):
        strict_address(text)


@pytest.mark.parametrize("text", ["", ".", "a..b", "-a.example", "a b\x00", "a/b", "[192.0.2.1", "x" * 64])
def test_names_that_are_no_domain(text: str) -> None:
    with pytest.raises(AddressError, match="is no domain name"):
        strict_domain(text)


def test_a_domain_in_every_spelling() -> None:
    assert {strict_domain(text) for text in ("Bücher.Example", "bücher.example.", "XN--BCHER-KVA.EXAMPLE")} == {
        "xn--bcher-kva.example"
    }


def test_a_long_name_beyond_ascii_is_left_alone() -> None:
    assert normal_domain("Ü" * 2000) == "ü" * 2000
