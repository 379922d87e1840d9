"""Whose addresses count for a message whose headers are there: who may let it in, and who counts for bans alone.

Anybody can write `SRS0=…=example.org=anne@his.own.example` for a sender, and it passes SPF and DMARC as his own. So
what was unwrapped lets nobody in by itself, unless the wrapper is believed (senders.py): only where From, Sender or
Reply-To names that address as well, or one that is linked to it, as in the mail that a forwarder brings. A banned
address is one too many wherever it stands.
"""

from __future__ import annotations

from typing import NamedTuple

from gatepost_lists.directory import Directory
from gatepost_lists.headers import Headers
from gatepost_lists.model import MailingList, Standing
from gatepost_lists.rules import Rules
from gatepost_lists.senders import read_sender


class Counted(NamedTuple):
    """senders: who may let the message in, the envelope's as it stands first; () for the null sender, whoever the
    headers name: it is a report. suspects: addresses that count for bans alone.
    """

    senders: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()


def counted(
    envelope_sender: str, headers: Headers, directory: Directory, rules: Rules, *, by_headers: bool = True
) -> Counted:
    """Who counts for a message, each address once.

    by_headers: whether those whom the headers name may let it in, as in Mailman; else they only back what was
    unwrapped. Ask inside a snapshot. Raises DirectoryTrouble.
    """
    sender = read_sender(envelope_sender, rules.origin, rules.forwarders)
    if not sender.known_as:
        return Counted()
    read = [read_sender(text, rules.origin, rules.forwarders) for text in headers.senders]
    named = tuple(email for one in read for email in one.known_as)
    backed = tuple(claim for claim in sender.claims if claim in named or (named and directory.is_linked(claim, named)))
    senders = dict.fromkeys((*sender.known_as, *backed, *(named if by_headers else ())))
    suspects = dict.fromkeys((*sender.claims, *named, *(claim for one in read for claim in one.claims)))
    return Counted(tuple(senders), tuple(email for email in suspects if email not in senders))


def ban_of(standing: Standing, suspects: tuple[str, ...], mailing_list: MailingList, directory: Directory) -> str:
    """The ban that one of the senders, whose standing this is, or of the suspects matches; '' for none."""
    if standing.banned or not suspects:
        return standing.banned
    return directory.standing(mailing_list, suspects).banned
