"""What the tests of the queue share. Table of contents: values to put in, a clock, and what is in a file."""

from queuelab.values import ANN, BOB, POST, WAIT, Clock, Spooled, ids, only, outcome, post, take

__all__ = ["ANN", "BOB", "POST", "WAIT", "Clock", "Spooled", "ids", "only", "outcome", "post", "take"]
