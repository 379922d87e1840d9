"""Bounces: counting them, stopping and resuming delivery, the log of both. Works inside its caller's transaction."""

from __future__ import annotations

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.store import deliveries, mailinglists
from gatepost_lists.store.changes import (
    BounceEvent,
    BounceSource,
    BounceVerdict,
    Change,
    DeliveryState,
    DeliveryStatus,
)
from gatepost_lists.store.schema import bounce_event

_DAY = 86_400
# How far back the log goes.
_KEPT_SECONDS = 90 * _DAY
_IS_LOGGED = sa.select(
    sa.exists().where(
        bounce_event.c.list_id == sa.bindparam("list"),
        bounce_event.c.email == sa.bindparam("email"),
        bounce_event.c.happened >= sa.bindparam("midnight"),
        bounce_event.c.why.startswith(sa.bindparam("source")),
    )
)


def register(
    connection: sa.Connection, text: str, email: str, source: BounceSource, why: str, now: float
) -> BounceVerdict:
    """Count and log a bounce of a member's address."""
    row = mailinglists.find(connection, text)
    found = deliveries.membership(connection, row["id"], email)
    if found is None:
        return BounceVerdict.UNKNOWN
    _log_once_a_day(connection, row["id"], checks.known_as(email), source, why, now)
    before = deliveries.state_of(connection, found)
    if before.delivery_status is not DeliveryStatus.ENABLED:
        return BounceVerdict.DISABLED
    if before.last_bounce is not None and before.last_bounce >= _midnight(now):
        return BounceVerdict.SAME_DAY
    score = 1 if _is_stale(before, now, row["bounce_info_stale_after"]) else before.bounce_score + 1
    deliveries.keep(connection, found, DeliveryState(DeliveryStatus.ENABLED, score, now))
    return BounceVerdict.REACHED if score >= row["bounce_score_threshold"] else BounceVerdict.COUNTED


def _midnight(now: float) -> float:
    """When the day began, in UTC."""
    return now // _DAY * _DAY


def _is_stale(state: DeliveryState, now: float, days: int) -> bool:
    return state.last_bounce is not None and now - state.last_bounce > days * _DAY


def set_delivery(
    connection: sa.Connection, text: str, email: str, status: DeliveryStatus, why: str, now: float
) -> Change:
    """Let mail go to a member, with a score of 0, or stop it; logged. Raises NotFoundError."""
    row = mailinglists.find(connection, text)
    found = deliveries.require(connection, row, email)
    before = deliveries.state_of(connection, found)
    enabled = status is DeliveryStatus.ENABLED
    after = DeliveryState(status, 0, None) if enabled else before._replace(delivery_status=status)
    if after == before:
        return Change.SAME
    deliveries.keep(connection, found, after)
    _log(connection, row["id"], checks.known_as(email), checks.said(f"{status}: {why}"), now)
    return Change.CHANGED


def events(connection: sa.Connection, text: str, email: str) -> list[BounceEvent]:
    """The log of one address on a list, or of all where `email` is '', in the order of time."""
    query = sa.select(bounce_event.c.email, bounce_event.c.happened, bounce_event.c.why).where(
        bounce_event.c.list_id == mailinglists.find(connection, text)["id"]
    )
    if email:
        query = query.where(bounce_event.c.email == checks.known_as(email))
    rows = connection.execute(query.order_by(bounce_event.c.happened, bounce_event.c.id))
    return [BounceEvent(*row) for row in rows]


def _log_once_a_day(
    connection: sa.Connection, key: int, email: str, source: BounceSource, why: str, now: float
) -> None:
    """One line from each source: what comes from outside can be forged, as often as somebody likes."""
    today = {"list": key, "email": email, "midnight": _midnight(now), "source": f"{source}: "}
    if not connection.scalar(_IS_LOGGED, today):
        _log(connection, key, email, checks.said(f"{source}: {why}"), now)


def _log(connection: sa.Connection, key: int, email: str, why: str, now: float) -> None:
    connection.execute(bounce_event.delete().where(bounce_event.c.happened < now - _KEPT_SECONDS))
    connection.execute(bounce_event.insert(), {"list_id": key, "email": email, "happened": now, "why": why})
