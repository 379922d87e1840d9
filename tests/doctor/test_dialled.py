"""Whatever a mail server is told to dial here is tried: gatepost's doors, enabled or not, and those of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.doctor import Site, SpoiltPostfix, text_of, wrong
from labs.mta import Exim, Sendmail

pytestmark = [pytest.mark.mta]

UNAUTH = "reject_unauth_destination"
# Where main.cf can have a policy service, a milter, a live table, a way for mail. {dead} is an address nobody has.
PLACES: dict[str, tuple[dict[str, str], str, str]] = {
    "a milter": ({"smtpd_milters": "{dead}"}, "smtpd_milters", "all mail gets 451"),
    "a milter with attributes": (
        {"smtpd_milters": "{{ {dead}, default_action=accept }}"},
        "smtpd_milters",
        "all mail passes untested",
    ),
    "milters that refuse": (
        {"smtpd_milters": "{dead}", "milter_default_action": "reject"},
        "smtpd_milters",
        "all mail is refused",
    ),
    "a milter for local mail": (
        {"non_smtpd_milters": "{dead}"},
        "non_smtpd_milters",
        "mail that does not come by SMTP gets 451",
    ),
    **{
        f"a policy service in smtpd_{name}_restrictions": (
            {f"smtpd_{name}_restrictions": f"{UNAUTH}, check_policy_service {{dead}}"},
            f"smtpd_{name}_restrictions",
            "mail about which it is asked gets 451",
        )
        for name in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
    },
    "a policy service with attributes": (
        {"smtpd_data_restrictions": "check_policy_service {{ {dead}, timeout=3s, default_action=DUNNO }}"},
        "smtpd_data_restrictions",
        "gets DUNNO",
    ),
    "a policy service in a class": (
        {
            "smtpd_restriction_classes": "gate",
            "gate": "check_policy_service {dead}",
            "smtpd_helo_restrictions": "check_helo_access inline:{{ a.example=gate }}",
        },
        "gate",
        "gets 451",
    ),
    "a policy service behind a name": (
        {"smtpd_helo_restrictions": "$rules", "rules": "check_policy_service {dead}"},
        "smtpd_helo_restrictions",
        "gets 451",
    ),
    "a live table": (
        {"canonical_maps": "socketmap:{dead}:canonical"},
        "canonical_maps",
        "mail about which it is asked gets 451, or waits",
    ),
    "a transport": ({"relay_transport": "lmtp:{dead}"}, "relay_transport", "mail that goes there waits"),
    "a transport without its kind": ({"mailbox_transport": "lmtp:{hop}"}, "mailbox_transport", "waits"),
    "a content filter": ({"content_filter": "smtp:{hop}"}, "content_filter", "waits"),
    **{
        f"a table of transports: {kind}": ({"transport_maps": f"{kind}:{{table}}"}, "transport_maps", "waits")
        for kind in ("texthash", "lmdb", "cdb", "hash")
    },
    "a table of transports: regexp": ({"transport_maps": "regexp:{patterns}"}, "transport_maps", "waits"),
    "a table of transports in main.cf": (
        {"transport_maps": "inline:{{ b.example=lmtp:{hop} }}"},
        "transport_maps",
        "waits",
    ),
}


def with_tables(spoilt: SpoiltPostfix, dead: int) -> dict[str, str]:
    """What stands in braces in PLACES; the tables are made."""
    hop = f"[127.0.0.1]:{dead}"
    table, patterns = spoilt.folder / "ways", spoilt.folder / "patterns"
    table.write_text(f"b.example lmtp:{hop}\n")
    patterns.write_text(f"/@b\\.example$/ lmtp:{hop}\n")
    spoilt.command("postmap", *(f"{kind}:{table}" for kind in ("lmdb", "cdb", "hash")))
    return {"dead": f"inet:127.0.0.1:{dead}", "hop": hop, "table": str(table), "patterns": str(patterns)}


@pytest.mark.parametrize(("settings", "place", "meanwhile"), PLACES.values(), ids=PLACES)
def test_what_nobody_answers_is_noted(
    settings: dict[str, str], place: str, meanwhile: str, spoilt: SpoiltPostfix, dead: int
) -> None:
    values = with_tables(spoilt, dead)
    spoilt.set({name: value.format(**values) for name, value in settings.items()})
    said = text_of(spoilt.findings(), "other-doors")
    assert f"inet:127.0.0.1:{dead}, which is none of gatepost's by its settings: nobody listens there" in said
    assert f"Postfix dials it ({place}), so " in said
    assert meanwhile in said


def test_what_one_server_has_of_its_own_in_master_cf(spoilt: SpoiltPostfix, dead: int) -> None:
    spoilt.command("postconf", "-M", "submission/inet=submission inet n - n - - smtpd")
    spoilt.command("postconf", "-P", f"submission/inet/smtpd_milters=inet:127.0.0.1:{dead}")
    assert "(smtpd_milters of submission/inet)" in text_of(spoilt.findings(), "other-doors")


def test_what_every_server_replaces_by_its_own_is_not_dialled(spoilt: SpoiltPostfix, dead: int) -> None:
    spoilt.set({"smtpd_milters": f"inet:127.0.0.1:{dead}"})
    assert "nobody listens" in text_of(spoilt.findings(), "other-doors")
    spoilt.command("postconf", "-P", "*/inet/smtpd_milters=")
    assert "nobody listens" not in text_of(spoilt.findings(), "other-doors")


def test_somebody_else_who_answers_is_right(spoilt: SpoiltPostfix, site: Site) -> None:
    spoilt.set({"content_filter": f"smtp:[127.0.0.1]:{site.dns.address.rpartition(':')[2]}"})
    findings = [finding for finding in spoilt.findings() if finding.name == "other-doors"]
    assert [(finding.state, finding.text) for finding in findings] == [
        ("ok", f"somebody listens on inet:{site.dns.address}; Postfix dials it (content_filter)")
    ]


def test_what_is_elsewhere_or_postfix_s_own_is_not_tried(spoilt: SpoiltPostfix) -> None:
    spoilt.set({"content_filter": "smtp:[192.0.2.1]:25", "mailbox_transport": "lmtp:unix:private/lmtp"})
    said = text_of(spoilt.findings(), "other-doors")
    assert "192.0.2.1" not in said
    assert "private/lmtp" not in said


# The door, and where main.cf names it.
OURS: dict[str, tuple[str, dict[str, str]]] = {
    "milter": ("milter", {"smtpd_milters": "{dead}"}),
    "milter beside another": ("milter", {"smtpd_milters": "inet:192.0.2.1:1, {{ {dead}, default_action=tempfail }}"}),
    "milter behind a name": ("milter", {"smtpd_milters": "$filters", "filters": "{dead}"}),
    "milter for local mail": ("milter", {"non_smtpd_milters": "{dead}"}),
    "policy": ("policy", {"smtpd_helo_restrictions": "sleep 1, check_policy_service {dead}"}),
    "policy in a class": (
        "policy",
        {
            "smtpd_restriction_classes": "gate",
            "gate": "sleep 1, check_policy_service {dead}",
            "smtpd_helo_restrictions": "check_helo_access inline:{{ a.example=gate }}",
        },
    ),
    "socketmap": ("socketmap", {"canonical_maps": "socketmap:{dead}:canonical"}),
    "lmtp": ("lmtp", {"mailbox_transport": "lmtp:{dead}"}),
}


def disabled(site: Site, door: str, port: int) -> dict[str, str]:
    """gatepost.toml's changes for a door that is not enabled, and would be at this port."""
    return {
        f"inet:127.0.0.1:{site.ports[door]}": f"inet:127.0.0.1:{port}",
        f"[{door}]\n": f"[{door}]\nenabled = false\n",
    }


