"""qmail-local's part: the environment, the choice of the .qmail file, its commands, their exit codes.

As dot-qmail(5) and qmail-command(8) have it: the message is on standard input, a file with LF line ends, read from its
beginning by each command; the commands run in the user's home by the shell.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BOUNCE = {100, 64, 65, 70, 76, 77, 78, 112}


class Result(NamedTuple):
    """The exit code of the command, what it printed, and what qmail makes of both: `sent`, `bounced`, `waits`."""

    code: int
    output: str

    @property
    def outcome(self) -> str:
        return "sent" if self.code in {0, 99} else "bounced" if self.code in BOUNCE else "waits"


def environment(user: str, ext: str, host: str, sender: str, local: str | None = None) -> dict[str, str]:
    """What the commands get for mail to `user-ext@host`; local: where the local part is another."""
    local = f"{user}-{ext}" if local is None else local
    rests = [ext]
    for _ in range(3):
        rests.append(rests[-1].partition("-")[2])
    return {
        "PATH": os.environ["PATH"],
        "USER": user,
        "LOCAL": local,
        "HOST": host,
        "RECIPIENT": f"{local}@{host}",
        "SENDER": sender,
        "NEWSENDER": sender,
        **dict(zip(("EXT", "EXT2", "EXT3", "EXT4"), rests, strict=True)),
        "RPLINE": f"Return-Path: <{sender}>\n",
        "DTLINE": f"Delivered-To: {local}@{host}\n",
    }


def deliver(home: Path, environment: dict[str, str], message: bytes) -> Result:
    """Do what the .qmail file for EXT says, as far as its commands go; Result(100) where there is none."""
    file, default = _dot_qmail(home, environment["EXT"])
    if file is None:
        return Result(100, "Sorry, no mailbox here by that name. (#5.1.1)\n")
    result = Result(0, "")
    for line in file.read_text().splitlines():
        if line.startswith("|"):
            result = _run(line[1:], home, {**environment, "HOME": str(home), **default}, message)
            if result.outcome != "sent":
                return result
    return result


def _dot_qmail(home: Path, ext: str) -> tuple[Path | None, dict[str, str]]:
    name = ext.lower().replace(".", ":")
    if (home / f".qmail-{name}").exists():
        return home / f".qmail-{name}", {}
    for at in _behind_dashes(name):
        if (home / f".qmail-{name[:at]}default").exists():
            return home / f".qmail-{name[:at]}default", {"DEFAULT": ext[at:]}
    return None, {}


def _behind_dashes(name: str) -> Iterator[int]:
    yield from (at for at in range(len(name), 0, -1) if name[at - 1] == "-")
    yield 0


def _run(command: str, home: Path, environment: dict[str, str], message: bytes) -> Result:
    with tempfile.TemporaryFile() as file:
        file.write(message)
        file.seek(0)
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=environment,
            umask=0o077,
            check=False,
        )
    return Result(done.returncode, done.stdout.decode("utf-8", "backslashreplace"))
