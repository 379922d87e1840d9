"""Mail addresses: from any spelling to the one form in which they are compared.

The rules, in the order in which they are applied to what a mail server hands over:

1. Octets that are no UTF-8 (surrogate escapes here) become U+FFFD, which no list and no member may bear.
2. Surrounding white space and angle brackets go, then quotes, backslashes and comments, wherever they stand (a mail
   server may hand on an address with its quotes or without), then a source route (`@a,@b:user@host`, RFC 5321
   appendix C).
3. The last `@` parts local part and domain. Without one, `user%host` and `host!user` are read as the mail servers
   read them, and anything else is completed with the origin, which is what a mail server appends (Postfix's
   `myorigin`). The same is done where the domain *is* the origin: `user%host@origin` ends up at user@host. For other
   domains that may be the mail server's own, there is `routed_addresses`.
4. What comes out is read again until nothing changes, so an address means the same however often it is unwrapped.
5. The local part is compared in lower case and in Unicode's NFC form, the domain in its IDNA form (A-labels, lower
   case) without trailing dots.

A second spelling of an address must never pass where the first is refused. So nothing here is strict: whatever
can be read as an address of ours is read as one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# What nearly every address looks like: needs no more than lower-casing. No '%', no '!', no dot at the domain's end.
is_plain = re.compile(r"[A-Za-z0-9_.=+/\-]+@[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?").fullmatch
_SURROGATES = re.compile("[\ud800-\udfff]")
# Any number of source routes, one behind the other.
_routes = re.compile(r"(?:@[^:]*:\s*)+").match
# What may stand around an address: every kind of white space, and brackets.
_AROUND = "<>" + "".join(char for char in map(chr, range(0x3001)) if char.isspace())
# Longer texts beyond ASCII stay as they are: no address has so many characters, and Unicode's normal forms take time
# that grows with the square of the length.
_LONGEST_NORMALIZED = 1000
# How often an address is read again; what has more layers was made to waste time.
_MAX_LAYERS = 20
_NOT_STORABLE = re.compile(r"[\x00-\x20\x7f-\x9f<>\ufffd]")


class AddressError(ValueError):
    """The text cannot be read as an address. The message says what is wrong with it."""


class LayersError(AddressError):
    """Addresses within addresses, more than are followed."""


class Address(NamedTuple):
    """An address in the form in which it is compared.

    local and domain are lower case; domain is '' only where there was none and no origin was given. spelt is the
    local part as it was written, unquoted: tokens behind a '+' may depend on case.
    """

    local: str
    domain: str
    spelt: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


def parse_address(text: str, origin: str = "") -> Address:
    """Read an address as a mail server would; `origin` completes one that has no domain.

    Raises AddressError when there is no local part or a source route has no end.
    """
    if is_plain(text):
        spelt, _, domain = text.partition("@")
        return Address(spelt.lower(), domain.lower(), spelt)
    return _parse_slowly(text, origin)


def _parse_slowly(text: str, origin: str) -> Address:
    home = normal_domain(origin)
    spelt, domain = _read(_composed(_SURROGATES.sub(REPLACEMENT, text)), home)
    for _ in range(_MAX_LAYERS):
        if not spelt:
            raise AddressError(f"no local part in {_shortened(text)}")
        before = spelt, domain
        spelt, domain = _read(f"{spelt}@{domain}" if domain else spelt, home)
        if (spelt, domain) == before:
            return Address(_composed(spelt.lower()), domain, spelt)
    raise LayersError(f"addresses within addresses in {_shortened(text)}")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text) if len(text) <= _LONGEST_NORMALIZED else text


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


def _read(text: str, origin: str) -> tuple[str, str]:
    """Local part and domain when one layer of spelling is taken off; the local part is '' when there is none."""
    text = _unquoted(text.strip(_AROUND))
    if text.startswith("@"):
        routes = _routes(text)
        text = text[routes.end() :] if routes else ""
    local, at, domain = text.rpartition("@")
    if at and (host := normal_domain(domain)) != origin:
        return local.strip(), host
    return _read_local(local if at else text, origin)


def _read_local(local: str, origin: str) -> tuple[str, str]:
    """What a mail server makes of a local part of its own: an address, else a bang path, else a percent sign."""
    if "!" in local and "@" not in local:
        host, _, user = local.partition("!")
        return user.strip(), normal_domain(host)
    for mark in "@%":
        if mark in local:
            user, _, host = local.rpartition(mark)
            return user.strip(), normal_domain(host)
    return local.strip(), origin


def _unquoted(text: str) -> str:
    """The text without quotes, quoted pairs and comments (RFC 5322 section 3.2); odd ones stay as they are."""
    if not any(mark in text for mark in '"\\('):
        return text
    plain, quoted, depth, at = [], False, 0, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            at += 1
            char = "" if depth else text[at]
        elif char == '"' and not depth:
            quoted, char = not quoted, ""
        elif char in "()" and not quoted:
            depth += 1 if char == "(" else -1
            char = ""
        elif depth > 0:
            char = ""
        plain.append(char)
        at += 1
        if depth < 0:
            return text
    return text if quoted or depth else "".join(plain).strip()


def normal_domain(domain: str) -> str:
    """The domain as it is compared: no trailing dot, lower case, A-labels (RFC 5891, mapped as UTS 46 says)."""
    domain = "".join(domain.split())
    if not domain.isascii():
        domain = _to_alabels(domain)
    return domain.rstrip(".").lower()


def _to_alabels(domain: str) -> str:
    import idna  # noqa: PLC0415 - its tables are loaded only where a domain needs them

    if len(domain) > _LONGEST_NORMALIZED:
        return domain
    try:
        return idna.encode(domain, uts46=True, std3_rules=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        pass
    # Mail servers map by UTS 46 alone, and take names that RFC 5891 forbids: an emoji, or an underscore beside an ü.
    try:
        labels = idna.uts46_remap(domain, std3_rules=False, transitional=False).split(".")
    except idna.IDNAError:
        return _composed(domain)
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}" for label in labels)


def routed_addresses(address: Address) -> Iterator[Address]:
    """Where mail for an address goes from each domain on its way, if that domain is one of the mail server's own.

    There it reads `user%host@domain`, `host!user@domain` and `"user@host"@domain` as user@host. Which domains those
    are is not known here. Raises LayersError.
    """
    for _ in range(_MAX_LAYERS):
        if not address.domain or not any(mark in address.local for mark in "@%!"):
            return
        try:
            inner = parse_address(f"{address.spelt}@{address.domain}", address.domain)
        except LayersError:
            raise  # it may still lead somewhere
        except AddressError:
            return
        if inner == address:
            return
        yield inner
        address = inner
    raise LayersError(f"addresses within addresses in {_shortened(str(address))}")


def strict_address(text: str) -> Address:
    """Read an address that somebody wants to keep: of a member, a list, an owner.

    Raises AddressError for what no mail server could deliver to: no domain, control characters or spaces, a local
    part over 64 octets (RFC 5321 section 4.5.3.1.1) or an address over 254.
    """
    address = parse_address(text)
    if not address.domain:
        raise AddressError(f"{_shortened(text)} has no domain")
    if _NOT_STORABLE.search(str(address)) or _NOT_STORABLE.search(address.spelt):
        raise AddressError(f"{_shortened(text)} has a character that an address may not have")
    if not _is_hostname(address.domain):
        raise AddressError(f"{_shortened(address.domain)} is no domain name")
    if len(address.local.encode()) > 64 or len(str(address).encode()) > 254:
        raise AddressError(f"{_shortened(text)} is too long for an address")
    return address


def strict_domain(text: str) -> str:
    """Read the name of a domain that somebody wants to keep. Raises AddressError when it is none."""
    domain = normal_domain(text)
    if not _is_hostname(domain):
        raise AddressError(f"{_shortened(text)} is no domain name")
    return domain


_LABEL = r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_LITERAL = re.compile(r"\[[0-9a-f.:]+\]|\[ipv6:[0-9a-f.:]+\]").fullmatch


def _is_hostname(domain: str) -> bool:
    return len(domain) <= 253 and bool(_HOSTNAME(domain) or _LITERAL(domain))
