"""What Postfix is told of the doors: which of them it asks while the sender is on the line. No I/O.

One of policy service and milter is asked; what main.cf has of the other, from before, is taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gatepost_conf.asking import door_to_ask, troubles
from gatepost_conf.postfix.lookups import dialled_first, endpoint
from gatepost_conf.postfix.machine import Machine
from gatepost_conf.postfix.restrictions import closes_relay, names_address, with_added, with_checks, without
from gatepost_conf.site import Site

_CHECK = "check_policy_service"
_OWN = "{} in master.cf has its own {}, which goes before this line: gatepost doctor says what it needs"


class Doors(NamedTuple):
    """Values for main.cf by their parameters, in the order in which they are shown; what somebody should know."""

    values: dict[str, str]
    trouble: tuple[str, ...]


def doors(site: Site, machine: Machine, verified: Sequence[str]) -> Doors:
    """The checks; in the domains `verified`, also whether the address exists."""
    service, milter = dialled_first(site.policy), dialled_first([site.milter] if site.milter else [])
    asked = door_to_ask(bool(service), bool(milter) and site.has_pymilter, site.milter_stage)
    policy = [f"{_CHECK} {endpoint(service, machine)}"] if service and asked == "policy" else []
    each = ", ".join(f"{name}=reject_unverified_recipient" for name in verified)
    verification = [f"check_recipient_access inline:{{ {each} }}"] if verified else []
    values = {
        "smtpd_recipient_restrictions": _checks(site, machine, "smtpd_recipient_restrictions", policy, verification),
        "smtpd_relay_before_recipient_restrictions": "yes" if policy and _is_asked_too_early(machine) else None,
        "smtpd_data_restrictions": _checks(site, machine, "smtpd_data_restrictions", policy, []),
        "unverified_recipient_reject_code": "550" if verified else None,
        "smtpd_milters": _milters(site, machine, asked == "milter"),
    }
    said = {name: value for name, value in values.items() if value is not None}
    own = [_OWN.format(service, name) for service, name in machine.overrides if name in said]
    return Doors(said, (*troubles(site, asked), *own))


def _checks(site: Site, machine: Machine, name: str, policy: Sequence[str], verification: Sequence[str]) -> str | None:
    """A list of restrictions; None where there is nothing to say of it."""
    before = value = machine.value(name)
    if not policy:
        places = [endpoint(each, machine) for each in site.policy_places]
        value = without(before, lambda item: _asks(item, places), machine.expanded)
    if policy or verification:
        return with_checks(value, *policy, *verification, names=machine.expanded)
    return value if value != before else None


def _is_asked_too_early(machine: Machine) -> bool:
    """Whether what closes the relay comes behind smtpd_recipient_restrictions alone, as it does at old levels.

    The other order has the same outcome: mail must pass both lists.
    """
    if machine.meant("smtpd_relay_before_recipient_restrictions") != "no":
        return False
    relay, recipient = (machine.meant(f"smtpd_{name}_restrictions") for name in ("relay", "recipient"))
    return closes_relay(relay) and not closes_relay(recipient)


def _milters(site: Site, machine: Machine, asked: bool) -> str | None:
    """smtpd_milters; None where there is nothing to say of them."""
    before, place = machine.value("smtpd_milters"), endpoint(site.milter_place, machine)
    others = without(before, lambda item: names_address(item, place), machine.expanded)
    if asked:
        return with_added(before, place, lambda _: False) if others == before else before
    return others if others != before else None


def _asks(item: str, places: Sequence[str]) -> bool:
    return item.startswith(_CHECK) and any(names_address(item, place) for place in places)
