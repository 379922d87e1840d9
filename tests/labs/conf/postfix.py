"""A Postfix for each class of domain, as the page for operators tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gatepost_conf.postfix import lookups, main_cf
from gatepost_conf.postfix.generator import Way
from gatepost_conf.postfix.machine import DomainClass, Machine
from gatepost_conf.site import Site
from gatepost_lists.model import Domain
from labs.conf.sites import FOLDER, site

Lines = Callable[[Site, Machine], str]


class Scenario(NamedTuple):
    """A site, its Postfix, and which way to tell it of the lists the page shows."""

    site: Site
    machine: Machine
    lines: Lines

    @property
    def text(self) -> str:
        """The lines of main.cf."""
        return self.lines(self.site, self.machine)

    @property
    def commands(self) -> str:
        """What root types to set them."""
        return Way("", "", self.text).commands


def _by_files(site: Site, machine: Machine) -> str:
    return main_cf.main_cf(site, machine, lookups.in_files(FOLDER, "lmdb"))


def _live(site: Site, machine: Machine) -> str:
    return main_cf.main_cf(site, machine, lookups.live(site.socketmap[0], FOLDER, machine))


_LISTS, _ORG, _NET = Domain("lists.example"), Domain("example.org", shared=True), Domain("example.net", shared=True)
_COM = Domain("example.com", "lists.example.com")

SCENARIOS = {
    "relay": Scenario(site([_LISTS], ["ann@lists.example"]), Machine(found=True), _live),
    "relay beside checked domains": Scenario(
        site([_LISTS]),
        Machine(
            True,
            {
                "relay_domains": "branch.example",
                "relay_recipient_maps": "hash:/etc/postfix/branch",
                "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination, sleep 1",
            },
        ),
        _live,
    ),
    "relay beside unchecked domains": Scenario(
        site([_LISTS]), Machine(True, {"relay_domains": "branch.example"}), _live
    ),
    "local": Scenario(
        site([_ORG], ["ann@example.org"]),
        Machine(True, {"transport_maps": "hash:/etc/postfix/transport"}, {"example.org": DomainClass.LOCAL}),
        _live,
    ),
    "virtual mailbox": Scenario(
        site([_NET]),
        Machine(
            True,
            {"virtual_mailbox_domains": "example.net", "virtual_mailbox_maps": "hash:/etc/postfix/vmailbox"},
            {"example.net": DomainClass.VIRTUAL_MAILBOX},
        ),
        _live,
    ),
    "virtual alias": Scenario(site([_COM]), Machine(True, {"virtual_alias_maps": "hash:/etc/postfix/virtual"}), _live),
    "dedicated": Scenario(site([_LISTS]), Machine(found=True), main_cf.main_cf_verifying),
    "by the headers": Scenario(
        site([_LISTS], ["ann@lists.example"], '[milter]\nstage = "headers"\n[lmtp]\nstage = "headers"\n'),
        Machine(found=True),
        _live,
    ),
    "tables": Scenario(site([_LISTS]), Machine(found=True), _by_files),
}
