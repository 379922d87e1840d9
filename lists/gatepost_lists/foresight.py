"""What a judge will look up, told to a directory that is asked over a network: two round trips for a whole batch.

The first is for the lists that the recipients may lead to, the second for who is on them. What is asked besides, now
and then, is fetched when it is asked. No I/O here but the directory's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from gatepost_lists.addresses import Address, AddressError, parse_address, routed_addresses
from gatepost_lists.directory import Directory
from gatepost_lists.headers import Headers
from gatepost_lists.model import Question
from gatepost_lists.places import locate
from gatepost_lists.records import Wanted
from gatepost_lists.rules import Rules
from gatepost_lists.senders import read_sender
from gatepost_lists.subaddresses import readings


def foresee(asked: Iterable[tuple[Question, Headers | None]], directory: Directory, rules: Rules) -> None:
    """Have the directory fetch all that these questions, with their headers where they are there, are about.

    Call it inside a snapshot, where the directory is blocking. Raises DirectoryTrouble.
    """
    asked = tuple(asked)
    lists = {key for question, _ in asked for key in _lists_at(question.recipient, rules.origin)}
    if not lists:
        return
    directory.fetch(Wanted(lists=lists))
    known: set[tuple[str, str]] = set()
    linked: set[str] = set()
    for question, headers in asked:
        try:
            place = locate(question.recipient, directory, rules.origin).place
        except AddressError:
            continue
        if place.mailing_list is None or place.subaddress:
            continue
        sender = read_sender(question.sender, rules.origin, rules.forwarders)
        named = [read_sender(text, rules.origin, rules.forwarders) for text in headers.senders] if headers else []
        fqdn_listnames = (place.mailing_list.fqdn_listname, *place.mailing_list.accept_these_nonmembers.lists)
        known.update((name, email) for name in fqdn_listnames for one in (sender, *named) for email in one.every)
        linked.update(sender.claims if named else ())
    if known:
        directory.fetch(Wanted(known=known, linked=linked))


def _lists_at(recipient: str, origin: str) -> Iterator[tuple[str, str]]:
    """Every list that a recipient may lead to: the domain as it is written, and the list's name."""
    with suppress(AddressError):  # then it is asked no more of it than this far
        address = parse_address(recipient, origin)
        yield from _lists_of(address)
        for inner in routed_addresses(address):
            yield from _lists_of(inner)


def _lists_of(address: Address) -> Iterator[tuple[str, str]]:
    return ((address.domain, reading.list_name) for reading in readings(address))
