"""DMARC policy records (RFC 9989): read, and looked for up the tree of names. No I/O here.

- A record begins with `v=DMARC1`. There is no `pct`. Where `p` is missing, or `p`, `sp` or `np` is malformed, the
  policy is none (section 4.7, section 4.10.1).
- `t=y` is no reason to send mail on as it is: it asks that From be rewritten wherever a list does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

# A walk asks for no more names than this, the author's domain included (section 4.10).
MAX_NAMES = 8


class Policy(StrEnum):
    """What a domain wants done to mail that fails its checks, the mildest first."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


STRICTER = tuple(Policy).index


class Record(NamedTuple):
    """What a record says: the policy, that for subdomains, that for those that do not exist, and psd (y, n or u)."""

    policy: Policy = Policy.NONE
    subdomains: Policy = Policy.NONE
    nonexistent: Policy = Policy.NONE
    psd: str = "u"

    def for_subdomain(self, exists: Callable[[], bool]) -> Policy:
        """The policy for a subdomain of the record's; whether that exists is asked only if it makes a difference."""
        if self.nonexistent is self.subdomains or exists():
            return self.subdomains
        return self.nonexistent


def read_record(texts: Iterable[str]) -> Record | None:
    """The record among the TXT records of one name; None where there is none, or more than one (section 4.10)."""
    found = [tags for tags in map(_tags, texts) if tags is not None]
    if len(found) != 1:
        return None
    tags = found[0]
    psd = tags.get("psd", "u").lower()
    try:
        policy = Policy(tags.get("p", "none").lower())
        subdomains = Policy(tags.get("sp", policy).lower())
        nonexistent = Policy(tags.get("np", subdomains).lower())
    except ValueError:
        return Record(psd=psd)
    return Record(policy, subdomains, nonexistent, psd)


def _tags(text: str) -> dict[str, str] | None:
    """The tags of a record by their names in lower case; None for what is no DMARC record."""
    pairs = [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in text.split(";"))]
    if pairs[0][0].lower() != "v" or pairs[0][1] != "DMARC1":
        return None
    return {name.lower(): value for name, value in reversed(pairs)}


def names_above(domain: str) -> Iterator[str]:
    """The names that follow the author's domain in a walk up the tree, the longest first (section 4.10)."""
    labels = domain.split(".")
    for left in range(min(len(labels), MAX_NAMES) - 1, 0, -1):
        yield ".".join(labels[-left:])


def inherited(domain: str, found: Sequence[tuple[str, Record]]) -> Record | None:
    """The record that counts for a domain without one, of those above it, the longest name first (section 4.10.1).

    That of the organizational domain (section 4.10.2), else that of the public suffix domain.
    """
    if not found:
        return None
    name, record = found[-1]
    if record.psd == "y":
        labels = domain.split(".")
        organizational = ".".join(labels[-(name.count(".") + 2) :])
        return dict(found).get(organizational, record)
    return record
