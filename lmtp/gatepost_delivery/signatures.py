"""DKIM signatures as a list sees them (RFC 6376): whose they are, and which fields they allow no more of. No I/O here.

- What a signature says is only somebody's word: whether it holds is verifier.py's to find out.
- A signature that names a field in h= more often than the message has it is broken by one more (section 5.4.2).
- One with rsa-sha1 never holds (RFC 8301 section 3.1), and one that is out of all proportion is not read: to check it
  takes time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from gatepost_delivery.fields import Field

# So many signatures of a message are read, from above, each up to so long; and only where it has so few fields.
MAX_SIGNATURES = 5
MAX_OCTETS = 4096
MAX_FIELDS = 1000

_ALGORITHMS = frozenset((b"rsa-sha256", b"ed25519-sha256"))
_white_space = re.compile(rb"[ \t\r\n]+")


class Signature(NamedTuple):
    """A signature that may hold.

    number: how many DKIM-Signature fields stand above it. domain: who signs (d=), in lower case. relaxed_body: whether
    white space in the body may have changed. names: of the fields that are signed, in lower case.
    """

    number: int
    domain: str
    relaxed_body: bool
    names: tuple[bytes, ...]

    def allows_no_more_of(self, fields: Iterable[Field]) -> set[bytes]:
        """The names of fields of which one more breaks it; `fields`: those of the message."""
        present = Counter(one.name for one in fields)
        return {name for name, signed in Counter(self.names).items() if signed > present[name]}

    def is_aligned(self, domains: Iterable[str]) -> bool:
        """Whether it is one of these domains' (A-labels, lower case), that of a domain above, or of one below."""
        own = f".{self.domain}"
        return any(own.endswith(f".{domain}") or f".{domain}".endswith(own) for domain in domains)


def signatures_of(fields: Sequence[Field]) -> list[Signature]:
    """Those that may hold, the topmost first."""
    if len(fields) > MAX_FIELDS:
        return []
    octets = (one.octets for one in fields if one.name == b"dkim-signature")
    return [read for number, one in enumerate(islice(octets, MAX_SIGNATURES)) if (read := _read(number, one))]


def _read(number: int, octets: bytes) -> Signature | None:
    if len(octets) > MAX_OCTETS:
        return None
    pairs = (tag.partition(b"=") for tag in _white_space.sub(b"", octets.partition(b":")[2]).split(b";"))
    tags = {name: value for name, _, value in pairs}
    domain, names = tags.get(b"d", b"").lower(), tags.get(b"h", b"").lower().split(b":")
    if tags.get(b"a") not in _ALGORITHMS or not domain or not domain.isascii():
        return None
    return Signature(number, domain.decode(), tags.get(b"c", b"").endswith(b"/relaxed"), tuple(names))