@pytest.mark.parametrize(("door", "settings"), OURS.values(), ids=OURS)
def test_a_door_that_is_not_enabled_and_is_dialled(
    door: str, settings: dict[str, str], spoilt: SpoiltPostfix, dead: int
) -> None:
    changes = disabled(spoilt.site, door, dead)
    name = f"door-{door}"
    assert name not in wrong(spoilt.findings(changes))
    spoilt.set({key: value.format(dead=f"inet:127.0.0.1:{dead}") for key, value in settings.items()})
    findings = spoilt.findings(changes)
    assert name in wrong(findings)
    said = text_of(findings, name)
    assert f"{door} is not enabled, and does not answer on inet:127.0.0.1:{dead}: nobody listens there" in said
    assert "Postfix dials it" in said
    assert text_of(findings, "other-doors").count(str(dead)) == 0
    mend = next(finding.mend for finding in findings if finding.name == name)
    if door == "lmtp":
        assert mend == "in gatepost.toml: [lmtp] enabled = true; then: gatepost run lmtp"
    else:
        spoilt.apply(mend)
        assert name not in wrong(spoilt.findings(changes))


def test_the_milter_s_old_line_is_found_and_all_is_right_without_it(spoilt: SpoiltPostfix, dead: int) -> None:
    """All mail gets 451, whatever else is right."""
    changes = disabled(spoilt.site, "milter", dead)
    spoilt.set({"smtpd_milters": f"inet:127.0.0.1:{dead}"})
    findings = spoilt.findings(changes)
    assert wrong(findings) == {"door-milter"}
    assert "Postfix dials it (smtpd_milters), so all mail gets 451" in text_of(findings, "door-milter")
    spoilt.apply(next(finding.mend for finding in findings if finding.name == "door-milter"))
    assert wrong(spoilt.findings(changes)) == set()


