"""What follows from an attempt to send: recipients to try again, and recipients to tell of. No I/O, no clock here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gatepost_delivery import schedule
from gatepost_delivery.outgoing import Kind, Outcome
from gatepost_queue import Claimed, Entry
from gatepost_queue.metadata import BouncesMetadata, RetryMetadata


class Attempt(NamedTuple):
    """When an attempt was begun and ended, in seconds since the epoch, and a number from 0 up to 1 for the schedule."""

    begun: float
    ended: float
    chance: float


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Entries of the same message, and how many recipients have it, will be tried again, and never get it.

    client_refused: how many will be tried again because it was us that were refused; deferred: the others.
    """

    entries: tuple[Entry, ...]
    sent: int
    deferred: int
    client_refused: int
    failed: int


def follow_ups(claimed: Claimed, outcomes: Sequence[Outcome], attempt: Attempt, period: float) -> FollowUps:
    """What is to be kept of an attempt; `period`: seconds from the first attempt to the last.

    All who are tried again share one entry in retry. Those for whom it is over go to bounces: `refused`, `expired`
    ({recipient: reply}) or `message_refused` (a reply), each in an entry of its own. There, too, is told of
    `client_refused` ({recipient: reply}), which is tried again all the same.
    """
    sent = RetryMetadata.from_json(claimed.metadata)
    envsender = sent.envsender
    refused = _by_recipient(outcomes, Kind.REFUSED)
    unwanted = _by_recipient(outcomes, Kind.MESSAGE_REFUSED)
    not_from_us = _by_recipient(outcomes, Kind.CLIENT_REFUSED)
    later = _by_recipient(outcomes, Kind.LATER, Kind.CLIENT_REFUSED)
    found = [
        _bounce(claimed, refused, BouncesMetadata(envsender=envsender, refused=refused)),
        _bounce(
            claimed, unwanted, BouncesMetadata(envsender=envsender, message_refused=next(iter(unwanted.values()), ""))
        ),
        _bounce(claimed, not_from_us, BouncesMetadata(envsender=envsender, client_refused=not_from_us)),
    ]
    again = _retry(claimed, sent, later, attempt, period)
    found.append(again or _bounce(claimed, later, BouncesMetadata(envsender=envsender, expired=later)))
    kinds = [outcome.kind for outcome in outcomes]
    done = kinds.count(Kind.SENT)
    deferred, ours = (kinds.count(Kind.LATER), kinds.count(Kind.CLIENT_REFUSED)) if again else (0, 0)
    return FollowUps(tuple(filter(None, found)), done, deferred, ours, len(kinds) - done - deferred - ours)


def _by_recipient(outcomes: Sequence[Outcome], *kinds: Kind) -> dict[str, str]:
    return {outcome.recipient: outcome.reply for outcome in outcomes if outcome.kind in kinds}


def _bounce(claimed: Claimed, recipients: Iterable[str], told: BouncesMetadata) -> Entry | None:
    """None where there is nobody to tell of."""
    whom = tuple(recipients)
    return Entry(queue="bounces", listid=claimed.listid, recipients=whom, metadata=told.to_json()) if whom else None


def _retry(
    claimed: Claimed, before: RetryMetadata, replies: Mapping[str, str], attempt: Attempt, period: float
) -> Entry | None:
    """None where there is nobody to try again, or no time is left."""
    tries, waited = before.tries + 1, _waited(before, attempt.begun)
    pause = schedule.next_pause(waited, tries, period, attempt.chance)
    if pause is None or not replies:
        return None
    after = replace(before, tries=tries, tried=attempt.ended, waited=waited, pause=pause, states=replies)
    return Entry(
        queue="retry",
        listid=claimed.listid,
        recipients=tuple(replies),
        metadata=after.to_json(),
        next_attempt=attempt.ended + pause,
        last_error=next(iter(replies.values())),
    )


def _waited(before: RetryMetadata, now: float) -> float:
    """Seconds of pauses between all attempts up to now. Of the last one, which began when an attempt had been `tried`,
    no more than it was to last, or than has passed by a clock that may have been set."""
    if before.tried is None:
        return 0.0
    return before.waited + min(max(now - before.tried, 0.0), before.pause)
