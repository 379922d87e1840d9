"""The doors: each answers where the settings say, and mail servers' users may connect to the sockets."""

from __future__ import annotations

import errno
import re
import struct
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from gatepost_conf.doctor.addresses import Door, dialled
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
    named = any(wire.door == "milter" for server in case.servers for wire in case.wires(server))
    if find_spec("milter") is None and not named:
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
    wires = {wire for server in case.servers for wire in case.wires(server) if wire.address.is_unix}
    if not wires:
        raise Absent("no mail server dials a UNIX socket of gatepost's")
    for wire in sorted(wires, key=str):
        account = case.machine.account(wire.user)
        try:
            reason = why_not(case.machine, account, Path(wire.address.path), WRITE)
        except FileNotFoundError:
            yield skipped(f"{wire.address.path} is not there")
            continue
        if reason:
            yield wrong(f"{wire.server} cannot connect to the {wire.door} socket: {reason}", _opened(wire.address))
        else:
            yield ok(f"{wire.server} ({account.name}) may connect to {wire.address.path}")


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
    listens = dict.fromkeys(map(dialled, case.doors[door]))
    if not listens:
        raise Absent(f"[{door}] is not enabled")
    for address in listens:
        if not address.is_unix and not address.port:
            yield skipped(f"{address}: the system chooses the port")
            continue
        try:
            reason = fault(case.machine.talk(address, dialogue))
        except OSError as error:
            reason = _NO_ANSWER.get(error.errno or 0) or error.strerror or str(error)
        if reason:
            yield wrong(
                f"{door} does not answer on {address}: {reason}",
                f"gatepost run {'policy' if door == 'socketmap' else door}",
            )
        else:
            yield ok(f"{door} answers on {address}")


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
