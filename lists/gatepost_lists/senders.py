"""Senders: the envelope's, and what is left when the wrappers that mailers put around it are taken off.

BATV (`prvs=TAG=user@host`, and the older `prvs=user/TAG@host`) signs the local part; SRS0 and SRS1 rewrite the sender
of forwarded mail (`SRS0=HASH=TT=host=user@forwarder`, `SRS1=HASH=first==HASH=TT=host=user@second`). The separator
after SRS0 and SRS1 may be `=`, `+` or `-`. The sender as it stands is always tried too: a wrapped address may itself
be a member.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from gatepost_lists.addresses import AddressError, is_plain, normal_domain, parse_address

# Forwarders wrap what forwarders have wrapped, but not without end.
_MAX_LAYERS = 8
_WRAPPED = ("prvs=", "btv1==", "msprvs1=", "srs0", "srs1")
_BATV = re.compile(
    r"(?:prvs=[0-9a-z]{1,20}=|btv1==[0-9a-z]{1,20}==|msprvs1=[0-9a-z_\-]{1,40}=)(.+)", re.DOTALL
).fullmatch
_BATV_OLD = re.compile(r"prvs=(.+)/[0-9a-z]{1,20}", re.DOTALL).fullmatch
_SRS0 = re.compile(r"srs0[=+\-][^=]+=[^=]+=([^=]+)=(.+)", re.DOTALL).fullmatch
_SRS1 = re.compile(r"srs1[=+\-][^=]+=[^=]+=[=+\-][^=]+=[^=]+=([^=]+)=(.+)", re.DOTALL).fullmatch


def parse_sender(text: str, origin: str = "") -> tuple[str, ...]:
    """The addresses that a sender may be known by, as compared; as it stands first; () for the null reverse-path.

    Never raises: what cannot be read as an address is a sender that no list knows.
    """
    if is_plain(text):
        email = text.lower()
        return (email, *_unwrapped(email)) if email.startswith(_WRAPPED) else (email,)
    if not text.strip(" <>"):
        return ()
    try:
        email = str(parse_address(text, origin))
    except AddressError:
        email = text.lower().encode("utf-8", "replace").decode()
    return (email, *_unwrapped(email))


def mailbox(text: str) -> str:
    """The mailbox that an address leads to, as far as that can be told from outside: unwrapped, and without what stands
    behind a '+'. So nobody has as many mailboxes as he can think of extensions.
    """
    email = next(reversed(parse_sender(text)), "")
    local, at, domain = email.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def all_senders(envelope_sender: str, header_senders: Iterable[str], origin: str = "") -> tuple[str, ...]:
    """The addresses that a message may be from, the envelope's first, then those of its headers; each once.

    A message with the null sender is a report, whoever its headers name: it stays the null sender's, ().
    """
    known_as = parse_sender(envelope_sender, origin)
    if not known_as:
        return ()
    also = (email for text in header_senders for email in parse_sender(text, origin))
    return tuple(dict.fromkeys((*known_as, *also)))


def _unwrapped(email: str) -> list[str]:
    """What is inside, layer by layer: a forwarder may rewrite a signed sender."""
    layers: list[str] = []
    while len(layers) < _MAX_LAYERS:
        local, _, domain = email.rpartition("@")
        if batv := _BATV(local) or _BATV_OLD(local):
            email = f"{batv[1]}@{domain}"
        elif srs := _SRS0(local) or _SRS1(local):
            email = f"{srs[2]}@{normal_domain(srs[1])}"
        else:
            break
        layers.append(email)
    return layers


def compile_globs(globs: tuple[str, ...]) -> re.Pattern[str]:
    """One regex for all of these globs (fnmatch(3)), to be matched against addresses as compared."""
    return re.compile("|".join(translate(glob.lower()) for glob in globs) or r"(?!)")
