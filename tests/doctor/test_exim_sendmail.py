"""Faults of Exim's and Sendmail's configuration, read by the real programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepost_conf.doctor.findings import Finding
from gatepost_conf.doctor.machine import Ran
from labs.doctor import Planted, Site, text_of, wrong
from labs.mta import Exim, Sendmail

pytestmark = [pytest.mark.mta]

ACL_CALLOUT = """\
  deny
    domains = +list_domains
    !verify = recipient/callout=10s,use_sender,no_cache
  accept domains = +list_domains
"""
ACL_PLAIN_CALLOUT = ACL_CALLOUT.replace(",use_sender", "")
ACL_POLICY = r"""
  warn set acl_m_gatepost = ${readsocket{inet:127.0.0.1:%(policy)d}\
      {request=smtpd_access_policy\nrecipient=$local_part@$domain\n\n}{5s}{}{action=DEFER}}
  deny condition = ${if match{$acl_m_gatepost}{\N^action=5\N}}
  accept domains = +list_domains
"""
# The same place, whatever is said there.
ACL_DATA = r"accept set acl_m_gatepost = ${readsocket{inet:127.0.0.1:%(policy)d}{request\n\n}{5s}{}{}}"
ROUTER = """\
lists:
  driver = accept
  domains = +list_domains
  local_part_suffix = -bounces : -request
  local_part_suffix_optional
  transport = gatepost
"""
TRANSPORT = """\
gatepost:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  port = %(lmtp)d
  allow_localhost
  rcpt_include_affixes
"""
UNIX_TRANSPORT = """\
gatepost:
  driver = lmtp
  socket = %(folder)s/lmtp.sock
  batch_max = 50
  rcpt_include_affixes
