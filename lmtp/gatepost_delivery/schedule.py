"""How long mail that was deferred waits for its next attempt. No I/O, no clock and no chance here: all are passed in.

The pauses double from FIRST_PAUSE to LONGEST_PAUSE, each changed by chance, so that what was deferred together does not
come back together. The last attempt is made when the period is over, however the pauses fall. Of the period only those
seconds count for which there was a pause: neither a clock that was set nor a machine that was off can end it.
"""

from __future__ import annotations

# Greylisting lets mail pass after five to ten minutes; Mailman waits for a quarter of an hour.
FIRST_PAUSE = 600.0
LONGEST_PAUSE = 4 * 3600.0
# A pause is longer or shorter by this part of it at most.
JITTER = 0.25
# Doubling beyond this many times only makes the number bigger.
_DOUBLINGS = 16


# Seconds that are left of the period are no pause if they are fewer.
_NO_PAUSE = 1.0


def next_pause(waited: float, tries: int, period: float, chance: float) -> float | None:
    """Seconds until the next attempt; None when the period is over, and this attempt was the last.

    waited: for how long there has been a pause, in all. tries: how many attempts have been made, at least one. period:
    in seconds. chance: a number from 0 up to 1.
    """
    left = period - waited
    if left < _NO_PAUSE:
        return None
    pause = min(FIRST_PAUSE * (1 << min(tries - 1, _DOUBLINGS)), LONGEST_PAUSE)
    return min(pause * (1 - JITTER + 2 * JITTER * chance), left)
