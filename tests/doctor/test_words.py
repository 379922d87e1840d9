"""How servers write addresses and restrictions, and what a user may do: no machine needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost_conf.doctor.addresses import for_sendmail, leads_to, next_hop, postfix_address, sendmail_address
from gatepost_conf.doctor.hosts import addresses_of
from gatepost_conf.doctor.local import LocalMachine
from gatepost_conf.doctor.machine import Account
from gatepost_conf.doctor.modes import ENTER, READ, WRITE, why_not
from gatepost_conf.doctor.restrictions import service_address, steps
from gatepost_service.sockets import ListenAddress

QUEUE = "/var/spool/postfix"


def address(text: str) -> ListenAddress:
    return ListenAddress.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inet:127.0.0.1:8031", "inet:127.0.0.1:8031"),
        ("inet:[::1]:8031", "inet:[::1]:8031"),
        ("inet:MX.example.com:8031", "inet:mx.example.com:8031"),
        ("unix:private/gatepost", f"unix:{QUEUE}/private/gatepost"),
        ("unix:/run/gatepost/../policy", "unix:/run/policy"),
    ],
)
def test_postfix_addresses(text: str, expected: str) -> None:
    assert str(postfix_address(text, QUEUE)) == expected


@pytest.mark.parametrize("text", ["inet:8032@127.0.0.1", "8031", "inet:", "unix:", "local:/run/x", "hash:/etc/x"])
def test_no_addresses_of_postfix(text: str) -> None:
    assert postfix_address(text, QUEUE) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inet:8032@127.0.0.1", "inet:127.0.0.1:8032"),
        ("inet6:8032@::1", "inet:[::1]:8032"),
        ("local:/run/gatepost/milter", "unix:/run/gatepost/milter"),
        ("unix:/run/gatepost/milter", "unix:/run/gatepost/milter"),
    ],
)
def test_sendmail_addresses(text: str, expected: str) -> None:
    found = sendmail_address(text)
    assert str(found) == expected
    assert sendmail_address(for_sendmail(address(expected))) == found


def test_postfix_form_is_none_of_sendmail() -> None:
    assert sendmail_address("inet:127.0.0.1:8032") is None


@pytest.mark.parametrize("hop", ["127.0.0.1:8024", "[127.0.0.1]:8024"])
def test_next_hops(hop: str) -> None:
    assert next_hop(hop) == address("inet:127.0.0.1:8024")


def test_next_hops_of_ipv6_and_without_port() -> None:
    assert next_hop("[ipv6:::1]:8024") == address("inet:[::1]:8024")
    assert next_hop("lists.example") is None


@pytest.mark.parametrize(
    ("dialled", "listens", "meets"),
    [
        ("inet:127.0.0.1:1", "inet:127.0.0.1:1", True),
        ("inet:localhost:1", "inet:127.0.0.1:1", True),
        ("inet:192.0.2.1:1", "inet:0.0.0.0:1", True),
        ("inet:[::1]:1", "inet:[::]:1", True),
        ("inet:127.0.0.1:1", "inet:127.0.0.1:2", False),
        ("inet:192.0.2.1:1", "inet:127.0.0.1:1", False),
        ("unix:/run/a", "unix:/run//a?mode=0660", True),
        ("unix:/run/a", "unix:/run/b", False),
        ("unix:/run/a", "inet:127.0.0.1:1", False),
    ],
)
def test_who_dials_what_comes_where(dialled: str, listens: str, meets: bool) -> None:
    assert leads_to(address(dialled), [address(listens)]) is meets


def test_steps() -> None:
    found = steps(
        "permit_mynetworks,Reject_Unauth_Destination\n reject_rbl_client zen.example warn_if_reject"
        " check_policy_service { inet:127.0.0.1:1, timeout=3s, default_action = { DUNNO } } , sleep 3 permit",
        {},
    )
    assert [step.name for step in found] == [
        "permit_mynetworks",
        "reject_unauth_destination",
        "reject_rbl_client",
        "check_policy_service",
        "sleep",
        "permit",
    ]
    check = found[3]
    assert check.warns
    assert not found[4].warns
    assert service_address(check.argument) == "inet:127.0.0.1:1"
    assert str(found[1]) == "Reject_Unauth_Destination"


def test_classes_may_name_each_other_for_ever() -> None:
    classes = {"one": "two, permit", "two": "one, reject"}
    assert [step.name for step in steps("one", classes)] == ["reject", "permit"]


def test_a_table_may_lead_to_a_class_that_it_names() -> None:
    classes = {"gate": "reject", "other": "permit"}
    found = steps("check_recipient_access inline:{ a.example=gate }", classes)
    assert [(step.name, step.conditional) for step in found] == [("check_recipient_access", False), ("reject", True)]
    everywhere = steps("check_recipient_access hash:/etc/x", classes)
    assert {step.name for step in everywhere if step.conditional} == {"reject", "permit"}


def test_names_in_a_hosts_file() -> None:
    text = "# 10.0.0.1 localhost\n127.0.0.1\tLocalhost here # localhost\n::1 localhost.localdomain\n"
    assert addresses_of("localhost", text) == ["127.0.0.1"]


def test_what_a_user_may_do(public: Path) -> None:
    file = public / "file"
    file.touch()
    file.chmod(0o640)
    owner = file.stat()
    machine = LocalMachine()
    stranger = Account("stranger", owner.st_uid + 4711, frozenset())
    fellow = stranger._replace(name="fellow", groups=frozenset({owner.st_gid}))
    assert why_not(machine, fellow, file, READ) == ""
    assert why_not(machine, fellow, file, READ | WRITE).startswith(f"fellow may not write to {file} (mode 0640")
    assert why_not(machine, stranger, file, READ).startswith(f"stranger may not read {file}")
    assert why_not(machine, stranger, public, ENTER) == ""
    public.chmod(0o700)
    assert why_not(machine, stranger, file, READ).startswith(f"stranger may not enter {public}")
    assert why_not(machine, Account("root", 0, frozenset()), file, WRITE) == ""
