"""Mail addresses: from any spelling to the one form in which they are compared.

The rules, in the order in which they are applied to what a mail server hands over:

1. Surrounding white space and angle brackets go, then a source route (`@a,@b:user@host`, RFC 5321 appendix C).
2. The last `@` parts local part and domain. Without one, `user%host` and `host!user` are read as the mail servers
   read them, and anything else is completed with the origin, which is what a mail server appends (Postfix's
   `myorigin`). The same is done where the domain *is* the origin: `user%host@origin` ends up at user@host.
3. The local part loses its quotes, backslashes and comments; it is compared in lower case and in Unicode's NFC form.
4. The domain loses trailing dots and is compared in its IDNA form (A-labels, lower case).
5. Octets that are no UTF-8 (surrogate escapes here) become U+FFFD, which no list and no member may bear.

A second spelling of an address must never pass where the first is refused. So nothing here is strict: whatever
can be read as an address of ours is read as one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# What nearly every address looks like: needs no more than lower-casing. No '%', no '!', no dot at the domain's end.
is_plain = re.compile(r"[A-Za-z0-9_.=+/\-]+@[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?").fullmatch
_SURROGATES = re.compile("[\ud800-\udfff]")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NOT_STORABLE = re.compile(r"[\x00-\x20\x7f-\x9f<>\ufffd]")


class AddressError(ValueError):
    """The text cannot be read as an address. The message says what is wrong with it."""


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
    bare = _without_route(_without_brackets(_SURROGATES.sub(REPLACEMENT, text).strip()))
    spelt, domain = _split(bare, normal_domain(origin))
    spelt = unquote(spelt)
    if not spelt:
        raise AddressError(f"no local part in {text!r}")
    return Address(unicodedata.normalize("NFC", unicodedata.normalize("NFC", spelt).lower()), domain, spelt)


def _without_brackets(text: str) -> str:
    return text[1:-1].strip() if text.startswith("<") and text.endswith(">") else text


def _without_route(text: str) -> str:
    if not text.startswith("@"):
        return text
    _, colon, rest = text.partition(":")
    if not colon:
        raise AddressError(f"no local part in {text!r}")
    return _without_route(rest.strip())


def _split(text: str, origin: str) -> tuple[str, str]:
    local, at, domain = text.rpartition("@")
    if at and (host := normal_domain(domain)) != origin:
        return local, host
    local = local if at else text
    if "%" in local:
        user, _, host = local.rpartition("%")
        return user, normal_domain(host)
    if "!" in local:
        host, _, user = local.partition("!")
        return user, normal_domain(host)
    return local, origin


def unquote(local: str) -> str:
    """The local part without quotes, quoted pairs and comments (RFC 5322 section 3.2); odd ones stay as they are."""
    local = local.strip()
    if not any(mark in local for mark in '"\\('):
        return local
    plain, quoted, depth, at = [], False, 0, 0
    while at < len(local):
        char = local[at]
        if char == "\\" and at + 1 < len(local):
            at += 1
            char = "" if depth else local[at]
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
            return local
    return local if quoted or depth else "".join(plain).strip()


def normal_domain(domain: str) -> str:
    """The domain as it is compared: no trailing dot, lower case, A-labels (RFC 5891, mapped as UTS 46 says)."""
    domain = domain.strip()
    if not domain.isascii():
        domain = _to_alabels(domain)
    return domain.rstrip(".").lower()


def _to_alabels(domain: str) -> str:
    import idna  # noqa: PLC0415 - its tables are loaded only where a domain needs them

    try:
        return idna.encode(domain, uts46=True, std3_rules=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return unicodedata.normalize("NFC", domain)


def strict_address(text: str) -> Address:
    """Read an address that somebody wants to keep: of a member, a list, an owner.

    Raises AddressError for what no mail server could deliver to: no domain, control characters or spaces, a local
    part over 64 octets (RFC 5321 section 4.5.3.1.1) or an address over 254.
    """
    address = parse_address(text)
    if not address.domain:
        raise AddressError(f"{text!r} has no domain")
    if _NOT_STORABLE.search(str(address)) or _NOT_STORABLE.search(address.spelt):
        raise AddressError(f"{text!r} has a character that an address may not have")
    if not _is_hostname(address.domain):
        raise AddressError(f"{address.domain!r} is no domain name")
    if len(address.local.encode()) > 64 or len(str(address).encode()) > 254:
        raise AddressError(f"{text[:80]!r} is too long for an address")
    return address


def strict_domain(text: str) -> str:
    """Read the name of a domain that somebody wants to keep. Raises AddressError when it is none."""
    domain = normal_domain(text)
    if not _is_hostname(domain):
        raise AddressError(f"{text!r} is no domain name")
    return domain


_LABEL = r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_LITERAL = re.compile(r"\[[0-9a-f.:]+\]|\[ipv6:[0-9a-f.:]+\]").fullmatch


def _is_hostname(domain: str) -> bool:
    return len(domain) <= 253 and bool(_HOSTNAME(domain) or _LITERAL(domain))
