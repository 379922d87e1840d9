"""The DMARC policy of an author's domain, asked of the DNS.

- An answer that cannot be had counts as `reject`: what is sent on munged without need arrives, and what is sent on as
  it is may not. Mail never waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gatepost_delivery.dmarc_record import STRICTER, Policy, Record, inherited, names_above, read_record
from gatepost_delivery.lookups import Lookups, NoAnswer

_EXISTENCE = ("MX", "A", "AAAA")


class Found(NamedTuple):
    """The policy that counts, and why it is not known where it is not."""

    policy: Policy
    trouble: str = ""


class Policies:
    """The policies of all domains. May be asked by many threads."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def strictest(self, domains: Iterable[str]) -> Found:
        """The strictest policy among those of some domains (A-labels, lower case). Never raises."""
        until = self._lookups.deadline()
        found = [self._find(domain, until) for domain in domains]
        return max(found, key=lambda one: STRICTER(one.policy), default=Found(Policy.NONE))

    def _find(self, domain: str, until: float) -> Found:
        try:
            return Found(self._discover(domain, until))
        except NoAnswer as trouble:
            return Found(Policy.REJECT, str(trouble))

    def _discover(self, domain: str, until: float) -> Policy:
        """RFC 9989 section 4.10.1: the domain's own record, else one from above."""
        if record := self._record(domain, until):
            return record.policy
        found: list[tuple[str, Record]] = []
        for name in names_above(domain):
            if record := self._record(name, until):
                found.append((name, record))
                if record.psd in ("y", "n"):
                    break
        if record := inherited(domain, found):
            return record.for_subdomain(lambda: self._exists(domain, until))
        return Policy.NONE

    def _record(self, domain: str, until: float) -> Record | None:
        return read_record(self._lookups.texts(f"_dmarc.{domain}", "TXT", until))

    def _exists(self, domain: str, until: float) -> bool:
        """Whether there is any such host (RFC 9989 section 3.2.14)."""
        return any(self._lookups.texts(domain, kind, until) for kind in _EXISTENCE)
