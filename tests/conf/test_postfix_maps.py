"""Postfix's tables: what Mailman's users know, and what no table may ever hold."""

import re
from dataclasses import replace
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatepost_conf.postfix import maps
from gatepost_conf.site import Site
from gatepost_lists import DirectoryTrouble, parse_address
from gatepost_lists.model import Domain, DomainNames
from gatepost_lists.subaddresses import SUBADDRESSES, local_parts, readings
from labs.conf import site

NET, COM = Domain("example.net"), Domain("example.com", "x.example.com")
INDEXED = [each for each in maps.MAP_TYPES if each not in maps.PATTERNS]
ANT = ["ant", *(f"ant-{word}" for word in sorted(SUBADDRESSES))]
VERP = "+bob=people.example"


def lines(table: str, map_type: str, *addresses: str, domains: tuple[Domain, ...] = (NET, COM)) -> list[list[str]]:
    text = maps.maps(site(domains, addresses), map_type).texts[table]
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def ways_of_lists(map_type: str, *addresses: str, domains: tuple[Domain, ...] = (NET, COM)) -> list[list[str]]:
    found = lines(maps.LMTP, map_type, *addresses, domains=domains)
    return [line for line in found if "@" in line[0] and not line[0].startswith("/@")]


def with_names(*domains: DomainNames) -> Site:
    """A site whose lists have names that a store would refuse."""
    return replace(site([]), domains=domains)


def matches(line: list[str], address: str) -> bool:
    return bool(re.search(line[0].strip("/"), address, re.IGNORECASE))


@pytest.mark.parametrize("map_type", INDEXED)
def test_an_indexed_table_of_transports(map_type: str) -> None:
    found = ways_of_lists(map_type, "ant@example.net")
    assert found == [[f"{local}@example.net", "lmtp:[127.0.0.1]:8024"] for local in ANT]
    recipients = lines(maps.RELAY_RECIPIENTS, map_type, "ant@example.net")
    assert [key for key, _ in recipients] == [key for key, _ in found]


@pytest.mark.parametrize("map_type", maps.MAP_TYPES)
def test_a_domain_of_lists_alone_has_its_way_before_there_is_a_list(map_type: str) -> None:
    shared = Domain("example.org", shared=True)
    found = lines(maps.LMTP, map_type, domains=(NET, COM, shared))
    patterns = [r"/@example\.net$/", r"/@x\.example\.com$/"]
    keys = patterns if map_type in maps.PATTERNS else ["example.net", "x.example.com"]
    assert found == [[key, "lmtp:[127.0.0.1]:8024"] for key in keys]
    assert lines(maps.RELAY_RECIPIENTS, map_type, domains=(NET, COM, shared)) == []


def test_the_way_of_a_domain_is_no_other_domain_s() -> None:
    [line] = lines(maps.LMTP, "regexp", domains=(NET,))
    assert matches(line, "anybody+x@EXAMPLE.net")
    for address in ("a@x.example.net", "a@xexample.net", "a@examplexnet", "a@example.net.org"):
        assert not matches(line, address)


def test_a_regexp_of_transports_takes_extensions_everywhere() -> None:
    found = ways_of_lists("regexp", "ant@example.net")
    assert found == [[rf"/^{local}(\+.*)?@example\.net$/", "lmtp:[127.0.0.1]:8024"] for local in ANT]


def test_an_alias_domain_stands_for_the_real_one() -> None:
    assert lines(maps.DOMAINS, "hash") == [["example.net", "example.net"], ["x.example.com", "example.com"]]
    assert lines(maps.DOMAINS, "regexp")[1] == [r"/^x\.example\.com$/", "example.com"]
    assert ways_of_lists("hash", "bee@example.com")[0][0] == "bee@x.example.com"
    assert lines(maps.VMAP, "hash", "bee@example.com")[:2] == [
        ["bee@example.com", "bee@x.example.com"],
        ["bee-bounces@example.com", "bee-bounces@x.example.com"],
    ]


def test_a_regexp_keeps_the_token_in_a_virtual_alias() -> None:
    found = lines(maps.VMAP, "regexp", "bee@example.com")
    assert found[1] == [r"/^bee-bounces(\+.*)?@example\.com$/", "bee-bounces${1}@x.example.com"]
    umlaut = lines(maps.VMAP, "regexp", "ärger@example.com")[0]
    assert umlaut == [r"/^(ä|Ä)rger(\+.*)?@example\.com$/", "ärger${2}@x.example.com"]
    assert matches(umlaut, "ÄRGER+x@example.com")
    dollar = lines(maps.VMAP, "regexp", "us$@example.com")[0]
    assert dollar == [r"/^us\$(\+.*)?@example\.com$/", "us$$${1}@x.example.com"]


def test_a_shared_domain_is_not_relayed_but_its_alias_is() -> None:
    shared = Domain("example.org", shared=True)
    assert lines(maps.DOMAINS, "hash", domains=(shared,)) == []
    assert lines(maps.LMTP, "hash", "ann@example.org", domains=(shared,))[0][0] == "ann@example.org"
    assert lines(maps.DOMAINS, "hash", domains=(shared._replace(alias_domain="l.example.org"),)) == [
        ["l.example.org", "example.org"]
    ]


