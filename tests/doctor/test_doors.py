"""Which door Postfix asks: one, and one that can answer here; what mends the rest."""

from __future__ import annotations

import pytest

from gatepost_conf.doctor.findings import Finding
from labs.doctor import Site, SpoiltPostfix, text_of, wrong
from labs.mta import Sendmail

pytestmark = [pytest.mark.mta]

UNAUTH = "reject_unauth_destination"
NO_POLICY = {"[policy]\n": "[policy]\nenabled = false\n"}
NO_MILTER = {"[milter]\n": "[milter]\nenabled = false\n"}
HEADERS = {"[milter]\n": '[milter]\nstage = "headers"\n', "[lmtp]\n": '[lmtp]\nstage = "headers"\n'}


def mend_of(findings: list[Finding], name: str) -> str:
    return next(finding.mend for finding in findings if finding.name == name and finding.mend)


def test_both_doors_are_a_note_while_the_envelope_counts(spoilt: SpoiltPostfix) -> None:
    findings = spoilt.findings()
    assert wrong(findings) == set()
    assert "policy service and milter are both asked" in text_of(findings, "postfix-one-door")
    spoilt.set({"smtpd_milters": ""})
    assert text_of(spoilt.findings(), "postfix-one-door") == ""


@pytest.mark.parametrize("own", [False, True], ids=["main.cf", "master.cf"])
def test_both_doors_are_wrong_where_the_headers_count(own: bool, spoilt: SpoiltPostfix) -> None:
    if own:
        check = f"check_policy_service,inet:127.0.0.1:{spoilt.site.ports['policy']}"
        spoilt.command("postconf", "-P", f"*/inet/smtpd_recipient_restrictions={UNAUTH},{check},sleep,1")
    findings = spoilt.findings(HEADERS)
    assert wrong(findings) == {"postfix-one-door"}
    assert "refuses by the envelope whom the milter would let in by the headers" in text_of(
        findings, "postfix-one-door"
    )
    spoilt.apply(mend_of(findings, "postfix-one-door"))
    findings = spoilt.findings(HEADERS)
    assert wrong(findings) == set()
    assert "the milter is asked" in "".join(found.text for found in findings if found.name == "postfix-policy")


def test_both_doors_where_the_milter_that_is_to_judge_by_the_headers_cannot_run(
    spoilt: SpoiltPostfix, dead: int
) -> None:
    spoilt.machine.pymilter = False
    spoilt.set({"smtpd_milters": f"inet:127.0.0.1:{dead}"})
    changes = {**HEADERS, f"inet:127.0.0.1:{spoilt.site.ports['milter']}": f"inet:127.0.0.1:{dead}"}
    findings = spoilt.findings(changes)
    assert wrong(findings) == {"door-milter", "postfix-one-door"}
    assert "all mail gets 451" in text_of(findings, "door-milter")
    assert mend_of(findings, "door-milter") == mend_of(findings, "postfix-one-door")
    spoilt.apply(mend_of(findings, "door-milter"))
    assert wrong(spoilt.findings(changes)) == set()


def test_the_policy_service_alone_makes_headers_count_nothing(spoilt: SpoiltPostfix) -> None:
    spoilt.set({"smtpd_milters": ""})
    findings = spoilt.findings(HEADERS)
    assert wrong(findings) == set()
    assert "so the headers do not count" in text_of(findings, "postfix-one-door")


@pytest.mark.parametrize("changes", [HEADERS, NO_POLICY], ids=["headers", "no policy service"])
def test_the_milter_is_added_where_it_is_the_door(changes: dict[str, str], spoilt: SpoiltPostfix) -> None:
    spoilt.set(
        {"smtpd_recipient_restrictions": UNAUTH, "smtpd_data_restrictions": "", "smtpd_milters": "inet:192.0.2.1:1"}
    )
    findings = spoilt.findings(changes)
    assert wrong(findings) == {"postfix-policy", "closed-lists"}
    assert f"smtpd_milters = inet:192.0.2.1:1, inet:127.0.0.1:{spoilt.site.ports['milter']}'" in mend_of(
        findings, "postfix-policy"
    )
    spoilt.apply(mend_of(findings, "postfix-policy"))
    assert wrong(spoilt.findings(changes)) == set()


@pytest.mark.parametrize("changes", [NO_POLICY, {**NO_POLICY, **NO_MILTER}], ids=["no pymilter", "no milter"])
def test_a_milter_that_cannot_run_is_never_added(changes: dict[str, str], spoilt: SpoiltPostfix) -> None:
    spoilt.machine.pymilter = False
    spoilt.set({"smtpd_recipient_restrictions": UNAUTH, "smtpd_data_restrictions": "", "smtpd_milters": ""})
    findings = spoilt.findings(changes)
    assert {"postfix-policy", "closed-lists"} <= wrong(findings)
    assert mend_of(findings, "postfix-policy").startswith("in gatepost.toml: [policy] enabled = true")
    assert not [finding for finding in findings if "postconf" in finding.mend and "milter" in finding.mend]


