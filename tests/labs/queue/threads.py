"""A machine that has as many threads as it can have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# More than a process can address.
_STACK = 1 << 47


@contextmanager
def no_more_threads() -> Iterator[None]:
    """No thread can be started meanwhile; those that there are go on."""
    before = threading.stack_size(_STACK)
    try:
        yield
    finally:
        threading.stack_size(before)
