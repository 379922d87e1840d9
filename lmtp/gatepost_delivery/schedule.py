"""When mail that was deferred is tried again. No I/O, no clock and no chance here: all are passed in.

The pauses double from FIRST_PAUSE to LONGEST_PAUSE, each changed by chance, so that what was deferred together does not
come back together. The last attempt is made when the period is over, however the pauses fall.
"""

from __future__ import annotations

# Greylisting lets mail pass after five to ten minutes; Mailman waits for a quarter of an hour.
FIRST_PAUSE = 600.0
LONGEST_PAUSE = 4 * 3600.0
# A pause is longer or shorter by this part of it at most.
JITTER = 0.25
# Doubling beyond this many times only makes the number bigger.
_DOUBLINGS = 16


def next_attempt(since: float, tries: int, now: float, period: float, chance: float) -> float | None:
    """When to try again, in seconds since the epoch; None when the period is over, and this attempt was the last.

    since: the time of the first attempt. tries: how many have been made, at least one. period: in seconds.
    chance: a number from 0 up to 1.
    """
    end = since + period
    if now >= end:
        return None
    pause = min(FIRST_PAUSE * (1 << min(tries - 1, _DOUBLINGS)), LONGEST_PAUSE)
    return min(now + pause * (1 - JITTER + 2 * JITTER * chance), end)
