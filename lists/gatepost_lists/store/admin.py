"""The changing side of the embedded store: domains, lists, members, bans; and, inherited, what delivery needs.

    with Store("sqlite:////var/lib/gatepost/gatepost.db") as store:
        store.add_domain("lists.example")
        store.create_list("ann@lists.example", "default_nonmember_action=reject")
        store.add_members("ann@lists.example", ["Bo <bo@example.org>"])

Each change is one transaction; `with store.transaction():` makes several changes one. A change that raises leaves
nothing of itself behind. Every error is a StoreError. A Store belongs to one thread; readers in other processes never
wait for it, and see a change as soon as it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from gatepost_lists.model import Domain, Role
from gatepost_lists.store import bans, domains, mailinglists, member_import, members, people
from gatepost_lists.store.changes import Ban, Change, Creation, Imported, Member, Refused
from gatepost_lists.store.delivering import Delivering
from gatepost_lists.store.versions import named_trouble

# Page cache of a transaction that imports, in KiB: SQLite's own name and sign for it.
_IMPORT_CACHE = -65536


def _pass_over(_: Refused) -> None:
    """Lines that nobody wants to hear of."""


class Store(Delivering):
    """An embedded store that is there. Lists are named by their posting address, or by their list_id."""

    def add_domain(self, domain: str, alias_domain: str | None = None, shared: bool | None = None) -> Change:
        """Make a domain, or change what is given of one that is there; an alias_domain of '' takes the alias away.

        Raises BadValueError for what is no domain name, ExistsError where a name is taken.
        """
        with self.transaction() as connection:
            return domains.add(connection, domain, alias_domain, shared)

    def remove_domain(self, domain: str, with_lists: bool = False) -> list[str]:
        """Remove a domain; the posting addresses of the lists that went with it.

        Raises NotFoundError, and ExistsError while the domain has lists, unless they are to go too.
        """
        with self.transaction() as connection:
            removed = mailinglists.remove_all(connection, domain) if with_lists else []
            domains.remove(connection, domain)
        return removed

    def domains(self) -> list[Domain]:
        """All domains, in the order of their names."""
        with self._looking() as connection:
            return domains.listing(connection)

    def create_list(self, mailing_list: str, *settings: str) -> Creation:
        """Make a list, with settings such as 'emergency=yes'; of one that is there, change those.

        Raises BadValueError for a name that no list can have, an unknown domain or a bad setting.
        """
        with self.transaction() as connection:
            return mailinglists.create(connection, mailing_list, settings)

    def set_list(self, mailing_list: str, *settings: str) -> Change:
        """Change attributes: 'NAME=VALUE', and 'NAME+=ENTRY', 'NAME-=ENTRY' for the …_these_nonmembers.

        Raises NotFoundError for an unknown list or an entry that is not there, BadValueError.
        """
        with self.transaction() as connection:
            return mailinglists.change(connection, mailing_list, settings)

    def remove_list(self, mailing_list: str) -> str:
        """Remove a list with its members and bans; its posting address. Raises NotFoundError."""
        with self.transaction() as connection:
            return mailinglists.remove(connection, mailing_list)

    def show_list(self, mailing_list: str) -> dict[str, Any]:
        """A list's attributes by Mailman's names; …_these_nonmembers are lists of str. Raises NotFoundError."""
        with self._looking() as connection:
            return mailinglists.attributes(mailinglists.find(connection, mailing_list))

    def lists(self, domain: str = "") -> list[dict[str, Any]]:
        """The attributes of all lists, or those of one domain. Raises NotFoundError for an unknown domain."""
        with self._looking() as connection:
            return mailinglists.listing(connection, domain)

    def add_members(
        self,
        mailing_list: str,
        addresses: Sequence[str],
        role: Role = Role.MEMBER,
        moderation_action: str | None = None,
    ) -> list[tuple[str, Change]]:
        """Put addresses, or `Name <address>`, on a list; each address and what became of it.

        moderation_action: one of Mailman's, or 'default' for the list's; None leaves it to what is there.
        Raises NotFoundError for an unknown list, BadValueError for what is no address.
        """
        with self.transaction() as connection:
            return members.add(connection, mailing_list, addresses, role, moderation_action)

    def import_members(
        self,
        mailing_list: str,
        lines: Iterable[bytes | str],
        role: Role = Role.MEMBER,
        moderation_action: str | None = None,
        on_refused: Callable[[Refused], None] = _pass_over,
    ) -> Imported:
        """Put everybody whom the lines of a file name on a list; lines that name nobody go to on_refused.

        Raises NotFoundError for an unknown list; what reading `lines` raises passes through, and nothing is kept.
        """
        found = member_import.import_members(
            self._importing, mailing_list, member_import.encoded(lines), role, moderation_action, on_refused
        )
        if self._connection is None:
            self._checkpoint()
        return found

    @contextmanager
    def _importing(self) -> Iterator[sa.Connection]:
        with self.transaction() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA cache_size = {_IMPORT_CACHE}")
            yield connection

    def _checkpoint(self) -> None:
        """Bring what was written into the database itself, so that readers have no long log to look through."""
        if self._engine.dialect.name == "sqlite":
            self._engine.dispose()  # with its large cache
            with named_trouble(self.url), self._engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None  # noqa: S101 - the pool has just connected it
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def remove_members(self, mailing_list: str, addresses: Sequence[str], role: Role = Role.MEMBER) -> None:
        """Take addresses off a list, all or none. Raises NotFoundError for one that is not on it in that role."""
        with self.transaction() as connection:
            members.remove(connection, mailing_list, addresses, role)

    def members(self, mailing_list: str, role: Role | None = None) -> Iterator[Member]:
        """Who is on a list, in that role or in any, as a stream. Raises NotFoundError."""
        with self._looking() as connection:
            yield from members.listing(connection, mailing_list, role)

    def link(self, address: str, other: str) -> Change:
        """Make two addresses those of one user, who may then post from either.

        Raises NotFoundError when the first is not known; the other need not be.
        """
        with self.transaction() as connection:
            return people.link(connection, address, other)

    def unlink(self, address: str) -> None:
        """Part an address from all that it is linked to. Raises NotFoundError where it is linked to none."""
        with self.transaction() as connection:
            people.unlink(connection, address)

    def linked(self, address: str) -> list[str]:
        """The other addresses of the same user. Raises NotFoundError."""
        with self._looking() as connection:
            return people.linked(connection, address)

    def add_ban(self, pattern: str, mailing_list: str = "") -> Change:
        """Ban an address or a ^regex, on one list or everywhere. Raises NotFoundError, BadValueError."""
        with self.transaction() as connection:
            return bans.add(connection, pattern, mailing_list)

    def remove_ban(self, pattern: str, mailing_list: str = "") -> None:
        """Lift a ban. Raises NotFoundError where there is none."""
        with self.transaction() as connection:
            bans.remove(connection, pattern, mailing_list)

    def bans(self, mailing_list: str = "") -> list[Ban]:
        """All bans, or those of one list. Raises NotFoundError for an unknown list."""
        with self._looking() as connection:
            return bans.listing(connection, mailing_list)
