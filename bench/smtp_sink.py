"""Postfix's smtp-sink, which takes all mail and throws it away, and counts what it has taken.

Rules: Debian's package is unpacked below bench/out. smtp-sink writes its counters to a file whenever a message has
come to its end, and says nothing about recipients: those are counted by whoever sends.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.debian import unpack
from bench.processes import free_port, serving
from bench.programs import OUT

_ROOT = OUT / "postfix"
# As whom it runs where the bench is run by root: it insists on somebody else.
_USER = "nobody"
_BACKLOG = "100"
# More than one line of the counters: "sess=0 quit=0 mesg=0\r".
_TAIL = 200


@dataclass(frozen=True)
class SmtpSink:
    """A running smtp-sink on 127.0.0.1:port; `counters` is the file that it writes to."""

    port: int
    counters: Path

    def messages(self) -> int:
        """How many messages have come in so far."""
        with self.counters.open("rb") as lines:
            lines.seek(max(0, lines.seek(0, os.SEEK_END) - _TAIL))
            found: list[bytes] = re.findall(rb"mesg=(\d+)\r", lines.read())
        return int(found[-1]) if found else 0


def fetch() -> None:
    """Fetch and unpack the packages, unless that has been done. Raises BenchError where it cannot be."""
    unpack(("postfix",), _ROOT)


@contextlib.contextmanager
def smtp_sink(folder: Path) -> Iterator[SmtpSink]:
    """A sink of one's own, with its file in `folder`, which is made."""
    folder.mkdir()
    port, counters = free_port(), folder / "counters"
    as_user = ("-u", _USER) if os.geteuid() == 0 else ()
    command = (_ROOT / "usr/sbin/smtp-sink", "-c", *as_user, f"127.0.0.1:{port}", _BACKLOG)
    libraries = ":".join(map(str, (_ROOT / "usr/lib/postfix", *_ROOT.glob("usr/lib/*-linux-gnu*"))))
    with serving(command, port, counters, os.environ | {"LD_LIBRARY_PATH": libraries}):
        yield SmtpSink(port, counters)
