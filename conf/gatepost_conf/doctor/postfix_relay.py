"""Postfix's relaying: for nobody else, for the lists' domains only to addresses that there are, and to gatepost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gatepost_conf.doctor.addresses import leads_to, next_hop, postfix_address
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.postfix_config import Postfix, Smtpd
from gatepost_conf.doctor.restrictions import CLOSING, ENDING
from gatepost_conf.postfix.machine import DomainClass
from gatepost_conf.postfix.maps import transport_of
from gatepost_conf.postfix.restrictions import words
from gatepost_lists.senders import compile_globs

_EVERYBODY = frozenset({"0.0.0.0/0", "[::]/0", "::/0", "static:all"})
_CONTROLLING = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
# Where a class of domains goes that no table says otherwise of, and which tables say what addresses it has.
_DEFAULTS = {
    DomainClass.LOCAL: ("local_transport", "local_recipient_maps"),
    DomainClass.VIRTUAL_MAILBOX: ("virtual_transport", "virtual_mailbox_maps"),
    DomainClass.RELAY: ("relay_transport", "relay_recipient_maps"),
}
# These answer for an address with an extension by themselves; the others leave it to recipient_delimiter.
_WHOLE_ADDRESS_TYPES = frozenset({"regexp", "pcre", "socketmap"})
_PERMANENT = "550"


class _Place(NamedTuple):
    """A domain that has lists, the name of one of them, and the class that Postfix has it in."""

    domain: str
    list_name: str
    kind: DomainClass | None

    @property
    def address(self) -> str:
        return f"{self.list_name}@{self.domain}".lower()

    @property
    def keys(self) -> tuple[str, str]:
        """What stands for it in transport_maps, in the order of transport(5)."""
        return self.address, self.domain


def open_relay(case: Case) -> Iterator[Result]:
    """Strangers cannot send through this Postfix to others."""
    postfix = case.postfix
    for smtpd in postfix.smtpds:
        if too_wide := sorted(_EVERYBODY & set(postfix.listed("mynetworks", smtpd.service))):
            mend = postfix.set("mynetworks", "127.0.0.0/8 [::1]/128", smtpd.service)
            yield wrong(
                f"{smtpd.service}: mynetworks has {', '.join(too_wide)}: everybody may send through it, to anybody",
                mend,
            )
        if any(_closes(smtpd, parameter) for parameter in _CONTROLLING):
            yield ok(f"{smtpd.service}: it relays for nobody else")
        else:
            value = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
            mend = postfix.set(_CONTROLLING[0], value, smtpd.service)
            yield wrong(
                f"{smtpd.service}: an open relay: nothing stands before a permit to refuse what is for others", mend
            )


def _closes(smtpd: Smtpd, parameter: str) -> bool:
    for step in smtpd.steps(parameter):
        if step.name in CLOSING and not step.warns and not step.conditional:
            return True
        if step.name in ENDING - CLOSING and not step.conditional and step.name != "permit_auth_destination":
            return False
    return False


def accepted(case: Case) -> Iterator[Result]:
    """Postfix takes mail for every domain that has lists."""
    for domain, _, kind in _classes(case):
        if kind:
            yield ok(f"{domain} is in {kind.value}")
        else:
            mend = case.postfix.set("relay_domains", _joined(case.postfix, "relay_domains", domain))
            yield wrong(f"Postfix takes no mail for {domain}", mend)


def recipients(case: Case) -> Iterator[Result]:
    """Postfix, not the delivery, refuses addresses that do not exist: by a table, or by asking gatepost."""
    postfix = case.postfix
    verified = all(smtpd.verifies for smtpd in postfix.smtpds)
    kinds = {place.kind for place in _classes(case) if place.kind in _DEFAULTS}
    if not kinds:
        raise Absent("no domain of the lists is delivered by Postfix")
    for kind in sorted(kinds):
        parameter = _DEFAULTS[kind][1]
        if verified or all(smtpd.settings[parameter] for smtpd in postfix.smtpds):
            yield ok(f"{kind.value}: addresses are {'verified' if verified else f'in {parameter}'}")
        else:
            yield wrong(
                f"{kind.value}: {parameter} is empty: an address that does not exist is taken whenever gatepost is not"
                " asked, and bounces later",
                f"gatepost conf postfix: {parameter}, as it says; or reject_unverified_recipient in"
                " smtpd_recipient_restrictions",
            )


def verification(case: Case) -> Iterator[Result]:
    """What verification refuses is refused for good."""
    for smtpd in _verifying(case):
        code = smtpd.settings["unverified_recipient_reject_code"]
        if code.startswith("5"):
            yield ok(f"{smtpd.service}: what does not exist is refused with {code}")
        else:
            mend = case.postfix.set("unverified_recipient_reject_code", _PERMANENT, smtpd.service)
            yield wrong(f"{smtpd.service}: what does not exist gets {code} and comes again for days", mend)


def _verifying(case: Case) -> list[Smtpd]:
    found = [smtpd for smtpd in case.postfix.smtpds if smtpd.verifies]
    if not found:
        raise Absent("Postfix verifies no addresses")
    return found


def probe_sender(case: Case) -> Iterator[Result]:
    """The sender of Postfix's probes is one that asks only whether an address exists."""
    settings = case.postfix.settings
    local = settings["address_verify_sender"].strip("<>")
    sender = local if "@" in local or not local else f"{local}@{_origin(case)}"
    is_probe = compile_globs(case.settings.lists.probe_senders).match
    # With address_verify_sender_ttl, letters that change with time stand behind the local part (verify(8)).
    timed = settings.get("address_verify_sender_ttl", "0s") not in {"0", "0s"} and sender
    seen = sender.replace("@", "H1WZ@", 1) if timed else sender
    if not sender or is_probe(seen.lower()):
        yield ok(f"probes come from {f'<{seen}>'}")
        return
    text = f"Postfix probes come from <{seen}>, which probe_senders does not match: its answers are kept for everybody"
    mend = f'in gatepost.toml: [lists] probe_senders = ["double-bounce*@*", "{local.partition("@")[0]}*@*"]'
    used = any(smtpd.verifies for smtpd in case.postfix.smtpds)
    yield wrong(text, mend) if used else note(f"{text}; nothing is verified now", mend)


