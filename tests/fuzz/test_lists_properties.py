"""Properties of lists/ that must hold for whatever a client writes."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import CASES, Case, build_toml
from gatepost_lists import (
    Address,
    AddressError,
    Directory,
    Question,
    Rules,
    Stage,
    judge,
    open_directory,
    parse_address,
)
from gatepost_lists.senders import parse_sender
from gatepost_lists.subaddresses import readings

pytestmark = pytest.mark.slow
MARKS = st.sampled_from(
    [*'@<>()"\\%!:,.+-= \t\r\n[]', "\N{IDEOGRAPHIC FULL STOP}", "\udcff", "\N{COMBINING ACUTE ACCENT}"]
)
TEXT = st.text(
    st.one_of(
        MARKS,
        st.sampled_from("abAB1éßİſσΣ"),
        st.characters(max_codepoint=0x2FFF, exclude_categories=()),
        st.characters(),
    ),
    max_size=30,
)
SNIPPETS = st.sampled_from(
    [
        "prvs=0123=",
        "SRS0=h=t=",
        "SRS1=h=x==h=t=",
        "lists.example",
        "closed",
        "-owner",
        "xn--",
        "xn--bcher-kva",
        "@a.example:",
    ]
)
WRITTEN = st.lists(st.one_of(TEXT, SNIPPETS, MARKS), max_size=8).map("".join)
ORIGINS = st.sampled_from(["", "mx.example", "Lists.Example.", "Bücher.example"])


@pytest.fixture(scope="module")
def in_toml(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return open_directory(build_toml(tmp_path_factory.mktemp("world") / "lists.toml"))


def read(text: str, origin: str = "") -> Address | None:
    """The address, None for none: no other error may come."""
    try:
        return parse_address(text, origin)
    except AddressError:
        return None


@given(text=WRITTEN, origin=ORIGINS)
def test_parsing_raises_nothing_but_its_one_error(text: str, origin: str) -> None:
    address = read(text, origin)
    if address is not None:
        assert address.local
        assert readings(address)
        assert not re.search("[\ud800-\udfff]", str(address) + address.spelt)


@given(text=WRITTEN, origin=ORIGINS)
def test_an_address_as_text_is_the_same_address(text: str, origin: str) -> None:
    address = read(text, origin)
    if address is not None:
        again = parse_address(str(address), origin)
        assert (again.local, again.domain) == (address.local, address.domain)


@given(text=WRITTEN, origin=ORIGINS)
def test_a_sender_is_an_address_that_nothing_wraps_twice_the_same(text: str, origin: str) -> None:
    known_as = parse_sender(text, origin)
    assert len(set(known_as)) == len(known_as)
    assert not any(re.search("[\ud800-\udfff]", email) for email in known_as)
    address = read(text, origin)
    if known_as and address is not None:
        assert known_as[0] == str(address)


@given(sender=WRITTEN, recipient=WRITTEN, origin=ORIGINS, stage=st.sampled_from(Stage))
def test_every_question_has_a_verdict(
    in_toml: Directory, sender: str, recipient: str, origin: str, stage: Stage
) -> None:
    verdict = judge(Question(sender, recipient, 0, stage), in_toml, Rules(origin=origin))
    assert verdict.code in {250, 550, 553}
    assert verdict.text.isascii()


def changed_case(text: str) -> st.SearchStrategy[str]:
    """The text with some letters in the other case, where that is one letter and leads back."""
    cases = [st.sampled_from([char, *(other for other in char.swapcase() if char.swapcase().lower() == char.lower())])
             for char in text]  # fmt: skip
    return st.tuples(*cases).map("".join)


def quoted(local: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def quoted_pairs(local: str) -> str:
    return '"' + "".join(f"\\{char}" for char in local) + '"'


SPELLINGS: tuple[Callable[[str, str], str], ...] = (
    lambda local, domain: f"{local}@{domain}",
    lambda local, domain: f"{quoted(local)}@{domain}",
    lambda local, domain: f"{quoted_pairs(local)}@{domain}",
    lambda local, domain: f"(a(b)){local}(c)@{domain}(d@e)",
    lambda local, domain: f" {local} @ {domain} ",
)
WRAPPINGS: tuple[Callable[[str], str], ...] = (
    lambda address: address,
    lambda address: f"{address}.",
    lambda address: f"<{address}>",
    lambda address: f" < {address} >\r\n",
    lambda address: f"@a.example:{address}",
    lambda address: f"<@a.example,@b.example: {address}>",
    lambda address: address.replace(".example", "\N{FULLWIDTH FULL STOP}example"),
)
PLAIN = [
    case
    for case in CASES
    if not case.rules and "@" in case.recipient and case.id.split(": ")[1].split(",")[0] not in ("recipient", "sender")
    and len(case.sender + case.recipient) < 500
]  # fmt: skip


@st.composite
def spelt(draw: st.DrawFn, address: str) -> str:
    """Another spelling of an address that is written plainly."""
    local, _, domain = address.rpartition("@")
    if not local or re.search(r'[\s"\\()<>@%!]', local):
        return address
    text = draw(st.sampled_from(SPELLINGS))(draw(changed_case(local)), draw(changed_case(domain)))
    return draw(st.sampled_from(WRAPPINGS))(text)


@given(data=st.data(), case=st.sampled_from(PLAIN))
def test_another_spelling_has_the_same_verdict(in_toml: Directory, data: st.DataObject, case: Case) -> None:
    sender = data.draw(spelt(case.sender)) if "@" in case.sender else case.sender
    recipient = data.draw(spelt(case.recipient))
    told = judge(Question(sender, recipient, case.size, case.stage), in_toml)
    assert case.agrees(told._replace(extension=case.extension)), (sender, recipient, told)
    assert told.extension.lower() == case.extension.lower()
