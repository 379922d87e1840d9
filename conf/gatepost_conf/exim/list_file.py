"""The file of lists that Exim looks up by lsearch (the Exim specification, section 9.3). No I/O here.

A line is a key, a colon and a value. A key with white space, a colon, a quote or a backslash in it stands in double
quotes, and so does one that would be taken for a comment. What Exim cannot look up at all is left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gatepost_conf.names import posting_addresses
from gatepost_lists.model import DomainNames

_needs_no_quotes = re.compile(r"[^\s:\"\\#][^\s:\"\\]*").fullmatch
_impossible = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]").search


def list_file(domains: Iterable[DomainNames]) -> tuple[str, list[str]]:
    """The file's text, and the addresses of the lists that it cannot hold."""
    addresses = list(posting_addresses(domains))
    left_out = [address for address in addresses if _impossible(address)]
    return "".join(f"{_key(address)}: yes\n" for address in addresses if not _impossible(address)), left_out


def _key(address: str) -> str:
    if _needs_no_quotes(address):
        return address
    return '"' + re.sub(r'(["\\])', r"\\\1", address) + '"'
