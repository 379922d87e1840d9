"""Sendmail's configuration, item by item."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost_conf.doctor.addresses import for_sendmail, leads_to, postfix_address, sendmail_address
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.closed_lists import PASSES_AT_DATA, looked_at_again
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.sendmail_config import Filter

_NEEDED = {"z": "it speaks SMTP, not LMTP", "m": "each recipient has a transaction of its own"}
_MAKE = "then: make -C /etc/mail, and restart Sendmail"


def version(case: Case) -> Iterator[Result]:
    """Which one it is."""
    yield ok(f"Sendmail {case.sendmail.version}")


def milter(case: Case) -> Iterator[Result]:
    """gatepost is asked, as a milter or by its socket map, at an address in Sendmail's form."""
    sendmail = case.sendmail
    for found in sendmail.filters:
        if _is_misdialled(case, found):
            form = f"Sendmail's form is {for_sendmail(case.listens['milter'][0])}"
            yield wrong(
                f"the milter {found.name} is at {found.socket}, which Sendmail cannot dial: {form}", _mend(case)
            )
        elif _is_ours(case, found):
            yield ok(f"the milter {found.name} is at {found.socket}")
    maps = sendmail.verdict_maps(case.doors)
    if any(_is_ours(case, found) or _is_misdialled(case, found) for found in sendmail.filters):
        if maps and case.settings.milter.stage == "headers":
            yield wrong(
                f"the map {maps[0].name} refuses by the envelope whom the milter would let in by the headers",
                f"sendmail.mc: take the map {maps[0].name} and its rules out; {_MAKE}",
            )
        return
    if maps:
        yield ok(f"the map {maps[0].name} is asked for verdicts")
    else:
        yield wrong("neither the milter nor the map of verdicts is asked", _mend(case))


def data(case: Case) -> Iterator[Result]:
    """The milter is asked at DATA too; a map cannot be asked there."""
    looked_at_again(case)
    if any(_is_ours(case, found) or _is_misdialled(case, found) for found in case.sendmail.filters):
        yield ok("null senders and probes' are judged at DATA")
    elif maps := case.sendmail.verdict_maps(case.doors):
        yield note(
            f"the map {maps[0].name} is asked at RCPT alone: {PASSES_AT_DATA}",
            _mend(case) if case.can_run("milter") else "",
        )
    else:
        raise Absent("senders are not tested")


def flag(case: Case) -> Iterator[Result]:
    """While the milter is away, mail waits."""
    ours = [found for found in case.sendmail.filters if _is_ours(case, found)]
    if not ours:
        raise Absent("the milter is not asked")
    for found in ours:
        if found.flag in {"T", "4"}:
            yield ok(f"the milter {found.name} has F={found.flag}: mail waits while it is away")
        else:
            what = "is refused for good" if found.flag == "R" else "passes untested"
            flags = f"F={found.flag}" if found.flag else "no F="
            yield wrong(f"the milter {found.name} has {flags}: mail {what} while it is away", _mend(case))


def mailer(case: Case) -> Iterator[Result]:
    """The mailer that leads to gatepost speaks LMTP, to many recipients at once."""
    if not case.doors["lmtp"]:
        raise Absent("[lmtp] is not enabled")
    mailers = case.sendmail.lmtp_mailers(case.doors)
    if not mailers:
        yield wrong(
            "no mailer leads to gatepost's LMTP receiver", f"gatepost conf sendmail: its mailer in sendmail.mc; {_MAKE}"
        )
    for found in mailers:
        missing = [flag for flag in _NEEDED if flag not in found.flags]
        if missing:
            why = ", ".join(f"without {flag} {_NEEDED[flag]}" for flag in missing)
            yield wrong(
                f"the mailer {found.name} has F={found.flags}: {why}",
                f"in the mailer {found.name}: F={found.flags}{''.join(missing)}; {_MAKE}",
            )
        else:
            yield ok(f"the mailer {found.name} speaks LMTP")


def routes(case: Case) -> Iterator[Result]:
    """Mail for a list of each domain goes to that mailer."""
    mailers = [found.name for found in case.sendmail.lmtp_mailers(case.doors)]
    if not mailers:
        raise Absent("no mailer leads to gatepost")
    lists = [(domain, names[0]) for domain, names in case.lists.domains if names]
    samples = [f"{name}@{each}" for domain, name in lists for each in (domain.mail_host, domain.alias_domain) if each]
    for address, mailer in case.sendmail.routes(samples).items():
        domain = address.rpartition("@")[2]
        if mailer in mailers:
            yield ok(f"mail for {domain} goes to the mailer {mailer}")
        else:
            yield wrong(
                f"mail for {domain} goes to the mailer {mailer}, not to gatepost",
                f"mailertable: {domain}<TAB>{mailers[0]}:[127.0.0.1]; then: make -C /etc/mail",
            )


def socket_maps(case: Case) -> Iterator[Result]:
    """A socket map that is away defers: without -T it refuses for good.

    Not so the mailertable: that queues mail without -T, and refuses it with.
    """
    ours = [
        found
        for found in case.sendmail.socket_maps
        if found.name != "mailertable" and leads_to(sendmail_address(found.address), case.doors["socketmap"])
    ]
    if not ours:
        raise Absent("no socket map leads to gatepost")
    for found in ours:
        if any(option.startswith("-T") for option in found.options):
            yield ok(f"the map {found.name} defers while gatepost is away")
        else:
            yield wrong(
                f"the map {found.name} has no -T: while gatepost is away, mail is refused for good",
                f"K{found.name} socket -T<TMPF> {' '.join([*found.options, found.address])}; {_MAKE}",
            )


def _is_ours(case: Case, found: Filter) -> bool:
    return leads_to(sendmail_address(found.socket), case.doors["milter"])


def _is_misdialled(case: Case, found: Filter) -> bool:
    """Whether it is gatepost's address in Postfix's form."""
    return not _is_ours(case, found) and leads_to(postfix_address(found.socket, "/"), case.listens["milter"])


def _mend(case: Case) -> str:
    """What has Sendmail ask gatepost, by a door that can answer here."""
    if case.can_run("milter"):
        socket = for_sendmail(case.doors["milter"][0])
        return f"sendmail.mc: INPUT_MAIL_FILTER(`gatepost', `S={socket}, F=T, T=C:10s;S:10s;R:30s;E:30s')dnl; {_MAKE}"
    if case.can_run("socketmap"):
        return f"gatepost conf sendmail: its verdict.mc in sendmail.mc, and no milter of gatepost's; {_MAKE}"
    return "in gatepost.toml: [policy] enabled = true, which serves [socketmap] too; then: gatepost conf sendmail"
