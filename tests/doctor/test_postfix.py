"""Faults of Postfix's configuration, each found by exactly its item; and none where nothing is wrong."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from gatepost_conf.doctor.machine import Ran
from labs.doctor import Site, SpoiltPostfix, text_of, wrong
from labs.mta import Postfix
from labs.running import COMMAND

pytestmark = [pytest.mark.mta]

UNAUTH = "reject_unauth_destination"
VERIFY = "reject_unverified_recipient"
# What main.cf says instead, and the items that are wrong then. {policy} and its like are ports.
FAULTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "nothing is asked": (
        {"smtpd_recipient_restrictions": UNAUTH, "smtpd_milters": ""},
        {"postfix-policy", "closed-lists"},
    ),
    "senders are tested at delivery alone": (
        {"smtpd_recipient_restrictions": f"{UNAUTH}, {VERIFY}", "smtpd_milters": ""},
        {"closed-lists"},
    ),
    "the check only warns": (
        {"smtpd_recipient_restrictions": f"{UNAUTH}, warn_if_reject {{check}}", "smtpd_milters": ""},
        {"postfix-policy", "closed-lists"},
    ),
    "the check comes too early": (
        {"smtpd_recipient_restrictions": f"{{check}}, {UNAUTH}", "smtpd_relay_restrictions": "permit_mynetworks"},
        {"postfix-policy-order"},
    ),
    "the check stands in another list": (
        {"smtpd_recipient_restrictions": UNAUTH, "smtpd_sender_restrictions": "{check}", "smtpd_milters": ""},
        {"postfix-policy-order"},
    ),
    "a permit ends the list": (
        {"smtpd_recipient_restrictions": f"{UNAUTH}, permit, {{check}}"},
        {"postfix-policy-reached"},
    ),
    "destinations of ours end the list": (
        {"smtpd_recipient_restrictions": f"{UNAUTH}, permit_auth_destination, {{check}}"},
        {"postfix-policy-reached"},
    ),
    "nothing is asked at DATA": ({"smtpd_data_restrictions": "", "smtpd_milters": ""}, {"postfix-data"}),
    "what is said at DATA is not heeded": (
        {"smtpd_data_restrictions": "warn_if_reject {check}", "smtpd_milters": ""},
        {"postfix-data"},
    ),
    "a permit ends what is asked at DATA": (
        {"smtpd_data_restrictions": "reject_unauth_pipelining, permit, {check}", "smtpd_milters": ""},
        {"postfix-data"},
    ),
    "the milter in Sendmail's form": ({"smtpd_milters": "inet:{milter}@127.0.0.1"}, {"postfix-milter"}),
    "the policy service as a milter": ({"smtpd_milters": "inet:127.0.0.1:{policy}"}, {"postfix-milter"}),
    "the milter for local mail": ({"non_smtpd_milters": "inet:127.0.0.1:{milter}"}, {"postfix-milter"}),
    "a milter that is away refuses": ({"milter_default_action": "reject"}, {"postfix-milter-default-action"}),
    "this milter that is away refuses": (
        {"smtpd_milters": "{{ inet:127.0.0.1:{milter}, default_action=reject }}"},
        {"postfix-milter-default-action"},
    ),
    "everybody is in mynetworks": ({"mynetworks": "127.0.0.0/8 0.0.0.0/0"}, {"postfix-open-relay"}),
    "nothing closes the relay": (
        {"smtpd_relay_restrictions": "permit_mynetworks", "smtpd_recipient_restrictions": "{check}"},
        {"postfix-open-relay", "postfix-policy-order"},
    ),
    "a permit opens the relay": (
        {"smtpd_relay_restrictions": "permit", "smtpd_recipient_restrictions": f"{{check}}, permit, {UNAUTH}"},
        {"postfix-open-relay", "postfix-policy-order"},
    ),
    "the domain is not taken": ({"relay_domains": ""}, {"postfix-domains"}),
    "any recipient is taken": (
        {"relay_recipient_maps": "", "smtpd_recipient_restrictions": f"{UNAUTH}, {{check}}"},
        {"postfix-recipients"},
    ),
    "verification defers": ({"unverified_recipient_reject_code": "450"}, {"postfix-verify-code"}),
    "probes from somebody real": ({"address_verify_sender": "postmaster"}, {"postfix-probe-sender"}),
    "mail goes elsewhere": ({"transport_maps": ""}, {"postfix-transport"}),
    "mail goes to the milter": (
        {"transport_maps": "inline:{{ l.example=lmtp:[127.0.0.1]:{milter} }}"},
        {"postfix-transport"},
    ),
    "an alias leads nowhere": ({"virtual_alias_maps": ""}, {"postfix-transport"}),
    "no extensions": ({"recipient_delimiter": ""}, {"postfix-delimiter"}),
    "-owner and -request are aliases": ({"owner_request_special": "yes"}, {"postfix-owner-request"}),
}
# Ways to say it in which nothing is wrong either.
RIGHT: dict[str, dict[str, str]] = {
    "as it is": {},
    "own networks pass": {
        "smtpd_relay_restrictions": f"permit_mynetworks, permit_sasl_authenticated, {UNAUTH}",
        "smtpd_recipient_restrictions": f"permit_mynetworks, permit_sasl_authenticated, {UNAUTH}, {{check}}",
    },
    "with attributes": {
        "smtpd_recipient_restrictions": (
            f"{UNAUTH}, check_policy_service {{{{ inet:127.0.0.1:{{policy}}, timeout=10s }}}}"
        )
    },
    "over a UNIX socket": {
        "smtpd_recipient_restrictions": f"{UNAUTH}, check_policy_service unix:{{folder}}/policy.sock"
    },
    "in a class": {
        "smtpd_restriction_classes": "gatepost",
        "gatepost": "{check}",
        "smtpd_recipient_restrictions": f"{UNAUTH}, check_recipient_access inline:{{{{ lists.example=gatepost }}}}",
    },
    "the milter alone": {"smtpd_recipient_restrictions": UNAUTH, "smtpd_data_restrictions": ""},
    "the policy service alone": {"smtpd_milters": ""},
    "live tables": {
        "relay_domains": "{live}:relay_domains",
        "relay_recipient_maps": "{live}:relay_recipients",
        "transport_maps": "{live}:transport",
        "virtual_alias_maps": "{live}:virtual_alias",
    },
    "one transport for the whole domain": {
        "transport_maps": "",
        "relay_transport": "lmtp:inet:127.0.0.1:{lmtp}",
    },
    "a null probe": {"address_verify_sender": ""},
    "probes that change with time": {"address_verify_sender_ttl": "3h"},
}


def filled(settings: dict[str, str], site: Site) -> dict[str, str]:
    check = f"check_policy_service inet:127.0.0.1:{site.ports['policy']}"
    live = f"socketmap:inet:127.0.0.1:{site.ports['socketmap']}"
    values = {**site.ports, "check": check, "live": live, "folder": site.folder}
    return {name: value.format(**values) for name, value in settings.items()}


@pytest.mark.parametrize("settings", RIGHT.values(), ids=RIGHT)
def test_nothing_is_wrong(settings: dict[str, str], spoilt: SpoiltPostfix) -> None:
    spoilt.set(filled(settings, spoilt.site))
    assert [finding for finding in spoilt.findings() if finding.state == "wrong"] == []


@pytest.mark.parametrize(("settings", "items"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_and_mended(settings: dict[str, str], items: set[str], spoilt: SpoiltPostfix) -> None:
    spoilt.set(filled(settings, spoilt.site))
    findings = spoilt.findings()
    assert wrong(findings) == items
    while typed := [found.mend for found in findings if found.mend.startswith("postconf ")]:
        spoilt.apply(typed[0])
        before, findings = findings, spoilt.findings()
        assert wrong(findings) < wrong(before)
    assert all(finding.mend for finding in findings if finding.state == "wrong")


@pytest.mark.parametrize("script", ["main.cf.live.sh", "main.cf.tables.sh", "main.cf.verify.sh"])
def test_what_conf_prints_is_right(script: str, spoilt: SpoiltPostfix, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = dict.fromkeys(spoilt.site.main_cf(), "")
    spoilt.set({**bare, "smtpd_relay_restrictions": f"permit_mynetworks, {UNAUTH}", "owner_request_special": "yes"})
    assert {"postfix-policy", "postfix-domains", "postfix-owner-request"} <= wrong(spoilt.findings())
    monkeypatch.setenv("MAIL_CONFIG", str(spoilt.folder))
    maps = spoilt.site.folder / "maps"
    spoilt.site.gatepost("conf", "postfix", "--write", str(maps))
    spoilt.type(maps / script)
    assert [finding for finding in spoilt.findings() if finding.state == "wrong"] == []


def test_a_server_with_a_list_of_its_own(spoilt: SpoiltPostfix, postfix: Postfix) -> None:
    service = f"[127.0.0.1]:{postfix.port}/inet"
    spoilt.command("postconf", "-P", f"{service}/smtpd_recipient_restrictions={UNAUTH}", f"{service}/smtpd_milters=")
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-policy", "closed-lists"}
    spoilt.apply(next(finding.mend for finding in findings if finding.name == "postfix-policy"))
    assert wrong(spoilt.findings()) == set()


def test_without_a_check_at_data_bounces_go_to_forged_senders(spoilt: SpoiltPostfix) -> None:
    """Where the null sender may post, too: whoever has a probe's name may not."""
    spoilt.set({"smtpd_data_restrictions": "", "smtpd_milters": ""})
    may_post = 'null_sender_posts = "pass"\nprobe_senders'
    findings = spoilt.findings({"probe_senders": may_post})
    [said] = [finding.text for finding in findings if finding.name == "postfix-data"]
    assert "in the name of a probe such as double-bounce@" in said
    assert "bounces go to whoever was forged" in said
    no_probes = {'probe_senders = ["double-bounce*@*"]': f"{may_post} = []"}
    assert wrong(spoilt.findings(no_probes)) == {"postfix-probe-sender"}


