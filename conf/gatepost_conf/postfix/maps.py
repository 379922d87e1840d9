r"""Postfix's tables of the lists: what stands in them, and how each type of table writes it. No I/O.

Four tables, with the names and the content that Mailman's users know, and one more:

- postfix_lmtp              the domains of lists alone, every address of every list, and the transport of their mail
- postfix_domains           the domains that are relayed to gatepost
- postfix_relay_recipients  the same addresses, for relay_recipient_maps and whatever else lists recipients
- postfix_vmap              the addresses in a domain that has an alias_domain, and those that they lead to there

A domain that has an alias_domain is relayed under that name: its own name belongs to Postfix's virtual aliases, or to
its ordinary mailboxes.

A domain of lists alone has its way as a whole, before there is a list in it: Postfix may read postfix_lmtp anew some
seconds after the recipients' table, and would take a new list's mail with nowhere to bring it. In a shared domain
only the lists have one: who else has mailboxes there gets all other mail.

hash, lmdb, cdb and texthash hold an address without its extension: Postfix cuts `+…` off by recipient_delimiter, and
puts it back behind a virtual alias (propagate_unmatched_extensions). Postfix looks up what it has folded (ß as ss), and
from 3.11 on folds no line of a texthash, so lines are folded here. A regexp or pcre is shown the whole address only,
so it says `(\+.*)?` itself, and puts what that matched into the virtual alias.

What a table or Postfix itself could not hold, or would read otherwise, is left out and told of: no line is ever made of
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import NamedTuple

from gatepost_conf.site import Site
from gatepost_lists.model import Domain
from gatepost_lists.subaddresses import local_parts

LMTP, DOMAINS, RELAY_RECIPIENTS, VMAP = (
    "postfix_lmtp",
    "postfix_domains",
    "postfix_relay_recipients",
    "postfix_vmap",
)
MAP_TYPES = ("hash", "lmdb", "cdb", "texthash", "regexp", "pcre")
# Those that hold patterns.
PATTERNS = frozenset({"regexp", "pcre"})
# What postmap(1) puts behind the name of a table that it compiles; the other types are read as they are.
COMPILED = {"hash": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}

NAMES = (LMTP, DOMAINS, RELAY_RECIPIENTS, VMAP)
_IS_FOR = {
    LMTP: "for transport_maps: domains of lists alone, the lists' addresses, and who brings their mail to gatepost",
    DOMAINS: "for relay_domains: the lists' domains",
    RELAY_RECIPIENTS: "for relay_recipient_maps and local_recipient_maps: the lists' addresses",
    VMAP: "for virtual_alias_maps: where addresses of domains with an alias_domain lead",
}
# regex(7): what means something else without a backslash, and the '/' at which Postfix sees a pattern's end.
_ESCAPED = str.maketrans({char: f"\\{char}" for char in r"\.^$*+?()[]{}|/"})
# RFC 5321 atext without '!' and '%', by which Postfix routes, and dots.
_ASCII = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789#$&'*+-/=?^_`{|}~.")

# Any extension, or none; what is in brackets is put into the virtual alias.
_EXTENSION = r"(\+.*)?"


class Entry(NamedTuple):
    """What is looked up, and the value that is found.

    local is '' for a domain that is asked for by its name, None for one that is found for each address in it. keeps:
    the value is an address that takes the extension over.
    """

    local: str | None
    domain: str
    value: str
    keeps: bool = False

    @property
    def extended(self) -> bool:
        """Whether an extension may follow the local part: it starts at the first `+`."""
        return "+" not in (self.local or "")


@dataclass(frozen=True, slots=True)
class Maps:
    """The tables' texts by name, all four, and a warning for each list that is not in them."""

    texts: dict[str, str]
    warnings: tuple[str, ...]


def maps(site: Site, map_type: str) -> Maps:
    """The tables of a site, for one of MAP_TYPES."""
    line = _pattern_line if map_type in PATTERNS else _indexed_line
    why_not = _why_not_in_patterns if map_type in PATTERNS else _why_not_indexed
    warnings: list[str] = []
    addresses = list(_addresses(site, why_not, warnings))
    domains = [(domain, real) for domain in relayed(site) for real in spellings(real_name(domain))]
    recipients = [(local, real) for domain, local in addresses for real in spellings(real_name(domain))]
    ways = chain(((None, real) for _, real in domains), recipients)
    transport = transport_of(site)
    entries: dict[str, Iterable[Entry]] = {
        LMTP: (Entry(local, real, transport) for local, real in ways),
        DOMAINS: (Entry("", real, domain.mail_host) for domain, real in domains),
        RELAY_RECIPIENTS: (Entry(local, real, "OK") for local, real in recipients),
        VMAP: (
            Entry(local, host, f"{local}@{domain.alias_domain}", True)
            for domain, local in addresses
            if domain.alias_domain
            for host in spellings(domain.mail_host)
        ),
    }
    return Maps({name: _text(name, map(line, found)) for name, found in entries.items()}, tuple(warnings))