def test_a_domain_beyond_ascii_is_there_in_both_spellings() -> None:
    idn = Domain("xn--bcher-kva.example")
    assert lines(maps.DOMAINS, "hash", domains=(idn,)) == [
        ["xn--bcher-kva.example", "xn--bcher-kva.example"],
        ["bücher.example", "xn--bcher-kva.example"],
    ]
    assert [line[0] for line in lines(maps.LMTP, "hash", domains=(idn,))] == ["xn--bcher-kva.example", "bücher.example"]
    transports = ways_of_lists("regexp", "ann@xn--bcher-kva.example", domains=(idn,))
    assert [line for line in transports if matches(line, "ann+x@BÜCHER.example")] == [transports[1]]
    aliased = Domain("xn--bcher-kva.example", "l.example")
    assert lines(maps.VMAP, "hash", "ann@xn--bcher-kva.example", domains=(aliased,))[:2] == [
        ["ann@xn--bcher-kva.example", "ann@l.example"],
        ["ann@bücher.example", "ann@l.example"],
    ]
    assert maps.spellings("xn--a.example") == ("xn--a.example",)


def test_an_address_of_two_lists_is_there_once() -> None:
    keys = [key for key, _ in lines(maps.LMTP, "hash", "ant@example.net", "ant-owner@example.net")]
    assert keys.count("ant-owner@example.net") == 1


def test_the_client_in_master_cf_and_where_it_dials() -> None:
    made = site([NET], ["a@example.net"], 'lmtp_service = "mine"\n[lmtp]\npublic_address = "[2001:db8::1]:24"\n')
    assert maps.transport_of(made) == "mine:[2001:db8::1]:24"
    by_name = site([NET], [], '[lmtp]\npublic_address = "localhost:8024"\n')
    assert maps.transport_of(by_name) == "lmtp:[127.0.0.1]:8024"


@pytest.mark.parametrize("map_type", maps.MAP_TYPES)
@pytest.mark.parametrize(
    "name",
    ['"q"', "a b", "a@b", "a!b", "a%b", "a\\b", "a:b", "a;b", "a,b", "<a>", "(a)", "[a]", "-a", ".a", "a.", "a..b", "",
     "a\nroot@example.net\tevil:", "a\t", "a\x00b", "a\x85b", "a\u2028b", "a\xa0b"],
)  # fmt: skip
def test_names_that_mail_cannot_reach_are_left_out_and_told_of(name: str, map_type: str) -> None:
    domain = DomainNames(NET, (name, "ant"))
    made = maps.maps(with_names(domain), map_type)
    assert len(made.warnings) == 1
    assert repr(name) in made.warnings[0]
    assert "\n" not in made.warnings[0]
    assert len(made.texts[maps.RELAY_RECIPIENTS].splitlines()) == 2 + len(ANT)


@pytest.mark.parametrize("name", ["#a", "a|b", "a/b", "{a}", "a'b", "`a`", "a?*^$~=&", "c++", "größe", "||", "/etc/x"])
def test_names_of_odd_characters_that_can_be_had(name: str) -> None:
    found = ways_of_lists("regexp", f"{name}@example.net")
    assert [line for line in found if matches(line, f"{name}@example.net")] == found[:1]
    assert not maps.maps(site([NET], [f"{name}@example.net"]), "regexp").warnings
    if not name.startswith("#"):
        assert ways_of_lists("hash", f"{name}@example.net")[0][0] == f"{name}@example.net".casefold()


def test_a_comment_is_no_key() -> None:
    made = maps.maps(site([NET], ["#a@example.net"]), "texthash")
    assert "'#a' in example.net is left out" in made.warnings[0]
    assert not ways_of_lists("texthash", "#a@example.net")


@pytest.mark.parametrize("name", ["a b", "a\nb", "a/x", "", "Example.Net"])
def test_no_domain_is_written_that_is_no_domain_name(name: str) -> None:
    with pytest.raises(DirectoryTrouble, match="no domain name"):
        site([Domain("example.net", name or "a..b")])


@given(st.text(min_size=1, max_size=12))
@example("+")
@example("$1")
@example("\\")
@settings(max_examples=300, deadline=None)
def test_whatever_the_name_each_line_is_an_address_of_that_list(text: str) -> None:
    name = normalize("NFC", text.lower())  # as a list's name is kept
    made = with_names(DomainNames(COM, (name,)))
    for map_type in ("texthash", "regexp"):
        tables = maps.maps(made, map_type)
        found = [line.split("\t") for line in tables.texts[maps.LMTP].splitlines()[3:]]
        assert bool(found) != bool(tables.warnings)
        assert all(len(line) == 2 for line in found)
        for local, line in zip(local_parts(name), found, strict=bool(found)):
            assert any(reading.list_name == name for reading in readings(parse_address(f"{local}@example.com")))
            key = f"{local}@x.example.com"
            assert matches(line, key) if map_type == "regexp" else line[0] == key.casefold()
            if map_type == "regexp" and "+" not in local:
                assert matches(line, f"{local}{VERP}@x.example.com")
                assert not matches(line, f"{local}x@x.example.com")