def test_spawn_counts_as_the_policy_service(spoilt: SpoiltPostfix) -> None:
    spoilt.command("postconf", "-M", "gatepost/unix=gatepost unix - n n - 0 spawn user=news argv=/g run policy --stdio")
    check = f"{UNAUTH}, check_policy_service unix:private/gatepost"
    spoilt.set({"smtpd_recipient_restrictions": check, "smtpd_milters": "", "smtpd_data_restrictions": ""})
    assert wrong(spoilt.findings()) == {"postfix-data"}


def test_another_policy_service_is_not_ours(spoilt: SpoiltPostfix) -> None:
    check = f"{UNAUTH}, check_policy_service inet:127.0.0.1:1"
    spoilt.set({"smtpd_recipient_restrictions": check, "smtpd_milters": ""})
    assert wrong(spoilt.findings()) == {"postfix-policy", "closed-lists"}


def test_a_mistyped_parameter_is_noted(spoilt: SpoiltPostfix) -> None:
    spoilt.set({"smtpd_recipient_restriction": UNAUTH})
    findings = spoilt.findings()
    assert wrong(findings) == set()
    assert "smtpd_recipient_restriction=" in text_of(findings, "postfix-complaints")


def test_a_stale_table(spoilt: SpoiltPostfix) -> None:
    table = spoilt.site.folder / "maps" / "postfix_relay_recipients"
    text = table.read_text()
    table.write_text(text.replace("chat@l.example\tOK\n", ""))
    try:
        assert wrong(spoilt.findings()) == {"postfix-maps"}
    finally:
        table.write_text(text)


