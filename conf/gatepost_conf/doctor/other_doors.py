"""What else the mail servers dial on this machine: somebody must listen there, whoever it is."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost_conf.doctor.addresses import Wire, leads_to, meanwhile_of, places_of, removal_of
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.domains import addresses_of_host
from gatepost_conf.doctor.findings import Absent, Result, note, ok, skipped
from gatepost_conf.doctor.hosts import HOSTS, addresses_of
from gatepost_conf.doctor.sockets import why_silent
from gatepost_service.sockets import ListenAddress


def others(case: Case) -> Iterator[Result]:
    """An address that is none of gatepost's by its settings, and is dialled here, leads to somebody.

    That nobody is there is a note: it may be another program's, or gatepost's of other settings.
    """
    ours = [listen for listens in case.listens.values() for listen in listens]
    wires: dict[ListenAddress, list[Wire]] = {}
    for wire in case.dialled:
        if not wire.spawned and not leads_to(wire.address, ours) and _is_here(case, wire.address):
            wires.setdefault(wire.address, []).append(wire)
    if not wires:
        raise Absent("the mail servers dial nobody else here")
    for address, dialling in wires.items():
        try:
            case.machine.talk(address, ())
        except PermissionError:
            yield skipped(f"{address}: not permitted to connect")
        except OSError as error:
            text = f"{address}, which is none of gatepost's by its settings: {why_silent(error)}"
            removal = removal_of(dialling)
            yield note(
                f"{text}; {places_of(dialling)}, so {meanwhile_of(dialling)}",
                f"start what belongs there{f', or take it out: {removal}' if removal else ''}",
            )
        else:
            yield ok(f"somebody listens on {address}; {places_of(dialling)}")


def _is_here(case: Case, address: ListenAddress) -> bool:
    """Whether an address is on this machine: a socket, one of its IP addresses, or a name that leads to one."""
    if address.is_unix:
        return True
    host = address.host
    try:
        found = (
            [host] if ":" in host or host.replace(".", "").isdigit() else addresses_of(host, case.machine.read(HOSTS))
        )
        return any(map(case.machine.has_address, found or addresses_of_host(case.machine, host)))
    except (OSError, ValueError):
        return False
