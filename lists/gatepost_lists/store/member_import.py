"""Putting very many addresses on a list: read as a stream, written set by set, in one transaction.

What cannot be read is refused line by line, and the rest goes in. Nothing is kept of what has been written, so that
memory does not grow with the file; the transaction begins with the first full set, so that a slow pipe holds no lock
while it has said nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.model import Role
from gatepost_lists.store import mailinglists, members, people
from gatepost_lists.store.changes import Imported, Refused
from gatepost_lists.store.lines import Line, Person, read_lines

# Lines to a set: large enough for the statements to pay, small enough to need a few megabytes.
SET_SIZE = 20_000
_EMAIL = itemgetter(0)


@dataclass
class _Tally:
    """What has come of the lines so far."""

    on_refused: Callable[[Refused], None]
    new: int = 0
    changed: int = 0
    refused: int = 0
    read: int = 0
    persons: list[Person] = field(default_factory=list)

    def take(self, lines: Iterable[Line]) -> bool:
        """Read a set of lines into `persons`; False when there were none left."""
        self.persons = []
        last = 0
        for number, person, text, why in lines:
            last = number
            if person is not None:
                self.persons.append(person)
            else:
                self.refused += 1
                self.on_refused(Refused(number, text, why))
        self.read += len(self.persons)
        return last > 0


def import_members(
    begin: Callable[[], AbstractContextManager[sa.Connection]],
    mailing_list: str,
    lines: Iterable[bytes],
    role: Role,
    action: str | None,
    on_refused: Callable[[Refused], None],
) -> Imported:
    """Put everybody whom the lines name on the list, in a transaction that `begin` opens.

    Raises NotFoundError for an unknown list, BadValueError for an unknown action.
    """
    kept = checks.moderation(action)
    tally, source = _Tally(on_refused), read_lines(lines)
    more = tally.take(islice(source, SET_SIZE))
    with begin() as connection:
        key = mailinglists.find(connection, mailing_list)["id"]
        while more:
            _write(connection, tally, {"list": key, "role_": role, "action": kept}, action is not None)
            more = tally.take(islice(source, SET_SIZE))
    return Imported(tally.new, tally.read - tally.new, tally.changed, tally.refused)


def _write(connection: sa.Connection, tally: _Tally, shared: dict[str, object], set_action: bool) -> None:
    if not tally.persons:
        return
    # In the order of the index that they go into: neighbours share its pages. Of two equals the first one counts.
    tally.persons.sort(key=_EMAIL)
    people.ensure(connection, [person._asdict() for person in tally.persons])
    rows = [{"email": person.email, **shared} for person in tally.persons]
    counting = connection.execution_options(preserve_rowcount=True)
    if set_action:
        tally.changed += counting.execute(members.SET_ACTION, rows).rowcount
    tally.new += counting.execute(members.INSERT_NEW, rows).rowcount


def encoded(lines: Iterable[bytes | str]) -> Iterator[bytes]:
    """Lines as the octets that an import reads."""
    return (line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape") for line in lines)