def test_a_compiled_table_that_is_older(spoilt: SpoiltPostfix, tmp_path: Path) -> None:
    folder = tmp_path / "compiled"
    folder.mkdir()
    for table in (spoilt.site.folder / "maps").iterdir():
        (folder / table.name).write_text(table.read_text())
    spoilt.command("postmap", f"lmdb:{folder}/postfix_lmtp")
    spoilt.set({"transport_maps": f"lmdb:{folder}/postfix_lmtp"})
    changes = {'maps_dir = "maps"': f'maps_dir = "{folder}"'}
    assert wrong(spoilt.findings(changes)) == set()
    written = (folder / "postfix_lmtp").stat().st_mtime
    os.utime(folder / "postfix_lmtp.lmdb", (written - 60,) * 2)
    findings = spoilt.findings(changes)
    assert wrong(findings) == {"postfix-maps"}
    assert f"postmap lmdb:{folder}/postfix_lmtp" in text_of(findings, "postfix-maps")


def test_a_type_that_it_cannot_read(spoilt: SpoiltPostfix) -> None:
    spoilt.machine.outputs[("postconf", "-m")] = Ran(0, "hash\nregexp\nsocketmap\n", "")
    assert wrong(spoilt.findings()) == {"postfix-map-types"}


def test_an_old_version(spoilt: SpoiltPostfix) -> None:
    spoilt.set({"mail_version": "2.11.3"})
    assert wrong(spoilt.findings()) == {"postfix-version"}


