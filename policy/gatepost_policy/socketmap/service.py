"""The live tables between the wire and the bench: netstrings in, replies out.

Requests that came together are answered from one snapshot of the directory. `verdict` has a log line and a count for
each question, as at every door. The other tables have neither: a mail server asks them several times a recipient, and
they judge nobody. Trouble of ours is TEMP, whatever `on_trouble` says, and is told in the log until it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from gatepost_lists import AddressError, Asked, Bench, Directory, Judging, Loop, Matter, Question, Rules, Verdict
from gatepost_policy.socketmap.netstrings import netstring
from gatepost_policy.socketmap.tables import NOT_FOUND, TABLES, Site, Tables, question_of, reply_of
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from gatepost_service.record import Recorder

DOOR = "socketmap"
VERDICT = "verdict"


@dataclass(frozen=True)
class Options:
    """How the tables are to answer. timeout: seconds that a request may take to arrive."""

    judging: Judging
    site: Site
    timeout: float = 100.0


class Key(NamedTuple):
    """What one of TABLES is asked for."""

    table: str
    key: str
    site: Site

    @property
    def foreseen(self) -> tuple[tuple[Question, None]]:
        """Which list it may be about (sittings.Matter)."""
        return ((Question("", self.key), None),)

    def heard(self, directory: Directory, rules: Rules) -> bytes:
        """The table's answer."""
        try:
            return Tables(directory, rules, self.site).look_up(self.table, self.key)
        except AddressError:
            return b"PERM 553 5.1.3 the key cannot be read as an address"


def query_of(request: bytes, site: Site) -> Asked | Key | bytes:
    """What `NAME KEY` asks; the answer where no directory is needed for it."""
    table, _, key = request.decode("utf-8", "surrogateescape").partition(" ")
    if table != VERDICT and table not in TABLES:
        return b"PERM no such table"
    if table != VERDICT:
        return Key(table, key, site) if key.strip(" <>") else NOT_FOUND
    question = question_of(key)
    if question is None:
        return b"PERM expected the key SENDER | RECIPIENT" if key.strip() else NOT_FOUND
    return Asked(question)


class SocketmapService:
    """Answers socketmap requests. One for each process. loop: where the answers come that take long."""

    def __init__(self, options: Options, log: VerdictLog, tally: Tally, loop: Loop | None = None) -> None:
        self._recorder = Recorder(DOOR, log, tally)
        self._bench = Bench(options.judging, self._recorder, loop=loop, existence=False)
        self._site = options.site

    def reload(self, options: Options) -> None:
        """Go on with new options; where they cannot be followed, all stays as it was."""
        self._bench.reload(options.judging)
        self._site = options.site

    def close(self) -> None:
        """Let go of the directory."""
        self._bench.close()

    def answer(self, requests: Sequence[bytes], since: float, then: Callable[[list[bytes]], object]) -> None:
        """Call `then` with the replies to requests that came together at `since` (time.perf_counter), in their order.

        A request is `NAME KEY`, without its netstring; a reply is a netstring. At once, or in the loop where the lists
        are asked over a network. Never raises.
        """
        queries = [query_of(request, self._site) for request in requests]
        matters: list[Matter[bytes | Verdict]] = [query for query in queries if not isinstance(query, bytes)]

        def go_on(findings: list[bytes | Verdict]) -> None:
            found, seconds = iter(findings), perf_counter() - since
            answers = [each if isinstance(each, bytes) else self._told(each, next(found), seconds) for each in queries]
            then([netstring(answer) for answer in answers])

        self._bench.look_up(matters, go_on)

    def _told(self, query: Asked | Key, found: bytes | Verdict, seconds: float) -> bytes:
        """The answer; a verdict is written down, and trouble and its end are told at every table."""
        if isinstance(found, bytes):
            if found.startswith(b"OK "):
                self._recorder.tell_recovery()
            return found
        if isinstance(query, Asked):
            return reply_of(self._bench.rule(query, found, seconds).told)
        self._recorder.tell_trouble(found.why)
        return reply_of(found)
