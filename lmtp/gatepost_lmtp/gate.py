"""The receiver between the wire and the judge: who is accepted at RCPT, and who still is when the message is there.

Each verdict has a log line and a count. Nothing here raises: trouble of ours is a temporary answer, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from time import perf_counter
from typing import NamedTuple

from gatepost_lists import (
    Action,
    Answer,
    DirectoryTrouble,
    Headers,
    Judging,
    Place,
    Question,
    Stage,
    Verdict,
    cannot_tell,
    judge,
    judge_with_headers,
    locate,
    soften,
)
from gatepost_lists.moderation import Posting, moderate
from gatepost_lmtp.entries import Destination
from gatepost_lmtp.full_lists import NO_LIMITS, Limits
from gatepost_queue import Queue
from gatepost_service.log import VerdictLog, get_logger
from gatepost_service.metrics import Tally
from gatepost_service.record import Lines, Recorder

DOOR = "lmtp"
# The status of the refusals that depend on who the sender is, which the headers may change.
MAY_NOT_POST = "5.7.2"

_ACCEPTED = Verdict(Answer.ACCEPT, 250, "2.1.5", "recipient ok")
_GONE = Verdict(Answer.REJECT, 550, "5.1.1", "no such mailing list", "list-known", why="no list has this name any more")
_FULL = Verdict(
    Answer.DEFER,
    452,
    "4.2.2",
    "too much mail waits for this list's moderators, try again later",
    "max-held",
    why="it would be held, and the list has as much held mail as it may have",
)

_log = get_logger(DOOR)


@dataclass(frozen=True)
class Options:
    """How the receiver is to judge, answer and keep.

    judging: of it, accept_trouble counts for nothing here, for mail with nowhere to go is never taken. open_queue:
    makes the engine. hostname: what the receiver calls itself; owner: the site's. at_headers: a recipient whose
    envelope sender may not post waits for the headers. sender_tests: off, RCPT asks only whether the address exists.
    max_*: limits of a message in octets, of its recipients, of the connections of one process, of a list's held mail.
    xforward: networks whose XFORWARD is believed. deduplicate: queue once what is sent again after a lost reply.
    spool_folder: for messages that are not kept in memory while they come in; None is the system's. timeout: seconds
    that a client may be silent.
    """

    judging: Judging
    open_queue: Callable[[], Queue]
    hostname: str
    owner: str
    at_headers: bool = False
    sender_tests: bool = True
    max_message_octets: int = 33_554_432
    max_recipients: int = 1000
    max_connections: int = 1000
    xforward: Sequence[IPv4Network | IPv6Network] = field(default=())
    deduplicate: bool = True
    spool_folder: str | None = None
    timeout: float = 300.0
    max_held: Limits = NO_LIMITS


class Asker(NamedTuple):
    """Who hands mail in: the envelope sender, the announced size in octets (0 for none), the client, the trace id.

    lines: how many log lines the connection may still have.
    """

    sender: str
    size: int
    client: str
    trace: str
    lines: Lines | None = None


NOBODY = Asker("", 0, "", "")


class Recipient(NamedTuple):
    """An accepted recipient, as the client named it, and the verdict on it: a refusal if it waits for the headers."""

    address: str
    verdict: Verdict


class Gate:
    """Judges for all connections of one process; it holds the directory."""

    def __init__(
        self, options: Options, log: VerdictLog, tally: Tally, is_full: Callable[[str], bool] = lambda _: False
    ) -> None:
        """`is_full`: whether a list, by its list_id, has as much held mail as it may have."""
        self._options = options
        self._directory = options.judging.open_directory()
        self._is_full = is_full
        self._recorder = Recorder(DOOR, log, tally, log_verdicts=options.judging.log_verdicts)

    def reload(self, options: Options) -> None:
        """Go on with new options and a directory opened anew; without one, all stays as it was."""
        directory = options.judging.open_directory()
        self._directory.close()
        self._directory = directory
        self._options = options
        self._recorder.log_verdicts = options.judging.log_verdicts

    def close(self) -> None:
        """Let go of the directory."""
        self._directory.close()

    def rcpt(self, asker: Asker, address: str) -> tuple[Verdict, Verdict]:
        """What is told at RCPT, and what was found: they differ where the mode softens it or the headers may."""
        asks_all = self._options.sender_tests
        sender, at_headers = asker.sender if asks_all else "", self._options.at_headers
        question = Question(sender, address, asker.size, Stage.RCPT, asker.client, headers_follow=at_headers)
        since = perf_counter()
        found = self._judged(question, None)
        self._record(found, asker, address, since)
        if found.answer is not Answer.REJECT:
            return found, found
        if at_headers and found.status == MAY_NOT_POST:
            return _ACCEPTED, found
        return self._softened(found), found

    def vrfy(self, asker: Asker, address: str) -> Verdict:
        """Whether an address exists, which is all that VRFY asks."""
        since = perf_counter()
        found = self._judged(Question("", address, 0, Stage.RCPT, asker.client), None)
        self._record(found, asker, address, since)
        return found

    def ended(self, lines: Lines) -> None:
        """A connection has ended, whose lines these were."""
        self._recorder.sum_up(lines)

    def data(self, asker: Asker, recipients: Sequence[Recipient], headers: Headers) -> list[Verdict]:
        """What is told to each recipient when the message is there. asker.size is the true one."""
        return [self._after_data(asker, recipient, headers) for recipient in recipients]

    def _after_data(self, asker: Asker, recipient: Recipient, headers: Headers) -> Verdict:
        before = recipient.verdict
        if before.subaddress:
            return before
        since = perf_counter()
        question = Question(asker.sender, recipient.address, asker.size, Stage.DATA, asker.client)
        found = self._judged(question, headers)
        if (found.answer, found.test) != (before.answer, before.test):
            self._record(found, asker, recipient.address, since)
        if found.answer is not Answer.REJECT or found.test == "loop":
            return found
        return self._softened(found)

    def destinations(
        self, asker: Asker, recipients: Sequence[Recipient], headers: Headers
    ) -> list[Destination | Verdict]:
        """Where the mail for each accepted recipient goes, or why it cannot go there any more, or now."""
        try:
            with self._directory.snapshot():
                places = [self._place(recipient.address) for recipient in recipients]
            pairs = zip(recipients, places, strict=True)
            return [self._destination(asker, recipient.address, place, headers) for recipient, place in pairs]
        except Exception as error:  # as in _judged
            verdict = self._trouble(error)
            return [verdict] * len(recipients)

    def _place(self, address: str) -> Place:
        return locate(address, self._directory, self._options.judging.rules.origin).place

    def _destination(self, asker: Asker, address: str, place: Place, headers: Headers) -> Destination | Verdict:
        mailing_list = place.mailing_list
        if mailing_list is None:
            return _GONE
        since = perf_counter()
        if not place.subaddress and self._is_full(mailing_list.list_id):
            rules = self._options.judging.rules
            with self._directory.snapshot():
                posting = Posting.received(asker.sender, headers, asker.size, self._directory, rules)
            if moderate(posting, mailing_list, self._directory, rules).action is Action.HOLD:
                full = _FULL._replace(mailing_list=mailing_list.fqdn_listname)
                self._record(full, asker, address, since)
                return full
        return Destination(mailing_list.list_id, place.subaddress, place.extension, address)

    def _judged(self, question: Question, headers: Headers | None) -> Verdict:
        try:
            if headers is None:
                return judge(question, self._directory, self._options.judging.rules)
            rules, by_headers = self._options.judging.rules, self._options.at_headers
            return judge_with_headers(question, headers, self._directory, rules, by_headers=by_headers)
        except Exception as error:  # trouble of ours is temporary to the mail server, whatever it is
            return self._trouble(error)

    def _trouble(self, error: Exception) -> Verdict:
        if isinstance(error, DirectoryTrouble):
            return cannot_tell(str(error))
        _log.error("the judge failed", exc_info=error)
        return cannot_tell(f"{type(error).__name__}: {error}")

    def _softened(self, verdict: Verdict) -> Verdict:
        """Only sender tests are softened: mail with nowhere to go is never taken."""
        return soften(verdict, observe=self._options.judging.observe, accept_trouble=False, existence=False)

    def _record(self, verdict: Verdict, asker: Asker, address: str, since: float) -> None:
        seconds = perf_counter() - since
        self._recorder.record(verdict, asker.client, asker.sender, address, seconds, asker.trace, asker.lines)
