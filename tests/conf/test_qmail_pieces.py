"""What is written for qmail, and the names that no .qmail file can have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gatepost_conf import qmail
from gatepost_lists.model import Domain, DomainNames
from labs.conf import site

LISTS, SHARED = Domain("lists.example", "l.example"), Domain("shared.example", shared=True)
ASSIGNED = ("+gatepost-:gatepost:", ":-::\n")


def texts(*names: str, settings: str = "") -> dict[str, str]:
    found = replace(site([LISTS], (), settings), domains=(DomainNames(LISTS), DomainNames(SHARED, names)))
    return {piece.name: piece.text for piece in qmail.pieces(found)}


def test_domains_of_lists_belong_to_a_user() -> None:
    found = texts()
    assert found["virtualdomains"] == "lists.example:gatepost\nl.example:gatepost\n"
    assert found[".qmail-default"] == "|/opt/gatepost/.venv/bin/gatepost qmail-lmtp 8024 1\n"
    assert found["assign"].startswith(ASSIGNED[0])
    assert found["assign"].endswith(ASSIGNED[1])
    assert len(found["assign"].split(":")) == 8


def test_the_command_is_quoted_for_the_shell() -> None:
    made = qmail.pieces(replace(site([LISTS]), program=Path("/opt/a b;c/gatepost"), public_address="[::2]:24"))
    assert made[1].text == "|'/opt/a b;c/gatepost' qmail-lmtp 24 1 ::2\n"


def test_a_socket_where_there_is_no_tcp() -> None:
    line = texts(settings='[lmtp]\nlisten = ["unix:/run/gatepost/lmtp"]')[".qmail-default"]
    assert line == "|/opt/gatepost/.venv/bin/gatepost qmail-lmtp 8024 1 /run/gatepost/lmtp\n"


def test_lists_of_a_shared_domain_have_files() -> None:
    found = texts("Some.News", "a|b {c} $d")
    line = "|/opt/gatepost/.venv/bin/gatepost qmail-lmtp 8024 0\n"
    assert found[".qmail-some:news"] == found[".qmail-some:news-default"] == line
    assert found[".qmail-a|b {c} $d"] == line


def test_names_that_no_file_can_have_are_left_out_and_named() -> None:
    odd = ("default", "x-Default", "../../etc/passwd", "a\nb", "n" * 250)
    found = replace(site([]), domains=(DomainNames(SHARED, odd),))
    assert {piece.name for piece in qmail.pieces(found)} == {"virtualdomains", ".qmail-default", "assign"}
    assert len(qmail.warnings(found)) == len(odd)
    assert not any("\n" in warning for warning in qmail.warnings(found))


@given(st.sets(st.text(min_size=1)))
def test_every_name_is_one_file_in_the_folder(names: set[str]) -> None:
    for name, text in texts(*names).items():
        assert Path(name).name == name
        assert text.count("\n") <= 2
