"""The engine for `sqlite:///RELATIVE` and `sqlite:////ABSOLUTE`: one file, with its log and the list of its holders."""

from __future__ import annotations

from pathlib import Path

from gatepost_queue.errors import NoEngine
from gatepost_queue.queue import Machine, Told
from gatepost_queue.sqlite import versions
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from gatepost_queue.sqlite.schema_version import SCHEMA_VERSION, VERSION_TABLE

_NEWEST = "SELECT max(received) FROM message"
_SCHEMA = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant


class SqliteEngine:
    """A queue in a file (gatepost_queue.Engine). Raises NoEngine for a URL without a path."""

    schema = SCHEMA_VERSION

    def __init__(self, url: str) -> None:
        _, _, path = url.partition(":///")
        if not path:
            raise NoEngine("a queue in SQLite needs the path of its file", "use sqlite:///PATH")
        self._path = Path(path)
        self.name = path
        self.files = (self._path,)
        self.folders = (self._path.parent,)
        self.spool = str(self._path.parent)

    def open(self) -> SqliteQueue:
        return SqliteQueue(self._path)

    def open_desk(self) -> SqliteDesk:
        return SqliteDesk(self._path)

    def create(self) -> bool:
        return versions.create(self._path)

    def make_ready(self) -> bool:
        return versions.make_ready(self._path)

    def examine(self, machine: Machine) -> Told:
        try:
            machine.stat(self._path)
        except FileNotFoundError:
            return Told("wrong", f"{self.name}: there is no queue", "gatepost init")
        rows = machine.query(self._path, _SCHEMA)
        found = str(rows[0][0]) if rows else "none"
        if found > SCHEMA_VERSION:
            text = f"{self.name}: its schema is {found}, and known here is {SCHEMA_VERSION}"
            return Told("wrong", text, "use the newer gatepost that made it")
        if found != SCHEMA_VERSION:
            text = f"{self.name}: its schema is {found}; the receiver brings it to {SCHEMA_VERSION} when it starts"
            return Told("note", text)
        return Told("ok", f"{self.name}: schema {found}")

    def newest(self, machine: Machine) -> float:
        rows = machine.query(self._path, _NEWEST)
        return next((float(value) for (value,) in rows if isinstance(value, int | float)), 0.0)
