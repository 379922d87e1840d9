"""What the Postfix of a machine says of itself, as far as our lines depend on it. No I/O here: programs.py asks it."""

from __future__ import annotations

from collections.abc import Mapping
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
    "transport_maps": "",
    "virtual_alias_domains": "$virtual_alias_maps",
    "virtual_alias_maps": "$virtual_maps",
    "virtual_mailbox_domains": "$virtual_mailbox_maps",
    "virtual_mailbox_maps": "",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A Postfix, or what stands for one where there is none (`found` is false then).

    values: the parameters of DEFAULTS as main.cf has them, names in them not expanded. classes: of our domains, those
    that Postfix has in a class already, and in which.
    """

    found: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, DomainClass] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """A parameter's value, on one line."""
        return " ".join(self.values.get(name, DEFAULTS[name]).split())