def test_a_door_that_is_not_enabled_and_answers_all_the_same(spoilt: SpoiltPostfix) -> None:
    findings = spoilt.findings(disabled(spoilt.site, "socketmap", spoilt.site.ports["socketmap"]))
    assert [finding.state for finding in findings if finding.name == "door-socketmap"] == ["skipped"]
    spoilt.set({"canonical_maps": f"socketmap:inet:127.0.0.1:{spoilt.site.ports['socketmap']}:relay_domains"})
    findings = spoilt.findings(disabled(spoilt.site, "socketmap", spoilt.site.ports["socketmap"]))
    assert [finding.state for finding in findings if finding.name == "door-socketmap"] == ["ok"]


def test_what_exim_dials(site: Site, dead: int) -> None:
    acl = f"warn set acl_m_x = ${{readsocket{{inet:127.0.0.1:{dead}}}{{x}}{{5s}}}}\n  accept domains = +list_domains\n"
    transport = f"elsewhere_lmtp:\n  driver = smtp\n  protocol = lmtp\n  hosts = 127.0.0.1\n  port = {dead}\n"
    exim = Exim(acl_rcpt=acl, transports=transport)
    try:
        exim.configure()
        machine = site.machine("exim4")
        machine.environment = exim.environment
        config = str(exim.path("exim.conf"))
        said = text_of(site.examine(machine, exim_config=config), "other-doors")
        assert f"inet:127.0.0.1:{dead}, which is none of gatepost's" in said
        assert "Exim dials it (${readsocket}, the transport elsewhere_lmtp)" in said
        findings = site.examine(machine, disabled(site, "policy", dead), exim_config=config)
    finally:
        exim.stop()
    assert "Exim dials it (${readsocket}" in text_of(findings, "door-policy")
    assert "door-policy" in wrong(findings)


@pytest.mark.parametrize(
    ("flag", "meanwhile"), [("F=T, ", "all mail gets 451"), ("F=R, ", "all mail is refused"), ("", "passes untested")]
)
def test_what_sendmail_dials(flag: str, meanwhile: str, site: Site, dead: int, tmp_path: Path) -> None:
    macros = f"INPUT_MAIL_FILTER(`gatepost', `S=inet:{dead}@127.0.0.1, {flag}T=C:10s')dnl\n"
    other = f"Kother socket -T<TMPF> inet:{dead}@127.0.0.1\n"
    server = Sendmail(macros=macros, config=other, lmtp={"lists.example": str(tmp_path / "lmtp")})
    try:
        server.configure()
        machine = site.machine("sendmail")
        machine.environment = server.environment
        file = str(server.path("etc/sendmail.cf"))
        said = text_of(site.examine(machine, sendmail_config=file), "other-doors")
        assert "Sendmail dials it (the milter gatepost, the map other)" in said
        assert meanwhile in said
        assert f"unix:{tmp_path}/lmtp" in said
        findings = site.examine(machine, disabled(site, "milter", dead), sendmail_config=file)
    finally:
        server.stop()
    assert "door-milter" in wrong(findings)
    assert "Sendmail dials it (the milter gatepost" in text_of(findings, "door-milter")


def test_a_parameter_that_is_given_twice(spoilt: SpoiltPostfix) -> None:
    """Postfix takes the last, and every program of its warns of it."""
    main_cf = spoilt.folder / "main.cf"
    main_cf.write_text(f"relay_domains = old.example\n{main_cf.read_text()}")
    spoilt.set({"biff": "no"})
    findings = spoilt.findings()
    assert wrong(findings) == set()
    assert "overriding earlier entry: relay_domains=old.example" in text_of(findings, "postfix-complaints")


@pytest.mark.parametrize("table", ["texthash:/no/such/file", "socketmap:{dead}:x", "nonsense:/etc/hosts"])
def test_a_table_that_cannot_be_asked_is_still_told_of(table: str, spoilt: SpoiltPostfix, dead: int) -> None:
    spoilt.set({"transport_maps": table.format(dead=f"inet:127.0.0.1:{dead}")})
    assert "could not look: OSError: postmap -q: postmap: fatal:" in text_of(spoilt.findings(), "postfix-transport")
