"""The envelope of a message, rebuilt from the environment that qmail-local gives its commands (qmail-command(8)).

What qmail puts before a local part is taken off again: virtualdomains(5) makes `list-announce@lists.example` of
`announce@lists.example`. Addresses come without quotes, and from outside: what a path (RFC 5321 section 4.1.2) cannot
hold ends the delivery, so that no address can become a second command. No I/O here.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from gatepost_conf.qmail_lmtp.outcomes import Bounced, TryAgain

# The sender of a message that tells of a bounce which itself could not be delivered (qmail-send(8)).
_DOUBLE_BOUNCE = b"#@[]"
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
_is_dot_string = re.compile(rb"%b(?:\.%b)*" % (_ATOM, _ATOM)).fullmatch
_is_domain = re.compile(rb"[^\x00-\x20\x7f<>@\"\\]+").fullmatch
_has_controls = re.compile(rb"[\x00-\x1f\x7f]").search


class Envelope(NamedTuple):
    """The two paths without their brackets, as octets that may stand in a command; the null sender is empty."""

    sender: bytes
    recipient: bytes

    @property
    def is_ascii(self) -> bool:
        """Whether both can be sent without SMTPUTF8 (RFC 6531)."""
        return self.sender.isascii() and self.recipient.isascii()


def read_envelope(environment: Mapping[bytes, bytes], parts: int) -> Envelope:
    """The envelope; `parts` leading parts of the recipient's local part, each with its dash, are taken off.

    The user's name is one part, whatever dashes are in it. Raises TryAgain where qmail has not set what is needed or
    so many parts are not there, Bounced for an address that cannot be written.
    """
    host = _variable(environment, b"HOST")
    if not host:
        raise TryAgain("HOST is empty")
    return Envelope(_sender(_variable(environment, b"SENDER")), _path(_local_part(environment, parts), host))


def _variable(environment: Mapping[bytes, bytes], name: bytes) -> bytes:
    try:
        return environment[name]
    except KeyError:
        raise TryAgain(f"{name.decode()} is not set: this command is for .qmail files") from None


def _local_part(environment: Mapping[bytes, bytes], parts: int) -> bytes:
    """The local part as the sender wrote it: LOCAL for no parts, EXT for one, what follows its dashes for more."""
    whole = _variable(environment, b"LOCAL")
    left = _variable(environment, b"EXT").split(b"-", parts - 1) if parts else [whole]
    if len(left) < max(parts, 1) or not left[-1]:
        shown = whole.decode("utf-8", "backslashreplace")
        raise TryAgain(f"PARTS is {parts}, and nothing is left of {shown!a} without so many")
    return left[-1]


def _sender(address: bytes) -> bytes:
    if address in {b"", _DOUBLE_BOUNCE}:
        return b""
    local, at, host = address.rpartition(b"@")
    return _path(local, host) if at else _quoted(address)


def _path(local: bytes, host: bytes) -> bytes:
    if not _is_domain(host):
        raise Bounced(f"553 5.1.3 the domain {host.decode('utf-8', 'backslashreplace')!a} cannot be written")
    return _quoted(local) + b"@" + host


def _quoted(local: bytes) -> bytes:
    if _has_controls(local):
        raise Bounced(f"553 5.1.3 the local part {local.decode('utf-8', 'backslashreplace')!a} cannot be written")
    return local if _is_dot_string(local) else b'"' + re.sub(rb'(["\\])', rb"\\\1", local) + b'"'