def origin(case: Case) -> Iterator[Result]:
    """gatepost completes an address without a domain as Postfix does."""
    try:
        appended, ours = case.postfix.origin, case.settings.site.origin
    except FileNotFoundError as error:
        yield wrong(f"myorigin is {error.filename}, which is not there", f"hostname -f > {error.filename}")
        return
    if appended.lower() == ours:
        yield ok(f"an address without a domain is one of {ours}")
    else:
        yield note(
            f"to an address without a domain Postfix appends {appended} (myorigin), and gatepost {ours}",
            f'in gatepost.toml: [site] origin = "{case.postfix.settings["myorigin"]}"',
        )


def _origin(case: Case) -> str:
    try:
        return case.postfix.origin
    except FileNotFoundError as error:
        raise Absent(f"{error.filename}, which myorigin names, is not there") from error


def transports(case: Case) -> Iterator[Result]:
    """Mail for the lists is brought to gatepost."""
    if not case.doors["lmtp"]:
        raise Absent("[lmtp] is not enabled")
    postfix = case.postfix
    placed = [place for place in _classes(case) if place.kind]
    ways, rewriting = postfix.names("rewrite/unix"), postfix.names("cleanup/unix")
    routes = postfix.lookup(ways["transport_maps"], *(key for place in placed for key in place.keys))
    aliases = postfix.lookup(rewriting["virtual_alias_maps"], *(place.address for place in placed))
    for place in placed:
        if place.kind is DomainClass.VIRTUAL_ALIAS:
            yield _aliased(place, aliases.get(place.address, ""))
        elif place.kind:
            default = ways[_DEFAULTS[place.kind][0]]
            yield _routed(case, place.domain, next((routes[key] for key in place.keys if key in routes), default))


def _aliased(place: _Place, leads: str) -> Result:
    if leads:
        return ok(f"{place.address} leads to {leads}")
    return wrong(
        f"{place.domain} is an alias domain, and {place.address} leads nowhere",
        "gatepost conf postfix: virtual_alias_maps, as it says",
    )


def _routed(case: Case, domain: str, route: str) -> Result:
    service, _, hop = route.partition(":")
    address = postfix_address(hop, case.postfix.queue_directory) or next_hop(hop)
    if leads_to(address, case.doors["lmtp"]) and case.postfix.command_of(service).split()[:1] in (["lmtp"], ["smtp"]):
        return ok(f"mail for {domain} goes to {route}")
    ours = f"inline:{{ {domain}={transport_of(case.site)} }}"
    before = case.postfix.written("transport_maps", "rewrite/unix")
    mend = case.postfix.set("transport_maps", f"{ours}, {before}" if before else ours, "rewrite/unix")
    return wrong(f"mail for {domain} goes to {route or 'nowhere'}, not to gatepost's LMTP receiver", mend)


def delimiter(case: Case) -> Iterator[Result]:
    """Addresses with an extension, as bounces and confirmations have them, are known."""
    postfix = case.postfix
    if "+" in postfix.settings["recipient_delimiter"]:
        yield ok(f"recipient_delimiter = {postfix.settings['recipient_delimiter']}")
        return
    tables = [word for _, parameter in _DEFAULTS.values() for word in words(postfix.settings[parameter]) if ":" in word]
    ours = [word for word in tables if word.partition(":")[0] not in _WHOLE_ADDRESS_TYPES]
    mend = postfix.set("recipient_delimiter", "+")
    if ours:
        yield wrong("recipient_delimiter has no '+': list-bounces+user=host@ is in no table, and is refused", mend)
    else:
        yield note("recipient_delimiter has no '+', and no table needs it", mend)


def owner_request_special(case: Case) -> Iterator[Result]:
    """-owner and -request are parts of lists, not of aliases."""
    if case.postfix.settings["owner_request_special"] == "no":
        yield ok("owner_request_special = no")
    else:
        yield wrong(
            "owner_request_special: Postfix treats list-owner and list-request in a way of its own",
            case.postfix.set("owner_request_special", "no"),
        )


def _classes(case: Case) -> list[_Place]:
    """Each domain that has lists, under both its names, and which class Postfix has it in."""
    postfix = case.postfix
    domains = [(domain, names[0]) for domain, names in case.lists.domains if names]
    if not domains:
        raise Absent("there are no lists")
    return [
        _Place(name, list_name, next((kind for kind in DomainClass if postfix.holds(kind.value, name)), None))
        for domain, list_name in domains
        for name in (domain.mail_host, domain.alias_domain)
        if name
    ]


def _joined(postfix: Postfix, parameter: str, addition: str) -> str:
    before = postfix.written(parameter).rstrip(", ")
    return f"{before}, {addition}" if before else addition
