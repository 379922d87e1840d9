"""The lines of main.cf and master.cf, for the lists and for the Postfix at hand. No I/O.

Every line keeps the values that the machine has and adds ours: mail that arrived before still arrives. Where an empty
value means that no recipient is checked, ours alone would refuse all others: the line is left out, and a comment says
why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatepost_conf.postfix import maps
from gatepost_conf.postfix.doors import doors
from gatepost_conf.postfix.lookups import Lookups
from gatepost_conf.postfix.machine import Machine
from gatepost_conf.postfix.restrictions import with_added, words
from gatepost_conf.postfix.roles import Roles, names_of_lists_alone, roles_of
from gatepost_conf.site import Site

# The client in master.cf that we offer where [postfix] lmtp_service names the one that Postfix comes with.
OWN_SERVICE = "gatepost-lmtp"
STOCK_SERVICE = "lmtp"
# How long verification may go on to refuse an address without asking again (default: three days). While an answer is
# waited for, smtpd asks its cache three times, three seconds apart: it must last as long.
_REFUSED_FOR = "10s"


def main_cf(site: Site, machine: Machine, lookups: Lookups) -> str:
    """What goes into main.cf where tables say which addresses there are."""
    roles = roles_of(site, machine)
    checked = _may_check_relayed(machine, roles, lookups)
    blocks = [
        *(f"# Mind: {trouble}\n" for trouble in roles.trouble),
        _extensions(machine),
        "# The lists' mail goes to gatepost\n"
        + _tables_line("transport_maps", machine, lookups.transport, lookups, True),
        _relayed(machine, roles, lookups, checked),
        _mailboxes("local_recipient_maps", "local users", roles.local, machine, lookups.local_recipients, lookups),
        _mailboxes("virtual_mailbox_maps", "mailboxes", roles.mailbox, machine, lookups.local_recipients, lookups),
        _aliases(machine, roles, lookups),
        *_doors(site, machine, [] if checked else roles.relayed),
    ]
    return "\n".join(filter(None, blocks))


def main_cf_verifying(site: Site, machine: Machine) -> str:
    """What goes into main.cf instead, where no table tells which addresses there are: gatepost is asked about each.

    Its two lines on the lists' domains name them, so that a list needs nothing new, and a domain needs new lines.
    """
    names = names_of_lists_alone(site, machine)
    if not names:
        return "# No domain holds lists alone: there is nothing to say here\n"
    transports = f"inline:{{ {', '.join(f'{name}={maps.transport_of(site)}' for name in names)} }}"
    lines = "# The lists' domains belong to gatepost, with every address in them\n"
    lines += _line("transport_maps", _with(machine.value("transport_maps"), transports))
    lines += _line("relay_domains", _with(machine.value("relay_domains"), *names))
    if machine.meant("relay_recipient_maps"):
        every = f"inline:{{ {', '.join(f'@{name}=OK' for name in names)} }}"
        lines += _line("relay_recipient_maps", _with(machine.value("relay_recipient_maps"), every))
    return "\n".join(filter(None, [_extensions(machine), lines, *_doors(site, machine, names)]))


def master_cf(site: Site) -> str:
    """An LMTP client of our own: it tells gatepost who sent the mail, which the one that Postfix has does not."""
    name = OWN_SERVICE if site.lmtp_service == STOCK_SERVICE else site.lmtp_service
    return f"{name} unix - - n - - lmtp -o lmtp_send_xforward_command=yes\n"


def _line(name: str, value: str) -> str:
    return f"{name} = {value}\n"


def _with(value: str, *ours: str) -> str:
    for word in ours:
        value = with_added(value, word, lambda _: False)
    return value


def _tables_line(name: str, machine: Machine, table: str, lookups: Lookups, first: bool = False) -> str:
    value = machine.value(name)
    is_there = table in words(machine.meant(name))  # be it behind the name of another parameter
    return _line(name, value if is_there else with_added(value, table, lookups.is_ours, first))


def _extensions(machine: Machine) -> str:
    delimiter = machine.value("recipient_delimiter")
    lines = "# Behind a + stands what bounces and confirmations are told by; owner- and -request are gatepost's own\n"
    is_there = "+" in machine.meant("recipient_delimiter")
    lines += _line("recipient_delimiter", delimiter if is_there else f"{delimiter}+")
    return lines + _line("owner_request_special", "no")


def _others(machine: Machine, name: str, lookups: Lookups) -> list[str]:
    """The words that a value comes to which are not ours."""
    return [word for word in words(machine.meant(name)) if not lookups.is_ours(word)]


def _may_check_relayed(machine: Machine, roles: Roles, lookups: Lookups) -> bool:
    """Whether relay_recipient_maps may hold our lists: not if it is empty, and others' recipients would be refused."""
    ours = {*roles.relayed, *words(machine.meant("mydestination").lower())}  # what is in mydestination is not relayed
    other_domains = [word for word in _others(machine, "relay_domains", lookups) if word.lower() not in ours]
    return bool(machine.meant("relay_recipient_maps")) or not (other_domains or roles.shared_relay)


