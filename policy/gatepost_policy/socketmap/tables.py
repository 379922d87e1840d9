"""The live tables: what each answers to a key. Look-ups in the directory are all that is done here.

The mail servers make no partial keys over this protocol, so each table reads a key as the judge reads a recipient: in
any spelling, with `+extension`, by its sub-address, by the alias domain. What follows from that:

- `OK` is an address of a list that is there. Everything else is `NOTFOUND`: other domains, unknown lists, and the
  postmaster of a domain of lists, whom `virtual_alias` alone leads to whoever answers for the site.
- A domain as a whole (`relay_domains`, `mailertable`, `transport` without an address) is `OK` unless it is shared:
  who else has mailboxes there says where its mail goes. The alias of a shared domain has lists alone.
- As in the tables that Mailman writes, a domain that has an alias domain is relayed under that name, and its own is one
  of Postfix's virtual alias domains: `virtual_alias` leads from it to the alias, and knows it by its name too.
- `PERM` is a key that cannot be read as an address. `@domain` is none: it asks for a catch-all, and there is none.
- `verdict` asks the judge: it refuses with `OK` and the reply, and lets pass with `NOTFOUND`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gatepost_lists import Directory, Domain, Place, Question, Rules, Verdict
from gatepost_lists.addresses import Address, AddressError, normal_domain, parse_address

NOT_FOUND = b"NOTFOUND "
# An atom of RFC 5321 section 4.1.2, with RFC 6531's characters beyond ASCII; and what even quotes cannot hold.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
_is_dot_string = re.compile(rf"{_ATOM}(?:\.{_ATOM})*").fullmatch
_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f]")
_is_catch_all = re.compile(r"@[^@:,]+").fullmatch
# Bars behind a blank or at the beginning; all of them.
_BARS, _ANY_BARS = re.compile(r"(?<!\S)\|"), re.compile(r"\|")
# A quoted string, or one that has no end.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?\Z)', re.DOTALL)


@dataclass(frozen=True)
class Site:
    """What the tables answer with.

    transport: a value for Postfix's transport_maps, such as `lmtp:[127.0.0.1]:8024`. mailer: one for Sendmail's
    mailertable, such as `lmtp:[127.0.0.1]`. owner: the address of whoever answers for the site.
    """

    transport: str
    mailer: str
    owner: str


class Tables(NamedTuple):
    """What every table looks at. Its functions may raise AddressError and DirectoryTrouble; ask inside a snapshot."""

    directory: Directory
    rules: Rules
    site: Site

    def look_up(self, table: str, key: str) -> bytes:
        """The answer of one of TABLES."""
        return NOT_FOUND if _is_catch_all(key) else TABLES[table](self, key)

    def find(self, key: str) -> tuple[Address, Place]:
        """Which address a key is, and where it leads."""
        address = parse_address(key, self.rules.origin)
        return address, self.directory.find(address)

    def domain_of_lists(self, key: str) -> tuple[str, Domain] | None:
        """The domain that is asked for, and by which name, if it has lists and nothing else under that name."""
        name = normal_domain(key)
        domain = self.directory.find(Address("", name, "")).domain
        return (name, domain) if domain and not (name == domain.mail_host and self.is_shared(domain)) else None

    def is_shared(self, domain: Domain) -> bool:
        return domain.shared or domain.mail_host in self.rules.shared_domains

    def is_postmaster(self, address: Address, place: Place) -> bool:
        """Whether an address is that of the postmaster of a domain of lists, where no list has this name."""
        if address.local != "postmaster" or place.domain is None or place.mailing_list is not None:
            return False
        return not self.is_shared(place.domain)


def _ok(text: str) -> bytes:
    return b"OK " + text.encode("utf-8", "replace")


def recipients(tables: Tables, key: str) -> bytes:
    """Whether an address is one of a list: its posting address."""
    _, place = tables.find(key)
    return _ok(place.mailing_list.fqdn_listname) if place.mailing_list else NOT_FOUND


def relay_domains(tables: Tables, key: str) -> bytes:
    """Whether a domain of lists is brought to gatepost under this name: its own name."""
    if found := tables.domain_of_lists(key):
        name, domain = found
        return _ok(domain.mail_host) if name == (domain.alias_domain or domain.mail_host) else NOT_FOUND
    return NOT_FOUND


def transport(tables: Tables, key: str) -> bytes:
    """Where mail for an address of a list goes, or for a domain of lists."""
    there = tables.find(key)[1].mailing_list if "@" in key else tables.domain_of_lists(key)
    return _ok(tables.site.transport) if there else NOT_FOUND


def mailertable(tables: Tables, key: str) -> bytes:
    """Which mailer of Sendmail's brings mail for a domain of lists."""
    return _ok(tables.site.mailer) if tables.domain_of_lists(key) else NOT_FOUND


def virtual_alias(tables: Tables, key: str) -> bytes:
    """From a list's own domain to its alias domain, with sub-address and extension; from a postmaster to the owner.

    For virtual_alias_domains, which is the same table unless it is set: whether a domain of lists has an alias.
    """
    if "@" not in key:
        name, named = tables.domain_of_lists(key) or ("", Domain(""))
        return _ok(named.alias_domain) if named.alias_domain and name == named.mail_host else NOT_FOUND
    address, place = tables.find(key)
    domain = place.domain
    if domain and place.mailing_list and domain.alias_domain and address.domain == domain.mail_host:
        return _alias(address.spelt, domain.alias_domain)
    if tables.is_postmaster(address, place):
        owner, place_of_owner = tables.find(tables.site.owner)
        return NOT_FOUND if tables.is_postmaster(owner, place_of_owner) else _alias(owner.spelt, owner.domain)
    return NOT_FOUND


def _alias(local: str, domain: str) -> bytes:
    """An address as it stands in a list of addresses (RFC 5322): whatever is in it cannot begin another."""
    if _is_dot_string(local):
        return _ok(f"{local}@{domain}")
    if _UNQUOTABLE.search(local):
        raise AddressError(f"no address may have such characters: {local!r}")
    escaped = re.sub(r'(["\\])', r"\\\1", local)
    return _ok(f'"{escaped}"@{domain}')


# Every table but `verdict`, by the name under which it is asked for.
TABLES: Mapping[str, Callable[[Tables, str], bytes]] = {
    "transport": transport,
    "relay_domains": relay_domains,
    "relay_recipients": recipients,
    "local_recipients": recipients,
    "virtual_alias": virtual_alias,
    "mailertable": mailertable,
}


def question_of(key: str) -> Question | None:
    """The judge's question in a key `SENDER | RECIPIENT`; None where there is no bar.

    A bar within quotes counts for nothing, and neither does one within a word where others stand behind a blank: both
    may be in an address. Sendmail takes quotes off, so that bars with blanks can be in addresses all the same: what
    stands behind the last bar is the recipient, so that no sender can put another in its place.
    """
    masked = _QUOTED.sub(lambda quoted: "q" * len(quoted[0]), key)
    bars = list(_BARS.finditer(masked)) or list(_ANY_BARS.finditer(masked))
    if not bars:
        return None
    sender = key[: bars[0].start()].strip()
    return Question("" if sender == "<>" else sender, key[bars[-1].end() :].strip())


def reply_of(verdict: Verdict) -> bytes:
    """What `verdict` answers. A recipient that cannot be read is no key: no test has judged it."""
    text = b"%d %b %b" % (verdict.code, verdict.status.encode(), verdict.text.encode("ascii", "replace"))
    if verdict.is_refusal:
        return (b"OK " if verdict.test else b"PERM ") + text
    return b"TEMP " + text if verdict.is_trouble else NOT_FOUND
