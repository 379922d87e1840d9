"""Which door the mail servers are told to ask: one that can answer, and one alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gatepost_conf import pymilter, sendmail
from gatepost_conf.postfix import lookups, main_cf
from gatepost_conf.postfix.machine import Machine
from gatepost_lists.model import Domain
from labs.conf import FOLDER, site

LISTS = Domain("lists.example")
POLICY, MILTER = "check_policy_service inet:127.0.0.1:8031", "inet:127.0.0.1:8032"
NO_POLICY, NO_MILTER = "[policy]\nenabled = false\n", "[milter]\nenabled = false\n"
HEADERS = '[milter]\nstage = "headers"\n'
LMTP_HEADERS = '[lmtp]\nstage = "headers"\n'
SMTPD = ("smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_milters")
BY_POLICY = {"smtpd_recipient_restrictions": POLICY, "smtpd_data_restrictions": POLICY}


def text(settings: str = "", has_pymilter: bool = True, machine: Machine | None = None) -> str:
    made, machine = site([LISTS], (), settings, has_pymilter), machine or Machine(found=True)
    return main_cf.main_cf(made, machine, lookups.in_files(FOLDER, "lmdb"))


def asked(settings: str = "", has_pymilter: bool = True, machine: Machine | None = None) -> dict[str, str]:
    lines = text(settings, has_pymilter, machine).splitlines()
    return {name: value for name, _, value in (line.partition(" = ") for line in lines) if name in SMTPD}


def minds(settings: str = "", has_pymilter: bool = True) -> list[str]:
    return [line for line in text(settings, has_pymilter).splitlines() if line.startswith("# Mind: ")]


@pytest.mark.parametrize("has_pymilter", [True, False])
@pytest.mark.parametrize("settings", ["", NO_MILTER])
def test_the_policy_service_by_default(settings: str, has_pymilter: bool) -> None:
    assert asked(settings, has_pymilter) == BY_POLICY
    assert minds(settings, has_pymilter) == []


@pytest.mark.parametrize("settings", [HEADERS + LMTP_HEADERS, NO_POLICY, NO_POLICY + HEADERS + LMTP_HEADERS])
def test_the_milter_alone_where_headers_count_or_there_is_no_policy_service(settings: str) -> None:
    assert asked(settings) == {"smtpd_milters": MILTER}
    assert minds(settings) == []


def test_the_receiver_must_judge_by_the_headers_too() -> None:
    [mind] = minds(HEADERS)
    assert '[lmtp] needs stage = "headers"' in mind
    assert minds(f"{HEADERS}[lmtp]\nsender_tests = false\n") == []
    assert minds(f"{HEADERS}[lmtp]\nenabled = false\n") == []


def test_without_pymilter_the_policy_service_is_asked_and_it_is_said_what_that_costs() -> None:
    assert asked(HEADERS, False) == BY_POLICY
    [mind] = minds(HEADERS, False)
    assert "pymilter is not installed" in mind


def test_where_nothing_can_answer_nothing_is_asked() -> None:
    assert asked(NO_POLICY, False) == {}
    assert "nobody is asked who may post" in minds(NO_POLICY, False)[0]
    assert asked(NO_POLICY + NO_MILTER) == {}
    assert minds(NO_POLICY + NO_MILTER) == []


@pytest.mark.parametrize("has_pymilter", [True, False])
@pytest.mark.parametrize("settings", ["", NO_MILTER])
@pytest.mark.parametrize("ours", [MILTER, f"{{ {MILTER}, default_action=accept }}", "$ours"])
def test_a_milter_that_is_not_asked_any_more_goes(ours: str, settings: str, has_pymilter: bool) -> None:
    machine = Machine(True, {"smtpd_milters": f"inet:127.0.0.1:8891, {ours}"}, {}, {"ours": MILTER})
    expected = {**BY_POLICY, "smtpd_milters": "inet:127.0.0.1:8891"}
    assert asked(settings, has_pymilter, machine=machine) == expected


@pytest.mark.parametrize("settings", [HEADERS, NO_POLICY])
def test_a_policy_service_that_is_not_asked_any_more_goes(settings: str) -> None:
    before = f"reject_unauth_destination, check_policy_service {{ {POLICY.split()[1]}, timeout=3s }}, sleep 1"
    machine = Machine(True, {"smtpd_recipient_restrictions": before, "smtpd_data_restrictions": POLICY})
    assert asked(settings, machine=machine) == {
        "smtpd_recipient_restrictions": "reject_unauth_destination, sleep 1",
        "smtpd_data_restrictions": "",
        "smtpd_milters": MILTER,
    }


def test_another_policy_service_and_another_milter_stay() -> None:
    others = {
        "smtpd_recipient_restrictions": "check_policy_service unix:private/spf",
        "smtpd_milters": "unix:/run/dkim",
    }
    assert asked(NO_POLICY + NO_MILTER, machine=Machine(True, others)) == {}


@pytest.mark.parametrize("ours", [f"{{ {MILTER}, default_action=accept }}", "$ours"])
def test_a_milter_that_is_there_is_not_added_again(ours: str) -> None:
    machine = Machine(True, {"smtpd_milters": ours}, {}, {"ours": MILTER})
    assert asked(HEADERS, machine=machine) == {"smtpd_milters": ours}


def test_live_tables_need_the_policy_service_s_processes() -> None:
    assert site([LISTS], (), NO_POLICY).socketmap == ()


@pytest.mark.parametrize(
    ("settings", "has_pymilter", "names"),
    [
        ("", True, {"milter.mc", "verdict.mc"}),
        (HEADERS, True, {"milter.mc"}),
        (NO_POLICY, True, {"milter.mc"}),
        ("", False, {"verdict.mc"}),
        (NO_MILTER, False, {"verdict.mc"}),
        (NO_POLICY, False, set()),
    ],
)
def test_what_sendmail_is_told(settings: str, has_pymilter: bool, names: set[str]) -> None:
    made = {piece.name: piece for piece in sendmail.pieces(site([LISTS], (), settings, has_pymilter))}
    assert {"milter.mc", "verdict.mc"} & made.keys() == names
    says_why = "pymilter is not installed" in "".join(piece.comment for piece in made.values())
    assert says_why == (names == {"verdict.mc"} and settings != NO_MILTER)


def test_sendmail_s_operator_is_warned() -> None:
    assert sendmail.warnings(site([LISTS])) == []
    assert '[lmtp] needs stage = "headers"' in sendmail.warnings(site([LISTS], (), HEADERS))[0]
    assert "the headers do not count" in sendmail.warnings(site([LISTS], (), HEADERS, has_pymilter=False))[0]


def test_gatepost_s_own_folder_milter_is_not_pymilter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "milter").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "milter", raising=False)
    assert not pymilter.is_installed()
    (tmp_path / "milter" / "__init__.py").touch()
    assert pymilter.is_installed()
    assert "milter" not in sys.modules
