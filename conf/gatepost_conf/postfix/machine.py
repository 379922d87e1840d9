"""What the Postfix of a machine says of itself, as far as our lines depend on it. No I/O here: programs.py asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class DomainClass(StrEnum):
    """Postfix's classes of domains (ADDRESS_CLASS_README), by the parameter that names them, in its order."""

    LOCAL = "mydestination"
    VIRTUAL_ALIAS = "virtual_alias_domains"
    VIRTUAL_MAILBOX = "virtual_mailbox_domains"
    RELAY = "relay_domains"


# Postfix's own defaults (postconf(5)) of what we read; they count where there is no Postfix to ask.
DEFAULTS = {
    "default_database_type": "texthash",  # hash there; but each Postfix reads texthash
    "local_recipient_maps": "proxy:unix:passwd.byname $alias_maps",
    "mydestination": "$myhostname, localhost.$mydomain, localhost",
    "propagate_unmatched_extensions": "canonical, virtual",
    "queue_directory": "/var/spool/postfix",
    "recipient_delimiter": "",
    "relay_domains": "",
    "relay_recipient_maps": "",
    "smtpd_data_restrictions": "",
    "smtpd_milters": "",
    "smtpd_recipient_restrictions": "",
    "smtpd_relay_before_recipient_restrictions": "yes",  # from 3.6 on
    "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination",
    "transport_maps": "",
    "virtual_alias_domains": "$virtual_alias_maps",
    "virtual_alias_maps": "$virtual_maps",
    "virtual_mailbox_domains": "$virtual_mailbox_maps",
    "virtual_mailbox_maps": "",
}


# The port of an SMTP server that strangers reach, as master.cf names it.
_PUBLIC_PORTS = frozenset({"smtp", "25"})


@dataclass(frozen=True, slots=True)
class Machine:
    """A Postfix, or what stands for one where there is none (`found` is false then).

    values: the parameters of DEFAULTS as main.cf has them, names in them not expanded; see to_keep. classes: of our
    domains, those that Postfix has in a class already, and in which. expanded: what every parameter comes to.
    overrides: the SMTP servers in master.cf that strangers reach, each with a parameter that it has of its own.
    """

    found: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, DomainClass] = field(default_factory=dict)
    expanded: Mapping[str, str] = field(default_factory=dict)
    overrides: Sequence[tuple[str, str]] = ()

    def value(self, name: str) -> str:
        """A parameter's value as a line that adds to it begins, on one line."""
        return " ".join(self.values.get(name, DEFAULTS[name]).split())

    def meant(self, name: str) -> str:
        """What a parameter's value comes to, on one line."""
        return " ".join(self.expanded.get(name, self.value(name)).split())


def to_keep(written: str, default: str, meant: str) -> str:
    """What of a parameter's value stays in a line that adds to it: the value as it is written.

    Not so a default that is a condition which is not met: relay_domains has, from Postfix 3.0 on, one on
    compatibility_level. default, meant: the parameter's default, and what its value comes to.
    """
    return "" if written == default and written.startswith("${{") and not meant else written


def is_public(service: str) -> bool:
    """Whether a service in master.cf, as NAME/TYPE, is at the port of SMTP, or gets its clients from there."""
    name, _, kind = service.rpartition("/")
    return kind == "pass" or (kind == "inet" and name.rpartition(":")[2] in _PUBLIC_PORTS)
