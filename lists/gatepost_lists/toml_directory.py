"""A read-only directory in a TOML file, for a handful of lists that are kept by hand or by a configuration tool.

    [domains."lists.example"]
    alias_domain = "l.example"
    shared = false

    [lists."announce@lists.example"]
    members = ["anne@example.org", { address = "bart@example.org", moderation_action = "reject" }]
    nonmembers = [{ address = "cris@example.org", moderation_action = "accept" }]
    owners = ["olga@example.org"]
    bans = ["^.*@spam\\.example$"]
    default_nonmember_action = "reject"

    [site]
    bans = ["mallory@example.net"]
    linked = [["anne@example.org", "anne@work.example"]]

Attributes bear the names and have the defaults of the embedded store. A file that has changed is read again at the
next snapshot, whole; one that cannot be read is DirectoryTrouble with all that is wrong in it.
"""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType

from gatepost_lists.directory import DirectoryTrouble
from gatepost_lists.lookup import Lookup
from gatepost_lists.model import Domain, DomainNames, MailingList
from gatepost_lists.records import NOTHING_KNOWN, Known, Person
from gatepost_lists.toml_contents import Contents

# A file that was written so short a time ago may be written again without another time stamp.
_FRESH_NANOSECONDS = 100_000_000


class TomlDirectory(Lookup):
    """Lists in a TOML file. See gatepost_lists.lookup.Lookup for what the methods promise."""

    refuse_oversize = True
    blocking = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._contents: Contents | None = None

    def __enter__(self) -> TomlDirectory:
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if self._contents is None or seen != self._seen:
                self._contents = Contents(tomllib.loads(self._path.read_text("utf-8")))
                self._seen = seen if time.time_ns() - stat.st_mtime_ns > _FRESH_NANOSECONDS else None
        except OSError as error:
            raise self._trouble(error.strerror or str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._trouble(str(error)) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to let go of: what was read stays until the file changes."""

    def domain(self, name: str) -> Domain | None:
        return self._read().domains.get(name)

    def mailing_list(self, mail_host: str, list_name: str) -> MailingList | None:
        return self._read().lists.get(f"{list_name}@{mail_host}")

    def known(self, fqdn_listname: str, email: str) -> Known:
        contents = self._read()
        people = [
            Person(role, other == email, on_list[other])
            for role, on_list in contents.people.get(fqdn_listname, {}).items()
            for other in (email, *self.linked(email))
            if other in on_list
        ]
        bans = [
            email for bans in (contents.everywhere, contents.bans.get(fqdn_listname)) if bans and email in bans.exact
        ]
        return Known(people, bans) if people or bans else NOTHING_KNOWN

    def ban_patterns(self, fqdn_listname: str) -> tuple[str, ...]:
        contents = self._read()
        return contents.everywhere.patterns + contents.bans[fqdn_listname].patterns

    def linked(self, email: str) -> Collection[str]:
        return [other for other in self._read().linked.get(email, ()) if other != email]

    def names(self) -> Iterator[DomainNames]:
        contents = self._read()
        lists: dict[str, list[str]] = {}
        for mailing_list in contents.lists.values():
            lists.setdefault(mailing_list.mail_host, []).append(mailing_list.list_name)
        domains = {domain.mail_host: domain for domain in contents.domains.values()}  # an alias is a key as well
        return (DomainNames(domains[host], tuple(sorted(lists.get(host, ())))) for host in sorted(domains))

    def close(self) -> None:
        self._contents = self._seen = None

    def _read(self) -> Contents:
        if self._contents is None:
            raise self._trouble("asked outside a snapshot")
        return self._contents

    def _trouble(self, reason: str) -> DirectoryTrouble:
        self.close()
        return DirectoryTrouble(f"{self._path}: {reason}")
