"""Logging in (RFC 4954): CRAM-MD5 (RFC 2195), PLAIN (RFC 4616), LOGIN, in this order.

PLAIN and LOGIN show the password to whoever listens in, so without TLS they are used only where the settings say so.
"""

from __future__ import annotations

import hmac
import ipaddress
import smtplib
from collections.abc import Callable
from typing import Literal

from gatepost_delivery.outgoing.client import Client
from gatepost_delivery.outgoing.trouble import Unusable

# Where PLAIN and LOGIN may be used without TLS.
Plaintext = Literal["loopback", "always", "never"]


class _Text(str):
    """Text that smtplib writes as UTF-8, as RFC 4616 has it, where it would write ASCII."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("utf-8")


# What a mechanism answers to a challenge; None is the command itself, before there is one.
_Answer = Callable[[bytes | None], str | None]


def _cram_md5(user: str, password: str) -> _Answer:
    def answer(challenge: bytes | None = None) -> str | None:
        if challenge is None:
            return None
        return _Text(f"{user} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}")

    return answer


def _plain(user: str, password: str) -> _Answer:
    def answer(_challenge: bytes | None = None) -> str | None:
        return _Text(f"\0{user}\0{password}")

    return answer


def _login(user: str, password: str) -> _Answer:
    words = iter((user, password))

    def answer(challenge: bytes | None = None) -> str | None:
        return None if challenge is None else _Text(next(words, ""))

    return answer


_MECHANISMS = {"CRAM-MD5": _cram_md5, "PLAIN": _plain, "LOGIN": _login}
_SHOW_PASSWORD = frozenset(("PLAIN", "LOGIN"))


def log_in(client: Client, user: str, password: str, plaintext: Plaintext) -> None:
    """Log in by the first mechanism that the server takes: it may offer one for which it lacks what it needs.

    Raises Unusable where it offers none that may be used, SMTPAuthenticationError where it takes none.
    """
    offered = client.esmtp_features.get("auth", "").upper().split()
    ours = [name for name in _MECHANISMS if name in offered]
    usable = [name for name in ours if name not in _SHOW_PASSWORD or _may_show_password(client, plaintext)]
    if not usable:
        raise Unusable(_why_none(ours, offered))
    for name in usable:
        try:
            client.auth(name, _MECHANISMS[name](user, password))  # type: ignore[arg-type] # None stands for no answer
        except smtplib.SMTPAuthenticationError:
            if name == usable[-1]:
                raise
        else:
            return


def _may_show_password(client: Client, plaintext: Plaintext) -> bool:
    if client.has_tls or plaintext == "always":
        return True
    return plaintext == "loopback" and client.sock is not None and _is_loopback(client.sock.getpeername()[0])


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _why_none(ours: list[str], offered: list[str]) -> str:
    if ours:
        return f"without TLS, {' and '.join(ours)} would show the password (see smtp_auth_plaintext)"
    if offered:
        return f"smtp_user is set, but of {', '.join(offered)}, which the mail server offers, none can be used"
    return "smtp_user is set, but the mail server offers no AUTH"
