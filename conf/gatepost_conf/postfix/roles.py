"""What has to be done for each of our domains, by the class in which Postfix already has it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatepost_conf.postfix import maps
from gatepost_conf.postfix.machine import DomainClass, Machine
from gatepost_conf.site import Site

_NO_CLASS = (
    "{} is shared, but in none of Postfix's classes of domains: put it into mydestination, or where its mailboxes are"
)
_NOT_ALONE = (
    "{} is in mydestination but not shared: take it out there, or say `gatepost domain add {} --shared`"
    " if it has mailboxes too"
)
_NO_WAY = (
    "{} is a virtual alias domain, whose mail goes nowhere by itself: say `gatepost domain add {} --alias-domain NAME`"
)


@dataclass(frozen=True, slots=True)
class Roles:
    """Our domains by what has to be done for them; one may have several.

    relayed: they hold lists alone, and Postfix has them in no class but relay_domains. local, mailbox: Postfix has the
    domain's ordinary mailboxes, of its own users or virtual ones. shared_relay: another server has them. aliased: names
    that lead to an alias_domain; virtual_alias: those that are virtual alias domains or should be. trouble: what stands
    in the way, in words.
    """

    relayed: Sequence[str]
    local: Sequence[str]
    mailbox: Sequence[str]
    shared_relay: Sequence[str]
    aliased: Sequence[str]
    virtual_alias: Sequence[str]
    trouble: Sequence[str]


def roles_of(site: Site, machine: Machine) -> Roles:
    """Sort the site's domains."""
    domains = [names.domain for names in site.domains]
    shared = [domain.mail_host for domain in domains if domain.shared and not domain.alias_domain]
    alone = [maps.real_name(domain) for domain in maps.relayed(site)]
    virtual = [domain.mail_host for domain in domains if domain.alias_domain and not domain.shared]

    def those(names: Iterable[str], *classes: DomainClass | None) -> list[str]:
        return [name for name in names if machine.classes.get(name) in classes]

    homeless = those(shared, None)
    return Roles(
        relayed=those(alone, None, DomainClass.RELAY),
        local=[*homeless, *those([*shared, *alone], DomainClass.LOCAL)],
        mailbox=those([*shared, *alone], DomainClass.VIRTUAL_MAILBOX),
        shared_relay=those(shared, DomainClass.RELAY),
        aliased=[domain.mail_host for domain in domains if domain.alias_domain],
        virtual_alias=those(virtual, None, DomainClass.VIRTUAL_ALIAS),
        trouble=[
            *(_NO_CLASS.format(name) for name in homeless if machine.found),
            *(_NOT_ALONE.format(name, name) for name in those(alone, DomainClass.LOCAL)),
            *(_NO_WAY.format(name, name) for name in those([*shared, *alone], DomainClass.VIRTUAL_ALIAS)),
        ],
    )


def names_of_lists_alone(site: Site, machine: Machine) -> list[str]:
    """Every name of a domain under which there are lists and nothing else, and which no class but relay_domains has."""
    names: dict[str, None] = {}
    for domain in maps.relayed(site):
        names[maps.real_name(domain)] = None
        if not domain.shared:
            names[domain.mail_host] = None
    ours = (name for name in names if machine.classes.get(name) in {None, DomainClass.RELAY})
    return [each for name in ours for each in maps.spellings(name)]
