"""What the tests of the queue share. Table of contents: values, a clock, what waits, no more threads."""

from labs.queue.threads import no_more_threads
from labs.queue.values import ANN, BOB, POST, WAIT, Clock, Spooled, ids, only, outcome, post, take

__all__ = [
    "ANN",
    "BOB",
    "POST",
    "WAIT",
    "Clock",
    "Spooled",
    "ids",
    "no_more_threads",
    "only",
    "outcome",
    "post",
    "take",
]
