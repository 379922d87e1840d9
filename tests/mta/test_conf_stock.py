"""The lines for a Postfix as Debian leaves it, and for values of its owner's, as the real postconf tells of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost_conf.postfix.machine import DomainClass
from gatepost_conf.postfix.programs import ask_machine
from gatepost_lists.model import Domain
from labs.conf import FOLDER, SCENARIOS, site
from labs.conf.stock import stock_postfix
from labs.mta import Lab

pytestmark = [pytest.mark.mta]

LISTS, COM = Domain("lists.example"), Domain("example.com", "lists.example.com")
CHECK = "check_policy_service inet:127.0.0.1:8031"
OURS = f"lmdb:{FOLDER}"
Printed = Callable[..., str]


@pytest.fixture
def printed(mtalab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Printed:
    """What is printed for a domain, for a stock Postfix with these lines, at this level; like: which of the lines."""
    monkeypatch.setenv("PATH", f"{mtalab.postfix}/usr/sbin:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", mtalab.library_path)
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))

    def printed(
        stock: str = "", like: str = "tables", domain: Domain = LISTS, level: str = "3.6", smtpd: str = ""
    ) -> str:
        stock_postfix(mtalab, tmp_path, stock, level, smtpd)
        machine = ask_machine([domain.mail_host])
        assert machine.found
        return SCENARIOS[like].lines(site([domain]), machine)

    return printed


def value(text: str, name: str) -> str | None:
    """What a parameter gets; None where there is no line for it."""
    lines = dict(line.split(" = ", 1) for line in text.splitlines() if not line.startswith("#") and line)
    return lines.get(name)


@pytest.mark.parametrize("like", ["relay", "tables", "dedicated"])
def test_stock_debian_is_the_plain_case(like: str, printed: Printed) -> None:
    assert printed(like=like) == SCENARIOS[like].text


@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_at_an_old_level_the_relay_is_closed_before_gatepost_is_asked(level: str, printed: Printed) -> None:
    line = "smtpd_relay_before_recipient_restrictions = yes\n"
    text = printed(level=level)
    assert line in text
    if level == "2":
        assert text.replace(line, "") == SCENARIOS["tables"].text
    assert line not in printed(
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n", level=level
    )


@pytest.mark.parametrize("level", ["0", "1"])
def test_at_an_old_level_mydestination_stays_and_is_no_other_domain(level: str, printed: Printed) -> None:
    text = printed(level=level)
    default = "${{$compatibility_level} <level {2} ? {$mydestination} : {}}"
    assert value(text, "relay_domains") == f"{default}, {OURS}/postfix_domains"
    assert value(text, "relay_recipient_maps") == f"{OURS}/postfix_relay_recipients"
    assert "verified" not in text


@pytest.mark.parametrize(
    ("main_cf", "kept"),
    [
        ("relay_domains = $mydestination\n", "$mydestination"),
        ("relay_domains = $branches\nbranches =\n", "$branches"),
        ("relay_domains = LISTS.example MX.lab.example\n", "LISTS.example, MX.lab.example"),
    ],
)
def test_what_its_owner_wrote_stays_written_so(main_cf: str, kept: str, printed: Printed) -> None:
    text = printed(main_cf)
    assert value(text, "relay_domains") == f"{kept}, {OURS}/postfix_domains"
    assert value(text, "relay_recipient_maps") == f"{OURS}/postfix_relay_recipients"


def test_other_domains_behind_a_name_are_other_domains(printed: Printed) -> None:
    text = printed("relay_domains = $branches\nbranches = branch.example\n")
    assert value(text, "relay_domains") == f"$branches, {OURS}/postfix_domains"
    assert value(text, "relay_recipient_maps") is None
    assert "lists.example=reject_unverified_recipient" in str(value(text, "smtpd_recipient_restrictions"))


@pytest.mark.parametrize(
    ("rules", "after"),
    [
        ("permit_mynetworks, reject_unauth_destination", f"$rules, {CHECK}, permit"),
        (
            "permit_mynetworks, reject_unauth_destination, permit_auth_destination",
            f"permit_mynetworks, reject_unauth_destination, {CHECK}, permit_auth_destination, permit",
        ),
        (f"reject_unauth_destination, {CHECK}", "$rules, permit"),
    ],
)
def test_the_check_in_its_place_among_rules_behind_a_name(rules: str, after: str, printed: Printed) -> None:
    text = printed(f"smtpd_recipient_restrictions = $rules, permit\nrules = {rules}\n")
    assert value(text, "smtpd_recipient_restrictions") == after


def test_what_is_there_behind_a_name_is_not_added_again(printed: Printed) -> None:
    text = printed(f"transport_maps = $ways\nways = {OURS}/postfix_lmtp\nrecipient_delimiter = $sign\nsign = +\n")
    assert value(text, "transport_maps") == "$ways"
    assert value(text, "recipient_delimiter") == "$sign"


def test_an_empty_table_behind_a_name_checks_nobody(printed: Printed) -> None:
    text = printed("relay_domains = b.example\nrelay_recipient_maps = $known\nknown =\n")
    assert "relay_recipient_maps is empty and stays so" in text


def test_an_alias_domain_on_stock_debian(printed: Printed) -> None:
    text = printed(domain=COM)
    assert value(text, "virtual_alias_domains") == "$virtual_alias_maps, example.com"
    assert value(text, "relay_recipient_maps") == f"{OURS}/postfix_relay_recipients"


def test_a_server_that_has_a_list_of_its_own_is_told_of(printed: Printed) -> None:
    own = "  -o smtpd_recipient_restrictions=reject_unauth_destination\n"
    submission = f"submission inet n - y - - smtpd\n{own}"
    minds = [line for line in printed(smtpd=own + submission).splitlines() if line.startswith("# Mind")]
    assert len(minds) == 1
    assert "smtp/inet in master.cf has its own smtpd_recipient_restrictions" in minds[0]


def test_domains_in_a_file_that_mydestination_names(printed: Printed, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("# ours\nlocalhost\nLists.example\n")
    printed(f"mydestination = {names}\n")
    assert ask_machine(["lists.example"]).classes == {"lists.example": DomainClass.LOCAL}
