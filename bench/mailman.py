"""GNU Mailman's own LMTP runner, beside which the receiver is measured, and its outgoing one, beside which delivery is.

Rules: Mailman gets a virtual environment of its own below bench/out. Mailman itself makes its database and one list;
the other lists, and the members, are rows like those that it would have written, which would take it an hour. Of its
processes the runner that is measured is started, and no other: the LMTP runner's queues fill, as gatepost's do.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import free_port, serving, working
from bench.programs import OUT, BenchError
from bench.stores import DOMAIN, Shape

# It does not work with SQLAlchemy 2.1.
_REQUIREMENTS = ("mailman==3.3.10", "sqlalchemy<2.1")
_ROOT = OUT / "mailman"
_STAMP = _ROOT / "installed"
_CONFIGURATION = """\
[mailman]
site_owner: postmaster@{domain}
layout: here
[paths.here]
var_dir: {folder}/var
[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:///{folder}/mailman.db
[mta]
incoming: mailman.mta.null.NullMTA
{mta}
"""
# MemberRole.member.
_MEMBER = 1


def install() -> None:
    """Make the virtual environment, unless it is there. Raises BenchError where that fails."""
    if _STAMP.exists():
        return
    for command in ((sys.executable, "-m", "venv", "--clear", _ROOT), (_ROOT / "bin/pip", "install", *_REQUIREMENTS)):
        _run(*command)
    _STAMP.touch()


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def lmtp_runner(folder: Path, shape: Shape) -> Iterator[str]:
    """The runner with its files in `folder`, on a database of this shape; yields its address."""
    port = free_port()
    configuration = _set_up(folder, shape, f"lmtp_host: 127.0.0.1\nlmtp_port: {port}")
    with serving(_runner(configuration, "lmtp"), port, folder / "stderr"):
        yield f"inet:127.0.0.1:{port}"


@dataclass(frozen=True)
class OutRunner:
    """The outgoing runner. `log` is where it says how many recipients each post had."""

    queue: Path
    log: Path

    def post(self, text: str, recipients: Sequence[str], *, verp: bool) -> None:
        """Put a post for these members of the first list into its queue, in the form that Mailman's shell commands use:
        the text, and what is to be known about it.
        """
        known = {"listid": f"list0.{DOMAIN}", "recipients": list(recipients), "verp": verp, "to_list": True}
        pickled = pickle.dumps(text, 0) + pickle.dumps(known | {"version": 3, "_parsemsg": True}, 0)
        file = self.queue / f"{time.time()!r}+{hashlib.sha1(pickled).hexdigest()}.pck"
        partial = file.with_suffix(".pck.tmp")
        partial.write_bytes(pickled)
        partial.rename(file)


@contextlib.contextmanager
def out_runner(folder: Path, shape: Shape, smtp_port: int, max_recipients: int) -> Iterator[OutRunner]:
    """The outgoing runner with its files in `folder`, sending to a mail server on this port."""
    mta = f"smtp_host: 127.0.0.1\nsmtp_port: {smtp_port}\nmax_recipients: {max_recipients}"
    configuration = _set_up(folder, shape, mta)
    with working(_runner(configuration, "out"), folder / "stderr"):
        yield OutRunner(folder / "var/queue/out", folder / "var/logs/smtp.log")


def _runner(configuration: Path, name: str) -> tuple[str | Path, ...]:
    return _ROOT / "bin/runner", "-C", configuration, f"--runner={name}:0:1"


def _set_up(folder: Path, shape: Shape, mta: str) -> Path:
    """Make `folder`, with a configuration and a database of this shape; `mta` are lines of that section."""
    folder.mkdir()
    configuration = folder / "mailman.cfg"
    configuration.write_text(_CONFIGURATION.format(domain=DOMAIN, folder=folder, mta=mta))
    create = ("create", "-d", f"list0@{DOMAIN}")
    as_root = ("--run-as-root",) if os.geteuid() == 0 else ()
    _run(_ROOT / "bin/mailman", *as_root, "-C", configuration, *create)
    _fill(folder / "mailman.db", shape)
    return configuration


def _fill(database: Path, shape: Shape) -> None:
    """More lists like the first, and the members of all: member m is on list m mod LISTS, as in gatepost's stores."""
    connection = sqlite3.connect(database)
    with contextlib.closing(connection), connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM mailinglist").fetchone())
        columns = ", ".join(row)
        places = ", ".join(f":{column}" for column in row)
        connection.executemany(
            f"INSERT INTO mailinglist ({columns}) VALUES ({places})",
            (row | _names(number) | {"id": row["id"] + number} for number in range(1, shape.lists)),
        )
        numbers = range(1, shape.memberships + 1)
        connection.executemany(
            "INSERT INTO preferences (id) VALUES (?)", ((number,) for number in range(1, 2 * shape.memberships + 1))
        )
        connection.executemany(
            "INSERT INTO address (id, email, display_name, preferences_id) VALUES (?, ?, '', ?)",
            ((number, shape.member(number - 1), 2 * number - 1) for number in numbers),
        )
        connection.executemany(
            "INSERT INTO member (id, _member_id, role, list_id, address_id, preferences_id) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (number, f"{number:032x}", _MEMBER, f"list{(number - 1) % shape.lists}.{DOMAIN}", number, 2 * number)
                for number in numbers
            ),
        )


def _names(number: int) -> dict[str, str]:
    return {"list_name": f"list{number}", "list_id": f"list{number}.{DOMAIN}"}
