"""The embedded store's reading side on SQLite: the records that the look-up fetches, as quick as the driver allows.

- It speaks to the driver itself: no SQLAlchemy is loaded by a service.
- WAL: no writer makes a reader wait. A snapshot is one read transaction over all questions that came together.
- Domains, lists and patterns of bans are kept in memory for as long as SQLite's data_version says that nobody has
  changed the file: a change counts for the next snapshot. Members are never kept.
- Any error of SQLite is a DirectoryTrouble that names the file. The connection is then dropped and the next snapshot
  opens the file anew; so it does when the file has been replaced.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import quote

from gatepost_lists.addresses import Address
from gatepost_lists.directory import DirectoryTrouble, RecordTrouble
from gatepost_lists.lookup import Lookup
from gatepost_lists.model import Action, Domain, DomainNames, MailingList, Place, Role
from gatepost_lists.patterns import NO_PATTERNS, PatternList, pattern_list
from gatepost_lists.records import NOTHING_KNOWN, Known, Person
from gatepost_lists.store.schema_version import SCHEMA_VERSION

# How long a reader waits for a lock. In WAL mode readers meet one only while the log is being recovered.
_BUSY_SECONDS = 0.005
# How often the file is looked at, to see whether it is still the one that was opened.
_LOOK_SECONDS = 0.2
# Lists kept in memory; a record takes about a kilobyte.
_MAX_LISTS = 20_000
_MAX_PLACES = 50_000

# No statement numbers or names its values: given as a sequence, those make Python 3.12 warn at every look-up.
_DOMAIN = "SELECT mail_host, COALESCE(alias_domain, ''), shared FROM domain WHERE mail_host = ? OR alias_domain = ?"
_NAMES = (
    "SELECT mail_host, COALESCE(alias_domain, ''), shared, list_name"
    " FROM domain LEFT JOIN mailinglist USING (mail_host) ORDER BY mail_host, list_name"
)
_LIST = (
    "SELECT id, list_id, list_name, mail_host, accept_these_nonmembers, hold_these_nonmembers, reject_these_nonmembers,"
    " discard_these_nonmembers, default_nonmember_action, default_member_action, emergency, max_message_size"
    " FROM mailinglist WHERE mail_host = ? AND list_name = ?"
)
_LIST_KEY = "SELECT id FROM mailinglist WHERE mail_host = ? AND list_name = ?"
# One look-up for all that concerns the sender: memberships and nonmember records of the user, and exact bans where
# there are any at all.
_PEOPLE = (
    "SELECT m.role, m.moderation_action, m.address_id = a.id FROM address a CROSS JOIN member m"
    " WHERE a.email = ? AND m.list_id = ? AND m.user_id = a.user_id"
)
_EXACT_BAN = "SELECT 'ban', email, 1 FROM ban WHERE email = ? AND COALESCE(list_id, 0) IN (0, ?)"
_PEOPLE_AND_BANS = " UNION ALL ".join((_PEOPLE, _EXACT_BAN))
_LINKED = (
    "SELECT b.email FROM address a CROSS JOIN address b ON b.user_id = a.user_id WHERE a.email = ? AND b.id <> a.id"
)
_BAN_PATTERNS = "SELECT email, COALESCE(list_id, 0) FROM ban WHERE email >= '^' AND email < '_'"
_ANY_EXACT_BAN = "SELECT EXISTS (SELECT 1 FROM ban WHERE email < '^' OR email >= '_')"
# The key of no list, and of bans that are in force everywhere.
_NO_LIST = 0


class _Bans(NamedTuple):
    """Whether there are bans of exact addresses, and the patterns by the list's key."""

    exact: bool
    patterns: dict[int, tuple[str, ...]]


