"""The live tables between the wire and the directory: netstrings in, replies out.

Requests that came together are answered from one snapshot of the directory. `verdict` has a log line and a count for
each question, as at every door. The other tables have neither: a mail server asks them several times a recipient, and
they judge nobody. Trouble of ours is TEMP, whatever `on_trouble` says, and is told in the log until it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from gatepost_lists import AddressError, DirectoryTrouble, Judging, Question, Verdict, cannot_tell, judge_one, soften
from gatepost_lists.directory import RecordTrouble
from gatepost_policy.socketmap.netstrings import netstring
from gatepost_policy.socketmap.tables import NOT_FOUND, TABLES, Site, Tables, question_of, reply_of
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally
from gatepost_service.record import Recorder

DOOR = "socketmap"
VERDICT = "verdict"

_log = get_logger(DOOR)


@dataclass(frozen=True)
class Options:
    """How the tables are to answer. timeout: seconds that a request may take to arrive."""

    judging: Judging
    site: Site
    timeout: float = 100.0


class Query(NamedTuple):
    """A request for which the directory is needed. question: what `verdict` puts to the judge; None at other tables."""

    table: str
    key: str
    question: Question | None = None


# What came of a query: the answer, or a verdict: on the question, or of trouble at any table.
Found = bytes | Verdict


def query_of(request: bytes) -> Query | bytes:
    """What `NAME KEY` asks; the answer where no directory is needed for it."""
    table, _, key = request.decode("utf-8", "surrogateescape").partition(" ")
    if table != VERDICT and table not in TABLES:
        return b"PERM no such table"
    if table != VERDICT:
        return Query(table, key) if key.strip(" <>") else NOT_FOUND
    question = question_of(key)
    if question is None:
        return b"PERM expected the key SENDER | RECIPIENT" if key.strip() else NOT_FOUND
    return Query(table, key, question)


class SocketmapService:
    """Answers socketmap requests. One for each process; it holds the directory."""

    def __init__(self, options: Options, log: VerdictLog, tally: Tally) -> None:
        self._recorder = Recorder(DOOR, log, tally)
        self._take(options)

    def _take(self, options: Options) -> None:
        self._directory = options.judging.open_directory()
        self._options = options
        self._tables = Tables(self._directory, options.judging.rules, options.site)
        self._recorder.log_verdicts = options.judging.log_verdicts

    def reload(self, options: Options) -> None:
        """Go on with new options and a directory opened anew; without one, all stays as it was."""
        before = self._directory
        self._take(options)
        before.close()

    def close(self) -> None:
        """Let go of the directory."""
        self._directory.close()

    def answer(self, requests: Sequence[bytes], since: float) -> list[bytes]:
        """The replies to requests that came together at `since` (time.perf_counter), in their order. Never raises.

        A request is `NAME KEY`, without its netstring; a reply is a netstring.
        """
        queries = [query_of(request) for request in requests]
        try:
            with self._directory.snapshot():
                found = [query if isinstance(query, bytes) else self._look_up(query) for query in queries]
        except DirectoryTrouble as trouble:
            found = [query if isinstance(query, bytes) else cannot_tell(str(trouble)) for query in queries]
        seconds = perf_counter() - since
        return [netstring(self._told(*each, seconds)) for each in zip(queries, found, strict=True)]

    def _look_up(self, query: Query) -> Found:
        try:
            if query.question is not None:
                return judge_one(query.question, self._directory, self._options.judging.rules)
            return self._tables.look_up(query.table, query.key)
        except AddressError:
            return b"PERM 553 5.1.3 the key cannot be read as an address"
        except RecordTrouble as trouble:
            return cannot_tell(str(trouble))
        except DirectoryTrouble:
            raise  # nothing more can be asked of this snapshot
        except Exception as error:  # trouble of ours is temporary to the mail server, whatever it is
            _log.exception("the look-up failed")
            return cannot_tell(f"{type(error).__name__}: {error}")

    def _told(self, query: Query | bytes, found: Found, seconds: float) -> bytes:
        """Log and count a verdict, tell of trouble and of its end; answer what the mode lets us say."""
        if isinstance(found, bytes):
            if found.startswith(b"OK "):
                self._recorder.tell_recovery()
            return found
        if isinstance(query, Query) and query.question is not None:
            question = query.question
            self._recorder.record(found, "", question.sender, question.recipient, seconds, "")
        else:
            self._recorder.tell_trouble(found.why)
        return reply_of(soften(found, observe=self._options.judging.observe, accept_trouble=False, existence=False))
