"""The engines of a directory, each filled with a world of lists; and one as those over a network are.

A new engine is one more entry in ENGINES: the contract (tests/lists/test_contract.py) and the table of cases are then
asked of it too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType

from cases import World, build_store, build_toml
from gatepost_lists import Domain, DomainNames, MailingList, open_directory
from gatepost_lists.lookup import Lookup
from gatepost_lists.records import Known, Wanted


class Remote(Lookup):
    """Asks another engine as if it were far away: what was not fetched before costs a round trip of its own."""

    blocking = True

    def __init__(self, far: Lookup) -> None:
        self._far = far
        self._domains: set[str] = set()
        self._lists: set[tuple[str, str]] = set()
        self._known: set[tuple[str, str]] = set()
        self._linked: set[str] = set()
        self.refuse_oversize = far.refuse_oversize
        self.round_trips = 0

    def __enter__(self) -> Remote:
        self._far.__enter__()
        for fetched in (self._domains, self._lists, self._known, self._linked):
            fetched.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._far.__exit__(kind, error, trace)

    def fetch(self, wanted: Wanted) -> None:
        self.round_trips += 1
        for name, list_name in wanted.lists:
            self._domains.add(name)
            if domain := self._far.domain(name):
                self._lists.add((domain.mail_host, list_name))
        self._known |= wanted.known
        self._linked |= wanted.linked

    def domain(self, name: str) -> Domain | None:
        if name not in self._domains:
            self.fetch(Wanted(lists={(name, "")}))
        return self._far.domain(name)

    def mailing_list(self, mail_host: str, list_name: str) -> MailingList | None:
        if (mail_host, list_name) not in self._lists:
            self.fetch(Wanted(lists={(mail_host, list_name)}))
        return self._far.mailing_list(mail_host, list_name)

    def known(self, fqdn_listname: str, email: str) -> Known:
        if (fqdn_listname, email) not in self._known:
            self.fetch(Wanted(known={(fqdn_listname, email)}))
        return self._far.known(fqdn_listname, email)

    def ban_patterns(self, fqdn_listname: str) -> tuple[str, ...]:
        return self._far.ban_patterns(fqdn_listname)

    def linked(self, email: str) -> Collection[str]:
        if email not in self._linked:
            self.fetch(Wanted(linked={email}))
        return self._far.linked(email)

    def names(self) -> Iterator[DomainNames]:
        return self._far.names()

    def close(self) -> None:
        self._far.close()


def in_sqlite(folder: Path, world: World) -> Lookup:
    return open_directory(build_store(folder / "gatepost.db", world))


def in_toml(folder: Path, world: World) -> Lookup:
    return open_directory(build_toml(folder / "lists.toml", world))


def far_away(folder: Path, world: World) -> Remote:
    return Remote(in_toml(folder, world))


# Each makes a directory of its kind in a folder, and fills it.
ENGINES: dict[str, Callable[[Path, World], Lookup]] = {"sqlite": in_sqlite, "toml": in_toml, "far away": far_away}
