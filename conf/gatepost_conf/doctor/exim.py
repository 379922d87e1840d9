"""Exim's configuration, item by item."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.closed_lists import PASSES_AT_DATA, looked_at_again
from gatepost_conf.doctor.findings import Absent, Result, note, ok, wrong

_OLDEST = (4, 94)
_CONF = "gatepost conf exim"


def version(case: Case) -> Iterator[Result]:
    """It is one that knows tainted data, which the lines that gatepost prints are made for."""
    shown = ".".join(map(str, case.exim.version))
    if case.exim.version >= _OLDEST:
        yield ok(f"Exim {shown}")
    else:
        yield wrong(f"Exim {shown}: what gatepost prints needs 4.94", "apt install exim4")


def acl(case: Case) -> Iterator[Result]:
    """The list that is gone through at RCPT asks gatepost."""
    exim = case.exim
    if exim.asks("policy", case.doors):
        yield ok("the ACL at RCPT asks the policy service")
    elif exim.callouts:
        yield ok("the ACL at RCPT calls out")
    else:
        yield wrong(
            "the ACL at RCPT neither asks the policy service nor calls out", f"{_CONF}: put its ACL into acl_smtp_rcpt"
        )


def data(case: Case) -> Iterator[Result]:
    """The policy service is asked at DATA too; a callout cannot ask there."""
    looked_at_again(case)
    exim = case.exim
    if exim.asks_at_data(case.doors):
        yield ok("null senders and probes' are judged at DATA")
    elif exim.asks("policy", case.doors):
        yield wrong(f"the ACL at DATA does not ask: {PASSES_AT_DATA}", f"{_CONF}: put its ACL into acl_smtp_data")
    elif exim.callouts:
        yield note(f"callouts ask at RCPT alone: {PASSES_AT_DATA}", f"{_CONF}: its ACLs that ask the policy service")
    else:
        raise Absent("senders are not tested")


def callout(case: Case) -> Iterator[Result]:
    """Callouts go over TCP: over a UNIX socket Exim lets every address pass without asking."""
    addresses = case.exim.lmtp_transports(case.doors)
    if not case.exim.callouts or not addresses:
        raise Absent("Exim makes no callouts to gatepost")
    if silent := [name for name, address in addresses.items() if address.is_unix]:
        yield wrong(
            f"the transport {silent[0]} has a UNIX socket: callouts over it always succeed",
            f"{_CONF}: its transport over TCP",
        )
    else:
        yield ok("callouts go over TCP")


def transport(case: Case) -> Iterator[Result]:
    """A transport brings mail to gatepost."""
    if not case.doors["lmtp"]:
        raise Absent("[lmtp] is not enabled")
    if found := case.exim.lmtp_transports(case.doors):
        yield from (ok(f"the transport {name} leads to {address}") for name, address in found.items())
    else:
        yield wrong(
            "no transport leads to gatepost's LMTP receiver", f"{_CONF}: put its transport into the configuration"
        )


def router(case: Case) -> Iterator[Result]:
    """A router leads to that transport."""
    used = {router.get("transport") for router in case.exim.routers.values()}
    for name in _transports(case):
        if name in used:
            yield ok(f"a router leads to the transport {name}")
        else:
            yield wrong(f"no router leads to the transport {name}", f"{_CONF}: put its router before the others")


def affixes(case: Case) -> Iterator[Result]:
    """The suffix that a router has taken off is put on again: else mail for -request comes to the list."""
    exim = case.exim
    for name in _transports(case):
        routers = [router for router in exim.routers.values() if router.get("transport") == name]
        suffixed = any("local_part_suffix" in router or "local_part_prefix" in router for router in routers)
        if not suffixed or exim.transports[name].get("rcpt_include_affixes") == "true":
            yield ok(f"the transport {name} keeps suffixes")
        else:
            yield wrong(
                f"the transport {name} sends list-request@ as list@, in callouts too",
                f"in the transport {name}: rcpt_include_affixes",
            )


def _transports(case: Case) -> list[str]:
    found = list(case.exim.lmtp_transports(case.doors))
    if not found:
        raise Absent("no transport leads to gatepost")
    return found