def _relayed(machine: Machine, roles: Roles, lookups: Lookups, checked: bool) -> str:
    if not roles.relayed and not roles.shared_relay:
        return ""
    text = ""
    if roles.relayed:
        text += "# Domains that hold lists alone are relayed to gatepost\n"
        text += _tables_line("relay_domains", machine, lookups.relay_domains, lookups)
    if checked:
        return text + _tables_line("relay_recipient_maps", machine, lookups.relay_recipients, lookups)
    text += "# relay_recipient_maps is empty and stays so: with the lists alone in it, all recipients in the other\n"
    return text + "# domains of relay_domains would be refused\n"


def _mailboxes(name: str, who: str, domains: Sequence[str], machine: Machine, table: str, lookups: Lookups) -> str:
    if not domains:
        return ""
    if not _others(machine, name, lookups):
        return f"# {name} is empty and stays so: with the lists alone in it, all {who} would be refused\n"
    return f"# In domains that have {who} too, the lists are addresses beside them\n" + _tables_line(
        name, machine, table, lookups
    )


def _aliases(machine: Machine, roles: Roles, lookups: Lookups) -> str:
    if not roles.aliased:
        return ""
    text = "# Domains with an alias_domain lead there, and keep what stands behind a +\n"
    text += _tables_line("virtual_alias_maps", machine, lookups.virtual_alias, lookups, True)
    if roles.virtual_alias:
        missing = [each for name in roles.virtual_alias if name not in machine.classes for each in maps.spellings(name)]
        text += _line("virtual_alias_domains", _with(machine.value("virtual_alias_domains"), *missing))
    if "virtual" not in words(machine.meant("propagate_unmatched_extensions")):
        text += _line(
            "propagate_unmatched_extensions", _with(machine.value("propagate_unmatched_extensions"), "virtual")
        )
    return text


def _doors(site: Site, machine: Machine, verified: Sequence[str]) -> Iterator[str]:
    """The checks while the sender is on the line; in the domains `verified`, also whether the address exists.

    Then for how long an address that was refused is refused unasked. The policy service, where it goes before, knows
    of a list at once, and lets no address be verified that is none.
    """
    found = doors(site, machine, verified)
    lines = "".join(_line(name, value) for name, value in found.values.items())
    trouble = "".join(f"# Mind: {each}\n" for each in found.trouble)
    yield trouble + (lines and f"# Who may not post is told so while still on the line\n{lines}")
    if verified and "check_policy_service" not in found.values.get("smtpd_recipient_restrictions", ""):
        expiry = _line("address_verify_negative_expire_time", _REFUSED_FOR)
        yield f"# An address may become a list's in the next minute\n{expiry}"
