"""An entry and its message as statements read them, for whoever claims entries and whoever lists them."""

from __future__ import annotations

import json
from typing import Any

from gatepost_queue.connection import Row
from gatepost_queue.values import runner_of

JOINED = "FROM entry e JOIN message m ON m.id = e.message_id"
# What `queued` expects, in its order; a statement may read more behind it.
COLUMNS = (
    "e.id, e.queue, e.listid, e.subaddress, e.recipients, e.metadata, e.attempts, e.failures, e.runner,"
    " e.leased_until, m.trace, m.envsender, m.received"
)
# What a message has behind its first block.
BLOCKS = "SELECT content FROM message_block WHERE message_id = ? ORDER BY number"


def queued(row: Row) -> tuple[dict[str, Any], Row]:
    """The fields of a values.Queued, and what the row has behind them."""
    number, queue, listid, subaddress, recipients, metadata, attempts, failures, runner, leased_until, *rest = row
    trace, envsender, received, *more = rest
    fields = {
        "id": number,
        "queue": queue,
        "listid": listid,
        "subaddress": subaddress,
        "recipients": tuple(json.loads(recipients)),
        "metadata": json.loads(metadata),
        "attempts": attempts,
        "failures": failures,
        "runner": runner_of(runner),
        "leased_until": leased_until,
        "trace": trace,
        "envsender": envsender,
        "received": received,
    }
    return fields, tuple(more)
