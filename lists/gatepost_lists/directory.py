"""Where lists live: what every directory answers, and its one kind of trouble. How, is in lookup.py.

A directory is asked from one thread at a time. Its look-ups cost the same with ten lists and with a million members.
What it may keep in memory must be exact: a change that was committed before `snapshot()` was entered is seen inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from gatepost_lists.addresses import Address
from gatepost_lists.model import DomainNames, MailingList, Place, Standing
from gatepost_lists.records import Wanted


class DirectoryTrouble(Exception):
    """The directory cannot tell now. The message names the file or server and what is wrong with it."""


class RecordTrouble(DirectoryTrouble):
    """One record is damaged: who asks about others is answered."""


@runtime_checkable
class Directory(Protocol):
    """Finds the list behind an address, and one sender's standing on one list. Every method may raise DirectoryTrouble.

    refuse_oversize: whether mail over max_message_size is refused here unless the settings say otherwise. blocking:
    whether a look-up may take long, as over a network; then no event loop waits for one.
    """

    @property
    def refuse_oversize(self) -> bool: ...

    @property
    def blocking(self) -> bool: ...

    def snapshot(self) -> AbstractContextManager[object]:
        """Everything asked inside sees one state, at least as new as the moment of entering."""

    def fetch(self, wanted: Wanted) -> None:
        """Get what will be asked inside a snapshot; worth while where the directory is blocking (foresight.py)."""

    def find(self, recipient: Address) -> Place:
        """Where an address leads: its domain, list and sub-address. NOWHERE when the domain is not known."""

    def standing(self, mailing_list: MailingList, senders: tuple[str, ...]) -> Standing:
        """The standing on a list of whoever is known by any of these addresses, as compared (at least one)."""

    def is_member(self, fqdn_listname: str, senders: tuple[str, ...]) -> bool:
        """Whether any of these very addresses is a member of that list, for `@list@host`; False for an unknown list.

        An address that is linked to a member's does not count here, as in Mailman.
        """

    def is_linked(self, email: str, others: tuple[str, ...]) -> bool:
        """Whether an address is one of the same user as one of these others."""

    def names(self) -> Iterator[DomainNames]:
        """Every domain with the names of its lists, both in their order. What it costs grows with the lists."""

    def close(self) -> None:
        """Let go of files and connections; asked again, the engine opens them anew."""
