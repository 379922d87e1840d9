"""Senders: the envelope's, and what is left when the wrappers that mailers put around it are taken off.

BATV (`prvs=TAG=user@host`, and the older `prvs=user/TAG@host`) signs the local part; SRS0 and SRS1 rewrite the sender
of forwarded mail (`SRS0=HASH=TT=host=user@forwarder`, `SRS1=HASH=first==HASH=TT=host=user@second`). The separator
after SRS0 and SRS1 may be `=`, `+` or `-`. The sender as it stands is always tried too: a wrapped address may itself
be a member.

The hash in it can be checked by the wrapper alone, so what was unwrapped is only as good as the wrapper: a domain that
signs its own senders, as BATV does, says nothing that it could not say without; of other domains' senders it may be
believed, where the site trusts it, or not. An address that a second forwarder has wrapped names the first as well.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import NamedTuple

from gatepost_lists.addresses import AddressError, is_plain, normal_domain, parse_address

# Forwarders wrap what forwarders have wrapped, but not without end.
_MAX_LAYERS = 8
_WRAPPED = ("prvs=", "btv1==", "msprvs1=", "srs0", "srs1")
_BATV = re.compile(
    r"(?:prvs=[0-9a-z]{1,20}=|btv1==[0-9a-z]{1,20}==|msprvs1=[0-9a-z_\-]{1,40}=)(.+)", re.DOTALL
).fullmatch
_BATV_OLD = re.compile(r"prvs=(.+)/[0-9a-z]{1,20}", re.DOTALL).fullmatch
_SRS0 = re.compile(r"srs0[=+\-][^=]+=[^=]+=([^=]+)=(.+)", re.DOTALL).fullmatch
_SRS1 = re.compile(r"srs1[=+\-][^=]+=([^=]+)=[=+\-][^=]+=[^=]+=([^=]+)=(.+)", re.DOTALL).fullmatch


class Sender(NamedTuple):
    """The addresses that a sender may be known by, as compared; both are () for the null reverse-path.

    known_as: as it stands first, then what its own domain has wrapped, or a forwarder that is believed. claims: what
    else was unwrapped: whoever has wrapped it may have made it up.
    """

    known_as: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[str, ...]:
        """All of them, as it stands first."""
        return self.known_as + self.claims


def parse_sender(text: str, origin: str = "") -> tuple[str, ...]:
    """All addresses that a sender may be known by, whoever says so; as it stands first."""
    return read_sender(text, origin).every


def read_sender(text: str, origin: str = "", forwarders: frozenset[str] = frozenset()) -> Sender:
    """Read a sender. forwarders: the domains, as compared, that are believed about whose mail they forward.

    Never raises: what cannot be read as an address is a sender that no list knows.
    """
    if is_plain(text):
        email = text.lower()
        return _unwrapped(email, forwarders) if email.startswith(_WRAPPED) else Sender((email,))
    if not text.strip(" <>"):
        return Sender()
    try:
        email = str(parse_address(text, origin))
    except AddressError:
        email = text.lower().encode("utf-8", "replace").decode()
    return _unwrapped(email, forwarders)


def mailbox(text: str) -> str:
    """The mailbox that an address leads to, as far as that can be told from outside: unwrapped, and without what stands
    behind a '+'. So nobody has as many mailboxes as he can think of extensions.
    """
    email = next(reversed(parse_sender(text)), "")
    local, at, domain = email.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def _unwrapped(email: str, forwarders: frozenset[str]) -> Sender:
    """What is inside, layer by layer: a forwarder may rewrite a signed sender.

    What stands within a layer that is not believed is believed no more.
    """
    known_as, claims = [email], list[str]()
    while len(known_as) + len(claims) <= _MAX_LAYERS and (layer := _layer(email)):
        email = layer.email
        believed = not claims and layer.wrappers <= forwarders | {email.rpartition("@")[2]}
        (known_as if believed else claims).append(email)
    return Sender(tuple(known_as), tuple(claims))


class _Layer(NamedTuple):
    """What was inside, and the domains that say so."""

    email: str
    wrappers: set[str]


def _layer(email: str) -> _Layer | None:
    local, _, domain = email.rpartition("@")
    if batv := _BATV(local) or _BATV_OLD(local):
        return _Layer(f"{batv[1]}@{domain}", {domain})
    if srs := _SRS0(local):
        return _Layer(f"{srs[2]}@{normal_domain(srs[1])}", {domain})
    if srs := _SRS1(local):
        return _Layer(f"{srs[3]}@{normal_domain(srs[2])}", {domain, normal_domain(srs[1])})
    return None


def compile_globs(globs: tuple[str, ...]) -> re.Pattern[str]:
    """One regex for all of these globs (fnmatch(3)), to be matched against addresses as compared."""
    return re.compile("|".join(translate(glob.lower()) for glob in globs) or r"(?!)")