"""


def exim_findings(
    site: Site,
    *,
    acl: str = ACL_POLICY,
    data: str = ACL_DATA,
    routers: str = ROUTER,
    transports: str = TRANSPORT,
    settings: dict[str, str] | None = None,
    version: str = "",
) -> list[Finding]:
    values = {**site.ports, "folder": site.folder}
    exim = Exim(acl_rcpt=acl % values, acl_data=data % values, routers=routers % values, transports=transports % values)
    try:
        exim.configure()
        machine = site.machine("exim4")
        machine.environment = exim.environment
        if version:
            machine.outputs[("exim4", "-bV")] = Ran(0, f"Exim version {version} #2 built\n", "")
        return site.examine(machine, settings, exim_config=str(exim.path("exim.conf")))
    finally:
        exim.stop()


def with_unix(site: Site) -> dict[str, str]:
    """[lmtp] listens on a UNIX socket too."""
    port = site.ports["lmtp"]
    return {f'listen = "inet:127.0.0.1:{port}"': f'listen = ["inet:127.0.0.1:{port}", "unix:lmtp.sock"]'}


@pytest.mark.parametrize("acl", [ACL_POLICY, ACL_CALLOUT], ids=["policy", "callout"])
def test_nothing_is_wrong_with_exim(acl: str, site: Site) -> None:
    findings = exim_findings(site, acl=acl)
    assert wrong(findings) == set()
    assert {"exim-acl", "exim-transport", "exim-router", "exim-affixes"} <= {
        finding.name for finding in findings if finding.state == "ok"
    }


EXIM_OF_THE_LAB = "exim_user = news\nexim_group = news\nspool_directory = {dir}/spool\nkeep_environment =\n"
MACROS = ["", "GATEPOST_JUDGE_BY_CALLOUT = yes", "GATEPOST_ROUTE_BY_FILE = yes"]


@pytest.mark.parametrize("macro", MACROS)
def test_what_conf_prints_is_right_for_exim(macro: str, site: Site, tmp_path: Path) -> None:
    site.gatepost("conf", "exim", "--write", str(tmp_path))
    exim = Exim()
    try:
        text = exim.fill(EXIM_OF_THE_LAB) + f"{macro}\n" + (tmp_path / "exim.conf").read_text()
        machine = site.machine("exim4")
        machine.environment = exim.environment
        findings = site.examine(machine, exim_config=str(exim.write("exim.conf", text)))
    finally:
        exim.stop()
    assert wrong(findings) == set()
    assert "exim-affixes" in {finding.name for finding in findings if finding.state == "ok"}


def test_exim_asks_at_rcpt_alone(site: Site) -> None:
    findings = exim_findings(site, data="accept")
    assert wrong(findings) == {"exim-data"}
    assert "double-bounce@" in text_of(findings, "exim-data")


def test_a_callout_cannot_ask_at_data(site: Site) -> None:
    findings = exim_findings(site, acl=ACL_CALLOUT, data="accept")
    assert wrong(findings) == set()
    assert [finding.state for finding in findings if finding.name == "exim-data"] == ["note"]
    assert "double-bounce@" in text_of(findings, "exim-data")


def test_exim_asks_nobody(site: Site) -> None:
    findings = exim_findings(site, acl="accept domains = +list_domains", data="accept")
    assert wrong(findings) == {"exim-acl", "closed-lists"}


def test_exim_asks_in_a_list_that_is_not_gone_through(site: Site) -> None:
    acl = "accept domains = +list_domains\nacl_unused:\n" + ACL_POLICY
    assert wrong(exim_findings(site, acl=acl)) == {"exim-acl", "closed-lists"}


def test_exim_asks_in_a_list_that_is_named(site: Site) -> None:
    acl = "accept acl = acl_gatepost\nacl_gatepost:\n" + ACL_POLICY
    assert wrong(exim_findings(site, acl=acl)) == set()


def test_callouts_without_the_sender(site: Site) -> None:
    findings = exim_findings(site, acl=ACL_PLAIN_CALLOUT)
    assert wrong(findings) == {"closed-lists"}
    assert "ann@lists.example" in text_of(findings, "closed-lists")


def test_callouts_while_the_receiver_tests_no_senders(site: Site) -> None:
    settings = {"public_address = ": "sender_tests = false\npublic_address = "}
    assert wrong(exim_findings(site, acl=ACL_CALLOUT, settings=settings)) == {"closed-lists"}


def test_callouts_at_the_header_stage(site: Site) -> None:
    settings = {"public_address = ": 'stage = "headers"\npublic_address = '}
    findings = exim_findings(site, acl=ACL_CALLOUT, settings=settings)
    assert wrong(findings) == {"exim-callout-stage", "closed-lists"}
    assert wrong(exim_findings(site, acl=ACL_POLICY, settings=settings)) == set()


def test_callouts_over_a_unix_socket(site: Site) -> None:
    findings = exim_findings(site, acl=ACL_CALLOUT, transports=UNIX_TRANSPORT, settings=with_unix(site))
    assert {"exim-callout", "closed-lists"} <= wrong(findings)
    assert "always succeed" in text_of(findings, "exim-callout")


def test_suffixes_are_lost(site: Site) -> None:
    assert wrong(exim_findings(site, transports=TRANSPORT.replace("  rcpt_include_affixes\n", ""))) == {"exim-affixes"}


def test_no_router_leads_there(site: Site) -> None:
    routers = "discard:\n  driver = redirect\n  data = :blackhole:\n"
    assert wrong(exim_findings(site, routers=routers)) == {"exim-router"}


def test_no_transport_leads_there(site: Site) -> None:
    assert wrong(exim_findings(site, transports=TRANSPORT.replace("%(lmtp)d", "24"))) == {"exim-transport"}


def test_an_old_exim(site: Site) -> None:
    assert wrong(exim_findings(site, version="4.92")) == {"exim-version"}


def test_an_exim_that_tells_others_nothing(site: Site) -> None:
    machine = site.machine("exim4")
    machine.outputs[("exim4", "-bP")] = Ran(1, "", "exim: permission denied")
    machine.outputs[("exim4", "-bV")] = Ran(0, "Exim version 4.96\n", "")
    findings = site.examine(machine)
    assert wrong(findings) == {"exim"}
    assert "sudo gatepost doctor" in text_of(findings, "exim")


MILTER = "INPUT_MAIL_FILTER(`gatepost', `S=inet:%(milter)d@127.0.0.1, F=T, T=C:10s;S:10s;R:30s;E:30s')dnl"
VERDICT_MAP = "Kgate socket -T<TMPF> inet:%(socketmap)d@127.0.0.1"
VERDICT_RULE = "SLocal_check_rcpt\nR$*\t$: $(gate $&f | $1 $: $)\n"


@contextmanager
def sendmail(
    site: Site, macros: str, config: str = "", rules: str = "", lmtp: int = 0
) -> Iterator[tuple[Sendmail, Planted]]:
    values = site.ports
    domains = dict.fromkeys(("lists.example", "l.example"), lmtp or values["lmtp"])
    server = Sendmail(macros=macros % values, config=config % values, rules=rules, lmtp=domains)
    try:
        server.configure()
        machine = site.machine("sendmail")
        machine.environment = server.environment
        yield server, machine
    finally:
        server.stop()


def sendmail_findings(
    site: Site, macros: str = MILTER, config: str = "", rules: str = "", lmtp: int = 0
) -> list[Finding]:
    with sendmail(site, macros, config, rules, lmtp) as (server, machine):
        return site.examine(machine, sendmail_config=str(server.path("etc/sendmail.cf")))


def test_nothing_is_wrong_with_sendmail(site: Site) -> None:
    findings = sendmail_findings(site)
    assert wrong(findings) == set()
    assert {"sendmail-milter", "sendmail-milter-flag", "sendmail-mailer"} <= {
        finding.name for finding in findings if finding.state == "ok"
    }


def test_nothing_is_wrong_with_a_map_of_verdicts(site: Site) -> None:
    findings = sendmail_findings(site, "", VERDICT_MAP, VERDICT_RULE)
    assert wrong(findings) == set()
    assert [finding.state for finding in findings if finding.name == "sendmail-data"] == ["note"]
    assert "double-bounce@" in text_of(findings, "sendmail-data")


def test_sendmail_asks_nobody(site: Site) -> None:
    findings = sendmail_findings(site, "")
    assert wrong(findings) == {"sendmail-milter", "closed-lists"}
    assert f"S=inet:{site.ports['milter']}@127.0.0.1, F=T" in text_of(findings, "sendmail-milter")


@pytest.mark.parametrize("flag", ["F=R, ", ""])
def test_a_milter_that_is_away(flag: str, site: Site) -> None:
    assert wrong(sendmail_findings(site, MILTER.replace("F=T, ", flag))) == {"sendmail-milter-flag"}


def test_postfix_form_of_the_milter(site: Site) -> None:
    macros = MILTER.replace("inet:%(milter)d@127.0.0.1", "inet:127.0.0.1:%(milter)d")
    findings = sendmail_findings(site, macros)
    assert "sendmail-milter" in wrong(findings)
    assert "which Sendmail cannot dial" in text_of(findings, "sendmail-milter")


def test_a_milter_that_is_defined_and_not_asked(site: Site) -> None:
    macros = MILTER.replace("INPUT_MAIL_FILTER", "MAIL_FILTER")
    assert wrong(sendmail_findings(site, macros)) == {"sendmail-milter", "closed-lists"}


def test_no_mailer_leads_there(site: Site) -> None:
    assert wrong(sendmail_findings(site, lmtp=24)) == {"sendmail-mailer"}


def test_a_domain_without_an_entry_in_the_mailertable(site: Site) -> None:
    with sendmail(site, MILTER) as (server, machine):
        server.write("etc/mailertable", "lists.example\tlmtp0:[127.0.0.1]\n")
        findings = site.examine(machine, sendmail_config=str(server.path("etc/sendmail.cf")))
    assert wrong(findings) == {"sendmail-transport"}
    assert "l.example<TAB>lmtp0:[127.0.0.1]" in text_of(findings, "sendmail-transport")


@pytest.mark.parametrize("asks", ["milter.mc", "verdict.mc"])
def test_what_conf_prints_is_right_for_sendmail(asks: str, site: Site, tmp_path: Path) -> None:
    site.gatepost("conf", "sendmail", "--write", str(tmp_path))
    texts = {file.name: file.read_text() for file in tmp_path.iterdir()}
    server = Sendmail(macros=texts["milter.mc"] if asks == "milter.mc" else "")
    try:
        server.configure()
        source = server.path("etc/lab.mc").read_text() + texts["mailers.mc"]
        source += texts["verdict.mc"] if asks == "verdict.mc" else ""
        built = server.run(server.lab.sendmail / "usr/bin/m4", server.write("etc/lab.mc", source))
        file = server.write("etc/sendmail.cf", built)
        server.write("etc/mailertable", texts["mailertable"])
        machine = site.machine("sendmail")
        machine.environment = server.environment
        assert wrong(site.examine(machine, sendmail_config=str(file))) == set()
    finally:
        server.stop()


@pytest.mark.parametrize("flag", ["z", "m"])
def test_a_mailer_without_a_flag(flag: str, site: Site) -> None:
    with sendmail(site, MILTER) as (server, machine):
        file = server.path("etc/sendmail.cf")
        file.write_text(file.read_text().replace("F=mDFMuXzk8", f"F={'mDFMuXzk8'.replace(flag, '')}"))
        assert wrong(site.examine(machine, sendmail_config=str(file))) == {"sendmail-mailer"}


def test_a_map_that_refuses_while_it_is_away(site: Site) -> None:
    findings = sendmail_findings(site, "", VERDICT_MAP.replace("-T<TMPF> ", ""), VERDICT_RULE)
    assert wrong(findings) == {"sendmail-socketmap"}


def test_a_mailertable_queues_mail_while_it_is_away(site: Site) -> None:
    live = "Kmailertable socket inet:%(socketmap)d@127.0.0.1"
    findings = sendmail_findings(site, "", f"{VERDICT_MAP}\n{live}", VERDICT_RULE)
    assert "sendmail-socketmap" not in wrong(findings)


def test_postfix_program_of_that_name_is_no_sendmail(site: Site) -> None:
    machine = site.machine("sendmail")
    machine.outputs[("sendmail",)] = Ran(75, "", "sendmail: fatal: unsupported: -bt")
    findings = site.examine(machine)
    assert [finding.state for finding in findings if finding.name == "sendmail"] == ["skipped"]
