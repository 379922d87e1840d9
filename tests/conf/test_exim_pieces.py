"""What is written for Exim: domains, macros, and the file of lists whatever their names are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_conf import exim
from gatepost_conf.exim.list_file import list_file
from gatepost_lists.model import Domain, DomainNames
from labs.conf import site

LISTS, SHARED = Domain("lists.example"), Domain("shared.example", "l.example", shared=True)
# A line as lsearch reads it: a key in quotes, or one without, and a colon.
_line = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^\s:"#\\][^\s:"\\]*)): yes').fullmatch


def texts(settings: str = "") -> dict[str, str]:
    made = exim.pieces(site([LISTS, SHARED], ["ann@lists.example", "bo@shared.example"], settings))
    return {piece.name: piece.text for piece in made}


def keys(text: str) -> list[str]:
    found = [_line(line) for line in text.split("\n")[:-1]]
    assert all(found), text
    return [re.sub(r"\\(.)", r"\1", match[1]) if match[1] is not None else match[2] for match in found if match]


def test_domains_with_mailboxes_are_told_from_those_without() -> None:
    lines = texts()["debian.main"].splitlines()
    assert "domainlist gatepost_domains = lists.example : shared.example : l.example" in lines
    assert "domainlist gatepost_only_domains = lists.example : l.example" in lines
    assert texts()["local_rcpt_callout"] == "*@lists.example\n*@l.example\n"
    assert texts()["update-exim4.conf.conf"] == "dc_relay_domains='lists.example : l.example'\n"


def test_one_file_has_what_the_split_ones_have() -> None:
    found = texts()
    for name in ("debian.router", "debian.transport", "gatepost_rcpt_acl", "gatepost_data_acl"):
        assert found[name] in found["exim.conf"]
    assert found["exim.conf"].count("{") == found["exim.conf"].count("}")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ('[lmtp]\npublic_address = "[::1]:24"', "GATEPOST_LMTP_HOST = ::1"),
        ('[lmtp]\npublic_address = "localhost:24"', "GATEPOST_LMTP_HOST = 127.0.0.1"),
        ('[policy]\nlisten = ["inet:[::]:31"]', "GATEPOST_POLICY = inet:[::1]:31"),
        ('[policy]\nlisten = ["unix:/run/gatepost/policy"]', "GATEPOST_POLICY = /run/gatepost/policy"),
        ("[policy]\nenabled = false", "GATEPOST_JUDGE_BY_CALLOUT = yes"),
        ("[socketmap]\nenabled = false", "GATEPOST_ROUTE_BY_FILE = yes"),
        ('[lmtp]\nlisten = ["unix:/run/gatepost/lmtp"]', "GATEPOST_LMTP_SOCKET = /run/gatepost/lmtp"),
    ],
)
def test_macros_follow_the_settings(settings: str, line: str) -> None:
    assert line in texts(settings)["debian.main"].splitlines()
    if "LMTP_SOCKET" not in line:
        assert "\nGATEPOST_LMTP_SOCKET" not in texts(settings)["debian.main"]


def test_the_owner_is_no_expansion() -> None:
    made = exim.pieces(replace(site([LISTS]), owner="$h{x@people.example"))
    assert "data = \\N$h{x@people.example\\N" in made[2].text


def test_odd_names_are_quoted() -> None:
    names = ("a b", "a:b", 'a"b', "a\\b", "#a", "{a}", "$a", "a|b", "/a", "größe", "a!b%c+d")
    text, left_out = list_file([DomainNames(LISTS, names)])
    assert keys(text) == [f"{name}@lists.example" for name in names]
    assert left_out == []


def test_what_no_line_can_hold_is_left_out_and_named() -> None:
    odd = replace(site([]), domains=(DomainNames(LISTS, ("ok", "a\nevil@x: yes", "a\x00")),))
    [text] = [piece.text for piece in exim.pieces(odd) if piece.name == "gatepost_lists"]
    assert keys(text) == ["ok@lists.example"]
    assert exim.warnings(odd) == [
        r"left out of gatepost_lists, Exim cannot look it up: 'a\nevil@x: yes@lists.example'",
        r"left out of gatepost_lists, Exim cannot look it up: 'a\x00@lists.example'",
    ]


@given(st.lists(st.text(min_size=1)))
def test_no_name_becomes_a_second_line(names: list[str]) -> None:
    text, left_out = list_file([DomainNames(LISTS, tuple(names))])
    assert sorted([*keys(text), *left_out]) == sorted(f"{name}@lists.example" for name in names)