class SqliteDirectory(Lookup):
    """The embedded store, read only. See gatepost_lists.lookup.Lookup for what the methods promise."""

    writable = True
    refuse_oversize = True
    blocking = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = self._path = Path(path)
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None
        self._identity = (0, 0)
        self._looked_at = 0.0
        self._data_version = -1
        self._domains: dict[str, Domain] = {}
        self._lists: dict[tuple[str, str], MailingList] = {}
        self._keys: dict[str, int] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._bans: _Bans | None = None

    def __enter__(self) -> SqliteDirectory:
        try:
            now = time.monotonic()
            if self._cursor is None or now - self._looked_at > _LOOK_SECONDS:
                self._look_at_file(now)
            execute = self._require_cursor().execute
            execute("BEGIN")
            version = execute("PRAGMA data_version").fetchone()[0]
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error
        if version != self._data_version:
            self._forget()
            self._data_version = version
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cursor is not None:
            try:
                self._cursor.execute("COMMIT")
            except sqlite3.Error as failed:
                raise self._trouble(failed) from failed

    def find(self, recipient: Address) -> Place:
        """What every directory finds; lists and their sub-addresses are kept with where they were found."""
        if (place := self._places.get((recipient.local, recipient.domain))) is not None:
            return place
        place = super().find(recipient)
        if place.mailing_list is not None and not place.extension:
            if len(self._places) >= _MAX_PLACES:
                self._places.clear()
            self._places[recipient.local, recipient.domain] = place
        return place

    def domain(self, name: str) -> Domain | None:
        if (domain := self._domains.get(name)) is not None:
            return domain
        rows = self._rows(_DOMAIN, (name, name))
        if not rows:
            return None
        mail_host, alias_domain, shared = rows[0]
        domain = self._domains[name] = Domain(mail_host, alias_domain, bool(shared))
        return domain

    def mailing_list(self, mail_host: str, list_name: str) -> MailingList | None:
        return self._lists.get((mail_host, list_name)) or self._load_list(mail_host, list_name)

    def known(self, fqdn_listname: str, email: str) -> Known:
        key = self._keys.get(fqdn_listname) or self._load_key(fqdn_listname)
        bans = self._bans or self._load_bans()
        rows = (
            self._rows(_PEOPLE_AND_BANS, (email, key, email, key)) if bans.exact else self._rows(_PEOPLE, (email, key))
        )
        if not rows:
            return NOTHING_KNOWN
        try:
            return _known(tuple(rows))
        except ValueError as error:
            raise RecordTrouble(f"{self._path}: {email} on {fqdn_listname}: {error}") from error

    def ban_patterns(self, fqdn_listname: str) -> tuple[str, ...]:
        patterns = (self._bans or self._load_bans()).patterns
        if not patterns:
            return ()
        key = self._keys.get(fqdn_listname) or self._load_key(fqdn_listname)
        return patterns.get(_NO_LIST, ()) + patterns.get(key, ())

    def linked(self, email: str) -> Collection[str]:
        return [other for (other,) in self._rows(_LINKED, (email,))]

    def names(self) -> Iterator[DomainNames]:
        for (host, alias, shared), rows in groupby(self._rows(_NAMES, ()), key=lambda row: row[:3]):
            yield DomainNames(Domain(host, alias, bool(shared)), tuple(name for *_, name in rows if name is not None))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._cursor = None
        self._forget()
        self._data_version = -1

    def _load_list(self, mail_host: str, name: str) -> MailingList | None:
        rows = self._rows(_LIST, (mail_host, name))
        if not rows:
            return None
        if len(self._lists) >= _MAX_LISTS:
            self._forget_lists()
        try:
            mailing_list = self._lists[mail_host, name] = _mailing_list(*rows[0][1:])
        except (ValueError, TypeError) as error:
            raise RecordTrouble(f"{self._path}: the list {name}@{mail_host}: {error}") from error
        self._keys[mailing_list.fqdn_listname] = rows[0][0]
        return mailing_list

    def _load_key(self, fqdn_listname: str) -> int:
        """The list's key in the file, _NO_LIST where there is no such list."""
        list_name, _, mail_host = fqdn_listname.rpartition("@")
        rows = self._rows(_LIST_KEY, (mail_host, list_name))
        if len(self._keys) >= _MAX_LISTS:
            self._forget_lists()
        key = self._keys[fqdn_listname] = int(rows[0][0]) if rows else _NO_LIST
        return key

    def _load_bans(self) -> _Bans:
        patterns: dict[int, tuple[str, ...]] = {}
        for text, key in self._rows(_BAN_PATTERNS, ()):
            patterns[key] = (*patterns.get(key, ()), text)
        self._bans = _Bans(bool(self._rows(_ANY_EXACT_BAN, ())[0][0]), patterns)
        return self._bans

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if (cursor := self._cursor) is None:
            raise DirectoryTrouble(f"{self._path}: asked outside a snapshot")
        try:
            return cursor.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _require_cursor(self) -> sqlite3.Cursor:
        if self._cursor is None:
            raise DirectoryTrouble(f"{self._path}: asked outside a snapshot")
        return self._cursor

    def _look_at_file(self, now: float) -> None:
        """Open the file, or open it anew when another has taken its place."""
        stat = self._path.stat()
        identity = (stat.st_dev, stat.st_ino)
        if self._cursor is None or identity != self._identity:
            self.close()
            self._open()
            self._identity = identity
        self._looked_at = now

    def _open(self) -> None:
        # mode=rw makes no file where there is none; without the right to write, SQLite opens it read only.
        self._connection = sqlite3.connect(
            f"file:{quote(str(self._path.absolute()))}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        cursor = self._connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        tables = {name for (name,) in cursor.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not tables:
            raise sqlite3.DatabaseError("this is no store of gatepost's: run gatepost init")
        if "alembic_version" not in tables:
            raise sqlite3.DatabaseError("this is a database of something else, with other tables")
        found = cursor.execute("SELECT version_num FROM alembic_version").fetchall()
        if found != [(SCHEMA_VERSION,)]:
            self._connection.close()
            self._connection = None
            schema = ", ".join(str(row[0]) for row in found) or "none"
            mend = "use the newer gatepost that made it" if found and schema > SCHEMA_VERSION else "run gatepost init"
            raise DirectoryTrouble(f"{self._path}: its schema is {schema}, not {SCHEMA_VERSION}: {mend}")
        self._cursor = cursor

    def _forget(self) -> None:
        self._domains.clear()
        self._places.clear()
        self._forget_lists()
        self._bans = None

    def _forget_lists(self) -> None:
        self._lists.clear()
        self._keys.clear()

    def _trouble(self, error: Exception) -> DirectoryTrouble:
        self.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return DirectoryTrouble(f"{self._path}: {reason}")


def _mailing_list(
    list_id: str,
    name: str,
    host: str,
    accept: str,
    hold: str,
    reject: str,
    discard: str,
    nonmembers: str,
    members: str,
    emergency: int,
    max_size: int,
) -> MailingList:
    return MailingList(
        list_id=list_id,
        list_name=name,
        mail_host=host,
        accept_these_nonmembers=_patterns(accept),
        hold_these_nonmembers=_patterns(hold),
        reject_these_nonmembers=_patterns(reject),
        discard_these_nonmembers=_patterns(discard),
        default_nonmember_action=Action(nonmembers),
        default_member_action=Action(members),
        emergency=bool(emergency),
        max_message_size=int(max_size),
    )


@lru_cache(maxsize=1024)
def _known(rows: tuple[tuple[str, str | None, int], ...]) -> Known:
    """What the rows of a look-up say; there are few that differ."""
    people = tuple(
        Person(Role(role), bool(own), Action(action) if action else None) for role, action, own in rows if role != "ban"
    )
    return Known(people, tuple(str(email) for role, email, _ in rows if role == "ban"))


def _patterns(text: str) -> PatternList:
    return NO_PATTERNS if text == "[]" else pattern_list(tuple(json.loads(text)))
