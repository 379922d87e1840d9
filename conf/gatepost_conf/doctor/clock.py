"""The clock: leases, retries, expiry of tokens and DKIM all hang on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from gatepost_conf.doctor.case import Case
from gatepost_conf.doctor.findings import Result, ok, wrong

# No clock that is right shows an earlier time than that of this release: whoever makes one sets it.
RELEASED = datetime(2025, 11, 1, tzinfo=UTC)
_YEARS = 30


def clock(case: Case) -> Iterator[Result]:
    """The clock shows a time at which this release can be in use."""
    now = case.machine.now()
    shown = datetime.fromtimestamp(min(now, 2**38), UTC)
    if shown >= RELEASED and shown.year <= RELEASED.year + _YEARS:
        yield ok(f"it is {shown:%Y-%m-%d %H:%M} UTC")
    else:
        yield wrong(f"the clock shows {shown:%Y-%m-%d %H:%M} UTC", "set the clock: timedatectl set-ntp true")
