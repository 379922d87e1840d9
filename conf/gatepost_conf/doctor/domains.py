"""The lists' domains in the DNS: mail for each must come to this host, or to the one that was named.

RFC 5321 section 5.1: MX records, else the domain's own addresses. RFC 7505: the null MX takes no mail at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong
from gatepost_conf.doctor.machine import Machine, NoSuchName

_AT_ONCE = 8


def domains(case: Case) -> Iterator[Result]:
    """Every domain, and every alias domain, leads here."""
    names = [name for domain, _ in case.lists.domains for name in (domain.mail_host, domain.alias_domain) if name]
    if not names:
        raise Absent("there are no domains")
    expected = _expected(case)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda name: _domain(case, name, expected), names)


def _expected(case: Case) -> frozenset[str]:
    """The addresses of the host that was named, none where none was. Raises OSError where it has none."""
    host = case.options.host
    if not host:
        return frozenset()
    try:
        return frozenset([str(ipaddress.ip_address(host.strip("[]")))])
    except ValueError:
        found = addresses_of_host(case.machine, host)
    if not found:
        raise OSError(f"{host}, which --host names, has no address in the DNS")
    return frozenset(found)


def _domain(case: Case, name: str, expected: frozenset[str]) -> Result:
    try:
        return _looked_up(case, name, expected)
    except OSError as error:
        return wrong(f"{name}: could not look: {error}", f"dig {name} MX, and see why nobody answers")


def _looked_up(case: Case, name: str, expected: frozenset[str]) -> Result:
    here = case.settings.site.hostname
    hosts = _exchangers(case.machine, name)
    record = f"{name}. IN MX 10 {case.options.host or here}."
    if "" in hosts:
        return wrong(f"{name} has a null MX: it takes no mail (RFC 7505)", record)
    found = {host: addresses_of_host(case.machine, host) for host in hosts or [name]}
    addresses = sorted({address for each in found.values() for address in each})
    if not addresses:
        what = f"its MX {', '.join(hosts)} has no address" if hosts else "it has neither MX nor address"
        return wrong(f"{name}: {what} in the DNS", record)
    if not any(_is_here(case.machine, address, expected) for address in addresses):
        where = f"{', '.join(found)} ({', '.join(addresses)})"
        wanted = case.options.host or "this host"
        hint = (
            "" if expected else f"; or, if that is this host seen from outside: gatepost doctor --host {addresses[0]}"
        )
        return wrong(f"{name} leads to {where}, which is not {wanted}", record + hint)
    if dead := [host for host, each in found.items() if not each]:
        return note(f"{name} leads here, and its MX {', '.join(dead)} has no address", f"take the MX {dead[0]} away")
    return ok(f"{name} leads here by {', '.join(found)}")


def _exchangers(machine: Machine, name: str) -> list[str]:
    """The hosts of its MX records, the most preferred first; '' is the null MX."""
    try:
        records = (record.split() for record in machine.resolve(name, "MX"))
    except NoSuchName:
        return []
    return [host.rstrip(".").lower() for _, host in sorted(records, key=lambda record: int(record[0]))]


def addresses_of_host(machine: Machine, name: str) -> list[str]:
    """A host's addresses in the DNS. Raises OSError where it does not answer."""
    found = []
    for kind in ("A", "AAAA"):
        try:
            found += machine.resolve(name, kind)
        except NoSuchName:
            continue
    return found


def _is_here(machine: Machine, address: str, expected: frozenset[str]) -> bool:
    return address in expected if expected else machine.has_address(address)
