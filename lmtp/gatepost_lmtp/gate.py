"""The receiver between the wire and the bench: who is accepted at RCPT, and who still is when the message is there.

Answers come at once, or later in the event loop where the lists are asked over a network. Nothing here raises: trouble
of ours is a temporary answer, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from time import perf_counter
from typing import NamedTuple

from gatepost_lists import (
    Action,
    Answer,
    Asked,
    Bench,
    Directory,
    Headers,
    Judging,
    Loop,
    Place,
    Posting,
    Question,
    Rules,
    Ruling,
    Stage,
    Verdict,
    locate,
    moderate_one,
)
from gatepost_lmtp.entries import Destination
from gatepost_lmtp.full_lists import NO_LIMITS, Limits
from gatepost_queue import Queue
from gatepost_service.log import VerdictLog
from gatepost_service.metrics import Tally
from gatepost_service.record import Lines, Recorder

DOOR = "lmtp"

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


class _Destinations(NamedTuple):
    """Where the mail for these recipients goes, or why it cannot go there any more, or now.

    full: lists, by their list_id, that have as much held mail as they may have.
    """

    asker: Asker
    recipients: Sequence[Recipient]
    headers: Headers
    full: frozenset[str]

    @property
    def foreseen(self) -> list[tuple[Question, Headers]]:
        return [(Question(self.asker.sender, one.address), self.headers) for one in self.recipients]

    def heard(self, directory: Directory, rules: Rules) -> list[Destination | Verdict]:
        places = [locate(recipient.address, directory, rules.origin).place for recipient in self.recipients]
        pairs = zip(self.recipients, places, strict=True)
        return [self._destination(recipient.address, place, directory, rules) for recipient, place in pairs]

    def _destination(self, address: str, place: Place, directory: Directory, rules: Rules) -> Destination | Verdict:
        mailing_list = place.mailing_list
        if mailing_list is None:
            return _GONE
        if not place.subaddress and mailing_list.list_id in self.full:
            posting = Posting.received(self.asker.sender, self.headers, self.asker.size, directory, rules)
            if moderate_one(posting, mailing_list, directory, rules).action is Action.HOLD:
                return _FULL._replace(mailing_list=mailing_list.fqdn_listname)
        return Destination(mailing_list.list_id, place.subaddress, place.extension, address)


class Gate:
    """Judges for all connections of one process."""

    def __init__(
        self,
        options: Options,
        log: VerdictLog,
        tally: Tally,
        full_lists: Callable[[], frozenset[str]] = frozenset,
        loop: Loop | None = None,
    ) -> None:
        """full_lists: by their list_ids, those that have as much held mail as they may have. loop: of the answers."""
        self._options = options
        self._full_lists = full_lists
        self._recorder = Recorder(DOOR, log, tally)
        self._bench = Bench(_judging_of(options), self._recorder, loop=loop, existence=False)

    def reload(self, options: Options) -> None:
        """Go on with new options; where they cannot be followed, all stays as it was."""
        self._bench.reload(_judging_of(options))
        self._options = options

    def close(self) -> None:
        """Let go of the directory."""
        self._bench.close()

    def rcpt(self, asker: Asker, address: str, then: Callable[[Ruling], object]) -> None:
        """What is told at RCPT, and what was found: they differ where the mode softens it or the headers may."""
        at_headers = self._options.at_headers
        question = Question(asker.sender, address, asker.size, Stage.RCPT, asker.client, headers_follow=at_headers)

        def go_on(rulings: list[Ruling]) -> None:
            [ruling] = rulings
            then(Ruling(_ACCEPTED, ruling.found) if at_headers and ruling.found.may_not_post else ruling)

        self._bench.ask([Asked(question, asker.trace, asker.lines)], go_on)

    def vrfy(self, asker: Asker, address: str, then: Callable[[Verdict], object]) -> None:
        """Whether an address exists, which is all that VRFY asks."""
        question = Question("", address, client=asker.client)
        self._bench.ask([Asked(question, asker.trace, asker.lines)], lambda rulings: then(rulings[0].found))

    def ended(self, lines: Lines) -> None:
        """A connection has ended, whose lines these were."""
        self._recorder.sum_up(lines)

    def data(
        self, asker: Asker, recipients: Sequence[Recipient], headers: Headers, then: Callable[[list[Verdict]], object]
    ) -> None:
        """What is told to each recipient when the message is there. asker.size is the true one."""

        def go_on(rulings: list[Ruling]) -> None:
            told = iter(rulings)
            then([each.verdict if each.verdict.subaddress else next(told).told for each in recipients])

        again = [each for each in recipients if not each.verdict.subaddress]
        self._bench.ask([self._asked_again(asker, recipient, headers) for recipient in again], go_on)

    def _asked_again(self, asker: Asker, recipient: Recipient, headers: Headers) -> Asked:
        question = Question(asker.sender, recipient.address, asker.size, Stage.DATA, asker.client)
        by_headers, before = self._options.at_headers, recipient.verdict
        return Asked(question, asker.trace, asker.lines, headers, by_headers=by_headers, before=before)

    def destinations(
        self,
        asker: Asker,
        recipients: Sequence[Recipient],
        headers: Headers,
        then: Callable[[list[Destination | Verdict]], object],
    ) -> None:
        """Where the mail for each accepted recipient goes, or why it cannot go there any more, or now."""
        since = perf_counter()

        def go_on(findings: list[list[Destination | Verdict] | Verdict]) -> None:
            [found] = findings
            places = list[Destination | Verdict](found if isinstance(found, list) else [found] * len(recipients))
            seconds = perf_counter() - since
            for recipient, place in zip(recipients, places, strict=True):
                if isinstance(place, Verdict) and place.test == _FULL.test:
                    asked = self._asked_again(asker, recipient, headers)
                    self._bench.rule(asked, place, seconds)
            then(places)

        self._bench.look_up([_Destinations(asker, recipients, headers, self._full_lists())], go_on)


def _judging_of(options: Options) -> Judging:
    """The site's; without sender tests everybody is a probe, who is told no more than whether the address exists."""
    if options.sender_tests:
        return options.judging
    return replace(options.judging, rules=replace(options.judging.rules, probe_senders=("*",)))
