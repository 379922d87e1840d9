"""The doors: each answers where the settings say, and mail servers' users may connect to the sockets."""

from __future__ import annotations

import errno
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from gatepost_conf.doctor.addresses import Door, Wire, dialled, leads_to, meanwhile_of, places_of, removal_of
from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Absent, Result, note, ok, skipped, wrong
from gatepost_conf.doctor.machine import Step
from gatepost_conf.doctor.modes import WRITE, why_not
from gatepost_service.sockets import ListenAddress

# libmilter's SMFIC_OPTNEG with version 6, every action and every step that may be left out; then SMFIC_QUIT.
_NEGOTIATE = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
_QUIT = struct.pack("!Ic", 1, b"Q")
_CLIENT = "doctor.invalid"
_NO_ANSWER = {
    errno.ECONNREFUSED: "nobody listens there",
    errno.ENOENT: "there is no such socket",
    errno.EACCES: "not permitted to connect",
}


def policy(case: Case) -> Iterator[Result]:
    """Each address of [policy] answers a question of Postfix's."""
    request = "".join(
        f"{name}={value}\n"
        for name, value in (
            ("request", "smtpd_access_policy"),
            ("protocol_state", "RCPT"),
            ("sender", ""),
            ("recipient", _some_address(case)),
            ("client_name", _CLIENT),
        )
    )
    yield from _each(case, "policy", [Step(f"{request}\n".encode(), lambda got: b"\n\n" in got)], _policy_answer)


def socketmap(case: Case) -> Iterator[Result]:
    """Each address of [socketmap] answers a look-up."""
    key = f"relay_domains {_some_address(case).rpartition('@')[2]}"
    step = Step(f"{len(key)}:{key},".encode(), lambda got: got.endswith(b","))
    yield from _each(case, "socketmap", [step], _socketmap_answer)


def milter(case: Case) -> Iterator[Result]:
    """The address of [milter] negotiates as a milter does."""
    dialogue = [Step(_NEGOTIATE, lambda got: len(got) > 4), Step(_QUIT, lambda _: True)]
    enabled, named = bool(case.doors["milter"]), any(_leading_to(case, listen) for listen in case.listens["milter"])
    if enabled and not named and not case.machine.has_pymilter():
        yield note("pymilter is not installed, so `gatepost run` leaves the milter out; no mail server asks it")
        return
    yield from _each(case, "milter", dialogue, lambda got: "" if got[0][4:5] == b"O" else "is no milter")


def lmtp(case: Case) -> Iterator[Result]:
    """Each address of [lmtp], and its public_address, greets and knows LHLO."""
    dialogue = [
        Step(b"", lambda got: got.endswith(b"\n")),
        Step(f"LHLO {_CLIENT}\r\n".encode(), lambda got: re.search(rb"^\d{3} .*\n\Z", got, re.MULTILINE) is not None),
        Step(b"QUIT\r\n", lambda got: got.endswith(b"\n")),
    ]
    yield from _each(case, "lmtp", dialogue, _lmtp_answer)


def modes(case: Case) -> Iterator[Result]:
    """The user of each mail server may connect to the UNIX sockets that it is told to dial."""
    wires = [wire for server in case.servers for wire in case.wires(server) if wire.address.is_unix]
    if not wires:
        raise Absent("no mail server dials a UNIX socket of gatepost's")
    for wire in {(wire.server, wire.user, wire.address, wire.seen_at): wire for wire in wires}.values():
        yield _may_connect(case, wire)


def _may_connect(case: Case, wire: Wire) -> Result:
    account, path = case.machine.account(wire.user), wire.seen_at or wire.address.path
    try:
        reason = why_not(case.machine, account, Path(path), WRITE)
    except FileNotFoundError:
        if not wire.seen_at:
            return skipped(f"{path} is not there")
        return wrong(
            f"{wire.server} dials {wire.address.path} ({wire.place}) in its chroot, where that is {path}, which is not"
            f" there, so {wire.meanwhile}",
            "in gatepost.toml: a TCP address in listen, or a socket in the chroot (docs/policy.md); then: gatepost conf"
            f" {wire.server.lower()}",
        )
    if reason:
        return wrong(f"{wire.server} cannot connect to the {wire.door} socket: {reason}", _opened(wire.address))
    return ok(f"{wire.server} ({account.name}) may connect to {path}")


def _opened(address: ListenAddress) -> str:
    folder = Path(address.path).parent
    listen = f"unix:{address.path}?mode=0660&group=GROUP"
    return f"in gatepost.toml: {listen}; then: chgrp GROUP {folder} && chmod 2710 {folder}; GROUP is one of that user's"


def _some_address(case: Case) -> str:
    """A posting address of ours, or one of nobody's."""
    try:
        domains = case.lists.domains
    except Absent:
        domains = ()
    return next((f"{names[0]}@{domain.mail_host}" for domain, names in domains if names), f"postmaster@{_CLIENT}")


def _each(case: Case, door: Door, dialogue: list[Step], fault: Callable[[list[bytes]], str]) -> Iterator[Result]:
    """Try each address of a door; of one that is not enabled those that some mail server dials in spite of that."""
    tried = case.doors[door] or [listen for listen in case.listens[door] if _leading_to(case, listen)]
    listens = dict.fromkeys(map(dialled, tried))
    if not listens:
        raise Absent(f"[{door}] is not enabled")
    for address in listens:
        if not address.is_unix and not address.port:
            yield skipped(f"{address}: the system chooses the port")
            continue
        try:
            reason = fault(case.machine.talk(address, dialogue))
        except OSError as error:
            reason = why_silent(error)
        if reason:
            yield _silent(case, door, address, reason)
        else:
            yield ok(f"{door} answers on {address}")


def why_silent(error: OSError) -> str:
    """Why nobody answers, in words."""
    return _NO_ANSWER.get(error.errno or 0) or error.strerror or str(error)


def _silent(case: Case, door: Door, address: ListenAddress, reason: str) -> Result:
    """What it means that a door does not answer, and what can be done here."""
    part, wires = "policy" if door == "socketmap" else door, _leading_to(case, address)
    text = f"{door} {'' if case.doors[door] else 'is not enabled, and '}does not answer on {address}: {reason}"
    if wires and reason != _NO_ANSWER[errno.EACCES]:
        text += f"; {places_of(wires)}, so {meanwhile_of(wires)}"
    if case.can_run(door):
        return wrong(text, f"gatepost run {part}")
    if case.doors[door]:
        return wrong(text, removal_of(wires) or "install pymilter (docs/milter.md), then: gatepost run milter")
    return wrong(text, removal_of(wires) or f"in gatepost.toml: [{part}] enabled = true; then: gatepost run {part}")


def _leading_to(case: Case, listen: ListenAddress) -> list[Wire]:
    return [wire for wire in case.dialled if leads_to(wire.address, [listen])]


def _policy_answer(got: list[bytes]) -> str:
    if got[0].startswith(b"action=DEFER"):
        return "it cannot read its lists"
    return "" if got[0].startswith(b"action=") else "it is no policy service"


def _socketmap_answer(got: list[bytes]) -> str:
    _, _, reply = got[0].partition(b":")
    if reply.startswith(b"TEMP "):
        return "it cannot read its lists"
    return "" if reply.startswith((b"OK ", b"NOTFOUND ")) else "it serves no such table"


def _lmtp_answer(got: list[bytes]) -> str:
    if not got[0].startswith(b"220"):
        return f"it greets with {got[0].decode('ascii', 'replace').strip()!r}"
    return "" if got[1].startswith(b"250") else "it does not speak LMTP"
