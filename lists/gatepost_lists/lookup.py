"""The one look-up over all engines: which reading of an address wins, how several senders and the addresses of one user
count together, and what a ban matches.

An engine is a subclass that fetches records, and decides nothing:

- It raises DirectoryTrouble for whatever keeps it from answering, RecordTrouble for one record that is damaged. After
  trouble it is asked again, and opens anew what it has lost.
- It compares what it is asked with what it keeps, as it is kept: what it is asked is in the form of addresses.py. A
  pattern that is none is handed on; it is skipped here.
- One that is asked over a network is `blocking`. It is told first what will be asked (`fetch`), so that a batch of
  questions costs two round trips at most: the lists, and then who is on them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from gatepost_lists.addresses import Address
from gatepost_lists.model import NOWHERE, STRANGER, Domain, DomainNames, MailingList, Place, Role, Standing
from gatepost_lists.patterns import pattern_list
from gatepost_lists.records import NOTHING_KNOWN, Known, Wanted
from gatepost_lists.subaddresses import readings


class Lookup(ABC):
    """A directory over the records that a subclass fetches. See directory.Directory for what the methods promise.

    writable: whether gatepost's own commands change what is in it. file: the file on this machine that it is in, None
    where it is in none.
    """

    writable = False
    refuse_oversize = False
    blocking = False
    file: Path | None = None

    @abstractmethod
    def __enter__(self) -> Lookup:
        """Begin a snapshot."""

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""

    @abstractmethod
    def domain(self, name: str) -> Domain | None:
        """The domain that is known by this name, its own or its alias."""

    @abstractmethod
    def mailing_list(self, mail_host: str, list_name: str) -> MailingList | None:
        """The list of exactly this name in a domain."""

    @abstractmethod
    def known(self, fqdn_listname: str, email: str) -> Known:
        """What is known of an address on a list; NOTHING_KNOWN, that very value, where it is nothing."""

    @abstractmethod
    def ban_patterns(self, fqdn_listname: str) -> tuple[str, ...]:
        """The `^regexes` that are banned everywhere, then those that are banned on this list."""

    @abstractmethod
    def linked(self, email: str) -> Collection[str]:
        """The other addresses of the same user."""

    @abstractmethod
    def names(self) -> Iterator[DomainNames]:
        """Every domain with the names of its lists, both in their order."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections."""

    def fetch(self, wanted: Wanted) -> None:  # noqa: B027 - not every engine has to do something here
        """Get what will be asked, in one round trip. A quick engine needs no telling."""

    def snapshot(self) -> Self:
        """Everything asked inside sees one state."""
        return self

    def find(self, recipient: Address) -> Place:
        """Where an address leads. A list that is named by the whole local part wins over every other reading."""
        domain = self.domain(recipient.domain)
        if domain is None:
            return NOWHERE
        mail_host = domain.mail_host
        if mailing_list := self.mailing_list(mail_host, recipient.local):
            return Place(domain, mailing_list)
        for name, subaddress, extension in readings(recipient)[1:]:
            if mailing_list := self.mailing_list(mail_host, name):
                return Place(domain, mailing_list, subaddress, extension)
        return Place(domain)

    def standing(self, mailing_list: MailingList, senders: tuple[str, ...]) -> Standing:
        """The standing of whoever is known by any of these addresses: what the first one has brought stays."""
        fqdn_listname = mailing_list.fqdn_listname
        patterns = self.ban_patterns(fqdn_listname)
        standing = STRANGER
        for email in senders:
            known = self.known(fqdn_listname, email)
            if known is not NOTHING_KNOWN:
                standing = _with(standing, known)
            if patterns and not standing.banned:
                standing = standing._replace(banned=pattern_list(patterns, ignore_case=True).find(email))
        return standing

    def is_member(self, fqdn_listname: str, senders: tuple[str, ...]) -> bool:
        """Whether any of these very addresses is subscribed to that list."""
        return any(
            person.own and person.role is Role.MEMBER
            for email in senders
            for person in self.known(fqdn_listname, email).people
        )

    def is_linked(self, email: str, others: tuple[str, ...]) -> bool:
        """Whether an address is one of the same user as one of these others."""
        return any(other in others for other in self.linked(email))


def _with(standing: Standing, known: Known) -> Standing:
    """The standing with what is known of one more sender.

    Of memberships, that by the sender's own address goes before a linked one; nonmember records count for their own
    address alone.
    """
    banned, member, linked, member_action, nonmember_action = standing
    member_before = member
    for role, own, action in known.people:
        if role is Role.MEMBER and not member_before and (not member or (own and linked)):
            member, linked, member_action = True, not own, action
        elif role is Role.NONMEMBER and own and nonmember_action is None:
            nonmember_action = action
    return Standing(banned or next(iter(known.bans), ""), member, linked, member_action, nonmember_action)