def test_a_wrong_address_of_a_milter_that_cannot_run_is_taken_out(spoilt: SpoiltPostfix) -> None:
    spoilt.machine.pymilter = False
    spoilt.set({"smtpd_milters": f"inet:{spoilt.site.ports['milter']}@127.0.0.1, inet:192.0.2.1:1"})
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-milter"}
    spoilt.apply(mend_of(findings, "postfix-milter"))
    assert wrong(spoilt.findings()) == set()


def test_another_milter_stays_where_ours_is_taken_out(spoilt: SpoiltPostfix) -> None:
    spoilt.set({"non_smtpd_milters": f"inet:192.0.2.1:1, inet:127.0.0.1:{spoilt.site.ports['milter']}"})
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-milter"}
    assert "'non_smtpd_milters = inet:192.0.2.1:1'" in mend_of(findings, "postfix-milter")
    spoilt.apply(mend_of(findings, "postfix-milter"))
    assert wrong(spoilt.findings()) == set()


def test_what_a_check_has_in_braces_is_kept_when_it_moves(spoilt: SpoiltPostfix) -> None:
    check = f"check_policy_service {{ inet:127.0.0.1:{spoilt.site.ports['policy']}, timeout=7s }}"
    spoilt.set({"smtpd_relay_restrictions": "permit_mynetworks", "smtpd_recipient_restrictions": f"{check}, {UNAUTH}"})
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-policy-order"}
    assert check in mend_of(findings, "postfix-policy-order")


@pytest.mark.parametrize(
    ("rules", "mended"),
    [
        (UNAUTH, "smtpd_recipient_restrictions = $rules, check_policy_service"),
        (f"permit, {UNAUTH}", f"smtpd_recipient_restrictions = {UNAUTH}, check_policy_service"),
    ],
    ids=["kept", "spelt out"],
)
def test_a_name_in_a_value_is_kept_unless_it_hides_what_must_change(
    rules: str, mended: str, spoilt: SpoiltPostfix
) -> None:
    spoilt.set({"smtpd_recipient_restrictions": "$rules", "rules": rules, "smtpd_milters": ""})
    findings = spoilt.findings()
    assert mended in mend_of(findings, "postfix-policy")
    spoilt.apply(mend_of(findings, "postfix-policy"))
    assert wrong(spoilt.findings()) == set()


def test_a_default_that_is_a_condition_is_not_written_down(spoilt: SpoiltPostfix) -> None:
    spoilt.command("postconf", "-X", "relay_domains")
    findings = spoilt.findings()
    assert "postfix-domains" in wrong(findings)
    assert "'relay_domains = l.example'" in mend_of(findings, "postfix-domains")


def test_what_master_cf_has_by_a_name_stays_so(spoilt: SpoiltPostfix) -> None:
    own = "*/inet/smtpd_recipient_restrictions=$rules"
    spoilt.command("postconf", "-P", own, f"*/inet/rules={UNAUTH}", "*/inet/smtpd_milters=")
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-policy", "closed-lists"}
    assert "smtpd_recipient_restrictions=$rules,check_policy_service," in mend_of(findings, "postfix-policy")
    spoilt.apply(mend_of(findings, "postfix-policy"))
    assert wrong(spoilt.findings()) == set()


def test_spawn_is_asked_at_data_as_it_is_at_rcpt_while_policy_is_not_enabled(spoilt: SpoiltPostfix) -> None:
    spoilt.command("postconf", "-M", "gatepost/unix=gatepost unix - n n - 0 spawn user=news argv=/g run policy --stdio")
    check = "check_policy_service unix:private/gatepost"
    spoilt.set(
        {"smtpd_recipient_restrictions": f"{UNAUTH}, {check}", "smtpd_milters": "", "smtpd_data_restrictions": ""}
    )
    findings = spoilt.findings(NO_POLICY)
    assert wrong(findings) == {"postfix-data"}
    assert f"smtpd_data_restrictions = {check}" in mend_of(findings, "postfix-data")


def test_everybody_in_a_file_of_networks(spoilt: SpoiltPostfix) -> None:
    networks = spoilt.folder / "networks"
    networks.write_text("# ours\n127.0.0.0/8\n0.0.0.0/0\n")
    spoilt.set({"mynetworks": str(networks)})
    assert wrong(spoilt.findings()) == {"postfix-open-relay"}


