"""The names that mail servers must know: hosts and posting addresses, under every name of each domain. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gatepost_lists.model import DomainNames


def hosts(domains: Iterable[DomainNames]) -> list[str]:
    """Every name of every domain."""
    return [host for each in domains for host in _names(each)]


def hosts_of_lists(domains: Iterable[DomainNames]) -> list[str]:
    """Those under which there are lists alone: all but the shared domains' own; an alias of one has lists alone."""
    return [host for each in domains for host in _names(each) if not (each.domain.shared and host == _own(each))]


def posting_addresses(domains: Iterable[DomainNames]) -> Iterator[str]:
    """Every list's posting address, under each name of its domain; not quoted."""
    for each in domains:
        for host in _names(each):
            yield from (f"{name}@{host}" for name in each.list_names)


def _own(names: DomainNames) -> str:
    return names.domain.mail_host


def _names(names: DomainNames) -> Iterator[str]:
    return filter(None, (names.domain.mail_host, names.domain.alias_domain))