def transport_of(site: Site) -> str:
    """Who brings the lists' mail where, as transport(5) writes it: numeric, and no MX record is looked for."""
    host, port = site.lmtp_endpoint
    return f"{site.lmtp_service}:[{host}]:{port}"


def real_name(domain: Domain) -> str:
    """The name under which a domain's mail is brought to gatepost."""
    return domain.alias_domain or domain.mail_host


def relayed(site: Site) -> list[Domain]:
    """The domains that have no ordinary mailboxes under their real name."""
    domains = (names.domain for names in site.domains)
    return [domain for domain in domains if domain.alias_domain or not domain.shared]


@cache
def spellings(name: str) -> tuple[str, ...]:
    """A domain's name as the DNS has it and, where that differs, as SMTPUTF8 mail has it: Postfix compares letters."""
    if "xn--" not in name:
        return (name,)
    import idna  # noqa: PLC0415 - its tables are loaded only where a domain needs them

    try:
        return tuple(dict.fromkeys((name, idna.decode(name))))
    except idna.IDNAError:
        return (name,)


def _addresses(site: Site, why_not: Callable[[str], str], warnings: list[str]) -> Iterator[tuple[Domain, str]]:
    """The domain and the local part of every address, each once."""
    for domain, list_names in site.domains:
        parts: dict[str, None] = {}
        for name in list_names:
            if reason := why_not(name):
                warnings.append(f"{name!r} in {domain.mail_host} is left out of Postfix's tables: {reason}")
            else:
                parts |= dict.fromkeys(local_parts(name))
        yield from ((domain, local) for local in parts)


def _why_not_in_patterns(name: str) -> str:
    """Why Postfix could not bring mail to a list of this name; '' where it can."""
    if odd := next((char for char in name if not _is_plain(char)), ""):
        return f"Postfix reads {odd!r} in an address as syntax" if odd.isprintable() else f"it has {odd!r} in its name"
    if name.startswith("-"):
        return "Postfix takes no address that begins with '-' (allow_min_user)"
    if not name or name.startswith(".") or name.endswith(".") or ".." in name:
        return "its dots need quotes in an address"
    return ""


def _is_plain(char: str) -> bool:
    return char in _ASCII if char.isascii() else char.isprintable() and not char.isspace()


def _why_not_indexed(name: str) -> str:
    return _why_not_in_patterns(name) or ("a line that begins with '#' is a comment there" if name[0] == "#" else "")


def _indexed_line(entry: Entry) -> str:
    key = f"{entry.local}@{entry.domain}" if entry.local else entry.domain
    return f"{key.casefold()}\t{entry.value}\n"


def _pattern_line(entry: Entry) -> str:
    domain, _ = _either_case(entry.domain.translate(_ESCAPED))
    value = entry.value.replace("$", "$$")
    if entry.local is None:
        return f"/@{domain}$/\t{value}\n"
    if not entry.local:
        return f"/^{domain}$/\t{value}\n"
    local, groups = _either_case(entry.local.translate(_ESCAPED))
    if entry.keeps and entry.extended:
        user, _, host = value.rpartition("@")
        value = f"{user}${{{groups + 1}}}@{host}"
    return f"/^{local}{_EXTENSION if entry.extended else ''}@{domain}$/\t{value}\n"


def _either_case(pattern: str) -> tuple[str, int]:
    """The pattern with letters beyond ASCII in either case, and how many groups that took: POSIX folds ASCII alone."""
    if pattern.isascii():
        return pattern, 0
    either = [
        char if char.isascii() or char.upper() in {char, char.lower()} else f"({char}|{char.upper()})"
        for char in pattern
    ]
    return "".join(either), sum(len(char) > 1 for char in either)


def _text(name: str, lines: Iterable[str]) -> str:
    head = f"# {name}, {_IS_FOR[name]}.\n# Made by gatepost from its lists, and written anew when they change.\n"
    return head + "".join(dict.fromkeys(lines))
