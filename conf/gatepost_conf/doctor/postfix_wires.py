"""What a Postfix is told to dial, wherever main.cf and master.cf say so, and what becomes of mail while nobody answers.

Every parameter that is given a value is looked through, restriction classes among them, and for each service those that
it has of its own; a default dials nothing but what another parameter names. What its own daemons serve is left out, but
for a policy service of gatepost's that spawn(8) starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from gatepost_conf.doctor.addresses import Door, Wire, next_hop, postfix_address
from gatepost_conf.doctor.restrictions import POLICY, with_attributes
from gatepost_conf.postfix.restrictions import names_address, without, words

if TYPE_CHECKING:
    from gatepost_conf.doctor.postfix_config import Postfix

_POLICY_SERVICE = re.compile(rf"\b{POLICY}[\s,]+([^\s,{{}}]+|\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})")
_SOCKETMAP = re.compile(r"\bsocketmap:((?:inet|unix):[^\s,{}]+):[^\s,:{}]+")
_MILTERS = {"smtpd_milters": "all mail", "non_smtpd_milters": "mail that does not come by SMTP"}
# What a milter's default_action does to mail while it is away (postconf(5), milter_default_action).
_AWAY = {
    "accept": "passes untested",
    "quarantine": "is put on hold",
    "reject": "is refused",
    "shutdown": "gets 421",
    "tempfail": "gets 451",
}
_BRINGING = ("lmtp", "smtp")


class _Value(NamedTuple):
    """What a parameter comes to, for a service that has its own in master.cf, else for all ('')."""

    parameter: str
    text: str
    service: str

    @property
    def place(self) -> str:
        return f"{self.parameter} of {self.service}" if self.service else self.parameter


class _Dialled(NamedTuple):
    """An address in a value, as it is written.

    is_it: tells the item of the value that has it, None where none has. client: the service in master.cf that dials it,
    '' for SMTP servers and what works for them.
    """

    door: Door
    text: str
    meanwhile: str
    is_it: Callable[[str], bool] | None
    client: str = ""


def wires(postfix: Postfix) -> Iterator[Wire]:
    """Each of them, as often as it is named."""
    for value in _values(postfix):
        for found in _dialled(postfix, value):
            address = postfix_address(found.text, postfix.queue_directory) or next_hop(found.text)
            spawned = postfix.starts_policy(found.text)
            if address and (spawned or not postfix.behind(found.text)):
                yield Wire(
                    server=postfix.name,
                    door=found.door,
                    address=address,
                    user=postfix.owner,
                    place=value.place,
                    meanwhile=found.meanwhile,
                    removal=_removal(postfix, value, found.is_it),
                    reload=postfix.reload,
                    spawned=spawned,
                    seen_at=_seen_at(postfix, value, found),
                )


def _values(postfix: Postfix) -> Iterator[_Value]:
    """Every value that counts somewhere: not one of main.cf that each SMTP server replaces by its own."""
    classes = words(postfix.settings["smtpd_restriction_classes"])
    for parameter in sorted({*postfix.given, *classes} & postfix.settings.keys()):
        if not (parameter.startswith("smtpd_") and all(parameter in smtpd.own for smtpd in postfix.servers)):
            yield _Value(parameter, postfix.settings[parameter], "")
    for service, own in postfix.overrides.items():
        yield from (_Value(parameter, text, service) for parameter, text in own.items())


def _dialled(postfix: Postfix, value: _Value) -> Iterator[_Dialled]:
    yield from _policy_services(postfix, value)
    yield from _socketmaps(value)
    if value.parameter in _MILTERS:
        yield from _milters(postfix, value)
    if value.parameter.endswith(("_transport", "transport_maps", "content_filter")):
        yield from _transports(postfix, value)


def _policy_services(postfix: Postfix, value: _Value) -> Iterator[_Dialled]:
    general = postfix.names(value.service).get("smtpd_policy_service_default_action", "451")
    for address, attributes in map(with_attributes, _POLICY_SERVICE.findall(value.text)):
        action = attributes.get("default_action", general).partition(" ")[0]

        def is_it(item: str, address: str = address) -> bool:
            return item.startswith(POLICY) and names_address(item, address)

        yield _Dialled("policy", address, f"mail about which it is asked gets {action}", is_it)


def _milters(postfix: Postfix, value: _Value) -> Iterator[_Dialled]:
    general = postfix.names(value.service)["milter_default_action"]
    for address, attributes in map(with_attributes, words(value.text)):
        action = attributes.get("default_action", general)

        def is_it(item: str, address: str = address) -> bool:
            return names_address(item, address)

        yield _Dialled("milter", address, f"{_MILTERS[value.parameter]} {_AWAY.get(action, action)}", is_it)


def _socketmaps(value: _Value) -> Iterator[_Dialled]:
    for address in _SOCKETMAP.findall(value.text):

        def is_it(item: str, table: str = f"socketmap:{address}:") -> bool:
            return table in item

        yield _Dialled("socketmap", address, "mail about which it is asked gets 451, or waits", is_it)


def _transports(postfix: Postfix, value: _Value) -> Iterator[_Dialled]:
    """A transport, or those in tables (transport(5)), that bring mail to a port or a socket by LMTP or SMTP."""
    named = postfix.entries(value.text) if value.parameter.endswith("_maps") else {value.text}
    for transport in sorted(named):
        client, _, hop = transport.partition(":")
        if postfix.command_of(client).startswith(_BRINGING):
            yield _Dialled("lmtp", hop, "mail that goes there waits", None, f"{client}/unix")


def _seen_at(postfix: Postfix, value: _Value, found: _Dialled) -> str:
    """Where the path of a socket leads in a chroot, whose root the queue directory is; '' where it leads to itself."""
    path = found.text.removeprefix("unix:")
    dialling = {found.client or value.service} - {""} or {smtpd.service for smtpd in postfix.smtpds}
    inside = any(f"{row[0]}/{row[1]}" in dialling and postfix.is_chrooted(row) for row in postfix.master)
    return f"{postfix.queue_directory}{path}" if inside and found.text.startswith("unix:/") else ""


def _removal(postfix: Postfix, value: _Value, is_it: Callable[[str], bool] | None) -> str:
    """The command that takes an address out of the value, '' where none can."""
    before = postfix.written(value.parameter, value.service)
    after = without(before, is_it, postfix.names(value.service)) if is_it else before
    return postfix.change(value.parameter, after, value.service) if after != before else ""
