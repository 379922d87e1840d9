"""The handler of out and retry: from a list to its members, from a message to the mail server.

- An entry with `to_members` becomes entries with recipients, step by step. How far it has come is kept together with
  what was made, so that a crash neither skips nor repeats anybody.
- An entry with recipients is sent, to all together or (`verp`) to each by itself. After a crash it is sent again: twice
  at most for those of the entry that was under way.
- What is tried again, or must be told of, is kept when the entry is forgotten, in one transaction.
- That the mail server refuses us, whoever a message is for, is told at each attempt in the log, and by mail
  (bounces.py).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol

from gatepost_delivery.expansion import chunks, transactions
from gatepost_delivery.follow_ups import Attempt, follow_ups
from gatepost_delivery.outgoing import Content, Kind, Outcome, prepared
from gatepost_delivery.refusals import Refusals
from gatepost_delivery.values import Done, GoOn, Later
from gatepost_lists.errors import NotFoundError
from gatepost_queue import Claimed, Entry
from gatepost_queue.metadata import OutMetadata
from gatepost_service.log import get_logger

# Members that are read, and put into the queue as recipients, in one transaction.
STEP = 5000
# So many transactions in a row that found or left no connection mean that the next would not fare better. It is not
# one, because there may be something about one recipient that ends sessions.
LOST_IN_A_ROW = 2

_log = get_logger("delivery")

# Where a member stands in the order of the store: user and address.
Key = tuple[int, int]


class Member(Protocol):
    """A recipient, as the store has it."""

    @property
    def user_id(self) -> int: ...
    @property
    def address_id(self) -> int: ...
    @property
    def email(self) -> str: ...


class Mailer(Protocol):
    """What brings a message to the mail server: a pool, or one connection."""

    def sendmail(self, sender: str, recipients: Sequence[str], message: bytes | Content) -> list[Outcome]: ...


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What the sender works with.

    recipients: a list's members behind a key, in their order, that many at most; raises NotFoundError where there is no
    such list. snapshot: what they are read within, so that they are those of one moment. max_recipients: of one
    transaction. period: seconds for which what is deferred is tried again. count: is told how many were "sent",
    "deferred", "client_refused" or "failed". refusals: shared by all that send. stopping: whether to come to an end.
    """

    recipients: Callable[[str, Key | None, int], Sequence[Member]]
    mailer: Mailer
    max_recipients: int
    period: float
    count: Callable[[str, int], object]
    refusals: Refusals = field(default_factory=Refusals)
    snapshot: Callable[[], AbstractContextManager[object]] = nullcontext
    stopping: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


class Sender:
    """Any thread may call it, where `recipients` and `mailer` allow that."""

    def __init__(self, sending: Sending) -> None:
        self._with = sending

    def __call__(self, claimed: Claimed, go_on: GoOn) -> Done | Later:
        """Deal with an entry of out or retry."""
        sent = OutMetadata.from_json(claimed.metadata)
        if not sent.to_members:
            return self._send(claimed)
        with self._with.snapshot():
            return self._expand(claimed, sent, go_on)

    def _expand(self, claimed: Claimed, sent: OutMetadata, go_on: GoOn) -> Done | Later:
        while not self._with.stopping():
            try:
                members = self._with.recipients(claimed.listid, _key(sent), STEP)
            except NotFoundError:
                _log.warning("the list has gone, and its post with it", id=claimed.trace, list=claimed.listid)
                return Done()
            entries = chunks(claimed.listid, sent, [member.email for member in members], self._with.max_recipients)
            if len(members) < STEP:
                return Done(entries=entries)
            last = members[-1]
            sent = replace(sent, after=(last.user_id, last.address_id))
            claimed = go_on(sent.to_json(), entries)
        return Later(self._with.clock(), "stopped on the way through the members")

    def _send(self, claimed: Claimed) -> Done:
        begun = self._with.clock()
        outcomes: list[Outcome] = []
        for group in self._outcomes(claimed):
            _log_transaction(claimed, group)
            outcomes += group
        outcomes = self._with.refusals.settled(outcomes)
        _log_not_sent(claimed, outcomes)
        attempt = Attempt(begun, self._with.clock(), self._with.chance())
        found = follow_ups(claimed, outcomes, attempt, self._with.period)
        for outcome in ("sent", "deferred", "client_refused", "failed"):
            if number := getattr(found, outcome):
                self._with.count(outcome, number)
        return Done(entries=found.entries + _left(claimed, len(outcomes)))

    def _outcomes(self, claimed: Claimed) -> Iterator[list[Outcome]]:
        """What each transaction comes to, in the order of the recipients; fewer than all when it is time to stop."""
        content = prepared(claimed.content)
        done = lost = 0
        for envsender, recipients in transactions(claimed, self._with.max_recipients):
            if done and self._with.stopping():
                return
            outcomes = self._with.mailer.sendmail(envsender, recipients, content)
            yield outcomes
            done += len(outcomes)
            lost = lost + 1 if outcomes[-1].lost else 0
            if lost == LOST_IN_A_ROW and done < len(claimed.recipients):
                yield [replace(outcomes[-1], recipient=each) for each in claimed.recipients[done:]]
                return


def _key(sent: OutMetadata) -> Key | None:
    return (sent.after[0], sent.after[1]) if sent.after else None


def _left(claimed: Claimed, done: int) -> tuple[Entry, ...]:
    """An entry for the recipients that have not been tried yet, as the claimed one was."""
    rest = claimed.recipients[done:]
    if not rest:
        return ()
    return (Entry(queue=claimed.queue, listid=claimed.listid, recipients=rest, metadata=claimed.metadata),)


def _log_transaction(claimed: Claimed, outcomes: Sequence[Outcome]) -> None:
    """One line for what the mail server has said."""
    kinds = [outcome.kind for outcome in outcomes]
    told = ", ".join(f"{kinds.count(kind)} {kind.value}" for kind in Kind if kind in kinds)
    _log.info("transaction", id=claimed.trace, list=claimed.listid, recipients=len(outcomes), outcome=told)


def _log_not_sent(claimed: Claimed, outcomes: Sequence[Outcome]) -> None:
    """One line for each recipient that has not got it, and one where that is because of us."""
    for outcome in outcomes:
        if outcome.kind is not Kind.SENT:
            _log.info(
                "not sent",
                id=claimed.trace,
                list=claimed.listid,
                recipient=outcome.recipient,
                outcome=outcome.kind.value,
                reply=outcome.reply,
            )
    ours = [outcome.reply for outcome in outcomes if outcome.kind is Kind.CLIENT_REFUSED]
    if ours:
        _log.error(
            "the mail server refuses us", id=claimed.trace, list=claimed.listid, recipients=len(ours), reply=ours[0]
        )