@pytest.mark.parametrize(
    ("changes", "has_pymilter", "mend"),
    [
        ({}, True, "INPUT_MAIL_FILTER"),
        ({}, False, "verdict.mc"),
        (NO_MILTER, True, "verdict.mc"),
        ({**NO_POLICY, **NO_MILTER}, True, "in gatepost.toml: [policy] enabled = true"),
    ],
)
def test_what_mends_a_sendmail_that_asks_nobody(
    changes: dict[str, str], has_pymilter: bool, mend: str, site: Site
) -> None:
    server = Sendmail(lmtp=dict.fromkeys(("lists.example", "l.example"), site.ports["lmtp"]))
    try:
        server.configure()
        machine = site.machine("sendmail")
        machine.environment, machine.pymilter = server.environment, has_pymilter
        findings = site.examine(machine, changes, sendmail_config=str(server.path("etc/sendmail.cf")))
    finally:
        server.stop()
    assert wrong(findings) == {"sendmail-milter", "closed-lists"}
    assert mend in mend_of(findings, "sendmail-milter")


def test_a_map_of_verdicts_beside_a_milter_that_judges_by_the_headers(site: Site) -> None:
    server = Sendmail(
        macros=f"INPUT_MAIL_FILTER(`gatepost', `S=inet:{site.ports['milter']}@127.0.0.1, F=T, T=C:10s')dnl\n",
        config=f"Kgate socket -T<TMPF> inet:{site.ports['socketmap']}@127.0.0.1",
        rules="SLocal_check_rcpt\nR$*\t$: $(gate $&f | $1 $: $)\n",
        lmtp=dict.fromkeys(("lists.example", "l.example"), site.ports["lmtp"]),
    )
    try:
        server.configure()
        machine = site.machine("sendmail")
        machine.environment, file = server.environment, str(server.path("etc/sendmail.cf"))
        assert wrong(site.examine(machine, sendmail_config=file)) == set()
        findings = site.examine(machine, HEADERS, sendmail_config=file)
    finally:
        server.stop()
    assert wrong(findings) == {"sendmail-milter"}
    assert "the map gate refuses by the envelope" in text_of(findings, "sendmail-milter")


# What a service has of its own in master.cf, and the item that is wrong then.
OWN: dict[str, tuple[list[str], str]] = {
    "no recipients": (
        ["*/inet/relay_recipient_maps=", f"*/inet/smtpd_recipient_restrictions={UNAUTH},{{check}}"],
        "postfix-recipients",
    ),
    "everybody's networks": (["*/inet/mynetworks=0.0.0.0/0"], "postfix-open-relay"),
    "another way for mail": (["rewrite/unix/transport_maps="], "postfix-transport"),
    "no aliases": (["cleanup/unix/virtual_alias_maps="], "postfix-transport"),
    "verification that defers": (["*/inet/unverified_recipient_reject_code=450"], "postfix-verify-code"),
    "a milter that refuses": (["*/inet/milter_default_action=reject"], "postfix-milter-default-action"),
}


@pytest.mark.parametrize(("settings", "item"), OWN.values(), ids=OWN)
def test_a_value_of_a_service_s_own_counts(settings: list[str], item: str, spoilt: SpoiltPostfix) -> None:
    check = f"check_policy_service,inet:127.0.0.1:{spoilt.site.ports['policy']}"
    spoilt.command("postconf", "-P", *(setting.format(check=check) for setting in settings))
    findings = spoilt.findings()
    assert wrong(findings) == {item}
    if mend_of(findings, item).startswith("postconf "):
        spoilt.apply(mend_of(findings, item))
        assert wrong(spoilt.findings()) == set()


def test_localhost_in_a_value_of_a_service_s_own_is_looked_up_in_its_chroot(spoilt: SpoiltPostfix) -> None:
    spoilt.command("postconf", "-F", "*/inet/chroot=y")
    spoilt.command("postconf", "-P", f"*/inet/smtpd_milters=inet:localhost:{spoilt.site.ports['milter']}")
    assert wrong(spoilt.findings()) == {"postfix-chroot"}


def test_a_socket_by_its_whole_path_is_not_there_in_a_chroot(spoilt: SpoiltPostfix) -> None:
    socket = f"{spoilt.site.folder}/policy.sock"
    spoilt.set({"smtpd_recipient_restrictions": f"{UNAUTH}, check_policy_service unix:{socket}"})
    assert wrong(spoilt.findings()) == set()
    spoilt.command("postconf", "-F", "*/inet/chroot=y")
    findings = spoilt.findings()
    assert wrong(findings) == {"socket-modes"}
    assert f"/spool{socket}, which is not there" in text_of(findings, "socket-modes")