@pytest.mark.parametrize("hosts", ["::1 localhost\n", "127.0.1.1 localhost\n"])
def test_a_chroot_with_another_localhost(hosts: str, spoilt: SpoiltPostfix, postfix: Postfix) -> None:
    spoilt.command("postconf", "-F", "*/inet/chroot=y")
    spoilt.machine.files[str(postfix.path("spool/etc/hosts"))] = hosts
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-chroot"}
    assert f"install -D -m 644 /etc/hosts {postfix.path('spool/etc/hosts')}" in text_of(findings, "postfix-chroot")


def test_a_chroot_without_the_name_that_is_dialled(spoilt: SpoiltPostfix) -> None:
    spoilt.command("postconf", "-F", "*/inet/chroot=y")
    assert wrong(spoilt.findings()) == set()
    port = spoilt.site.ports["milter"]
    spoilt.set({"smtpd_milters": f"inet:localhost:{port}"})
    assert wrong(spoilt.findings()) == {"postfix-chroot"}


def test_a_socket_that_postfix_may_not_write_to(spoilt: SpoiltPostfix) -> None:
    socket = spoilt.site.folder / "policy.sock"
    spoilt.set(filled(RIGHT["over a UNIX socket"], spoilt.site))
    socket.chmod(0o600)
    try:
        findings = spoilt.findings()
    finally:
        socket.chmod(0o666)
    assert wrong(findings) == {"socket-modes"}
    assert "uucp may not write to" in text_of(findings, "socket-modes")


def test_an_item_that_breaks_off_stops_no_other(spoilt: SpoiltPostfix) -> None:
    spoilt.machine.outputs[("postmap", "-q")] = Ran(1, "", "postmap: fatal: the disk is on fire")
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix-domains", "postfix-recipients", "postfix-transport"}
    assert "could not look: OSError: postmap -q: postmap: fatal: the disk is on fire" in text_of(
        findings, "postfix-domains"
    )
    assert {"postfix-delimiter", "postfix-maps", "exim", "sendmail"} <= {finding.name for finding in findings}


def test_a_postconf_that_fails_is_told_once(spoilt: SpoiltPostfix) -> None:
    spoilt.machine.outputs[("postconf", "-x")] = Ran(1, "", "postconf: fatal: open /etc/postfix/main.cf")
    findings = spoilt.findings()
    assert wrong(findings) == {"postfix"}
    assert not any(finding.name.startswith("postfix-") for finding in findings)


def test_the_command(site: Site, postfix: Postfix) -> None:
    command = [*COMMAND, "--config", str(site.file), "doctor", "--nameserver", site.dns.address]
    command += ["--postfix-config", str(postfix.path("etc")), "--user", "root"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert set(said) == {"right", "findings"}
    assert all(set(finding) == {"name", "state", "text", "mend"} for finding in said["findings"])
    # What /etc/hosts says is up to the machine of the tests.
    assert {found["name"] for found in said["findings"] if found["state"] == "wrong"} <= {"localhost"}
    assert done.returncode == (0 if said["right"] else 1)
    broken = [*command, "--host", "192.0.2.1"]
    done = subprocess.run(broken, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"settings: {site.file}\n")
    assert "wrong    domains" in done.stdout
    assert "mend: lists.example. IN MX 10 192.0.2.1." in done.stdout
