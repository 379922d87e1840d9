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
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from gatepost_lists.addresses import Address
from gatepost_lists.directory import DirectoryTrouble
from gatepost_lists.model import NOWHERE, DomainNames, MailingList, Place, Standing
from gatepost_lists.subaddresses import readings
from gatepost_lists.toml_contents import Contents

# A file that was written so short a time ago may be written again without another time stamp.
_FRESH_NANOSECONDS = 100_000_000


class TomlDirectory:
    """Lists in a TOML file. See gatepost_lists.directory.Directory for what the methods promise."""

    refuse_oversize = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._contents: Contents | None = None

    def snapshot(self) -> TomlDirectory:
        return self

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

    def find(self, recipient: Address) -> Place:
        contents = self._read()
        domain = contents.domains.get(recipient.domain)
        if domain is None:
            return NOWHERE
        for name, subaddress, extension in readings(recipient):
            if mailing_list := contents.lists.get(f"{name}@{domain.mail_host}"):
                return Place(domain, mailing_list, subaddress, extension)
        return Place(domain)

    def standing(self, mailing_list: MailingList, senders: tuple[str, ...]) -> Standing:
        contents, name = self._read(), mailing_list.fqdn_listname
        members, nonmembers = contents.members[name], contents.nonmembers[name]
        bans = (contents.everywhere.find(email) or contents.bans[name].find(email) for email in senders)
        known = ((email, other) for email in senders for other in (email, *contents.linked.get(email, ())))
        found = next(((email, other) for email, other in known if other in members), None)
        return Standing(
            banned=next(filter(None, bans), ""),
            member=found is not None,
            linked=found is not None and found[0] != found[1],
            member_action=members[found[1]] if found else None,
            nonmember_action=next((action for email in senders if (action := nonmembers.get(email))), None),
        )

    def is_member(self, fqdn_listname: str, senders: tuple[str, ...]) -> bool:
        members = self._read().members.get(fqdn_listname, {})
        return any(sender in members for sender in senders)

    def is_linked(self, email: str, others: tuple[str, ...]) -> bool:
        return not set(self._read().linked.get(email, ())).isdisjoint(others)

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
