"""The stacks that a connection's callbacks run on, as far as Python minds them.

pymilter has one thread state for each connection, and libmilter runs the callbacks of a connection on whatever thread
is free. Since 3.14 a thread state knows where the stack lies on which it was made. Elsewhere it takes that stack for
full, and keeps each object that nobody uses any more, for taking it apart might need more of it: tens of kilobytes a
message. So the thread state of a connection is told that its stack may be anywhere. How deep Python's functions may
call one another is limited as before.
"""

from __future__ import annotations

import ctypes
import sys

# Python's C API, Initialization, Finalization, and Threads; there since 3.14.1, and not needed before 3.14.
_set_bounds = getattr(ctypes.pythonapi, "PyUnstable_ThreadState_SetStackProtection", None)
_thread_state = ctypes.pythonapi.PyThreadState_Get
_thread_state.restype = ctypes.c_void_p
if _set_bounds is not None:
    _set_bounds.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
# No stack begins below.
_LOWEST = 1 << 16


def accept_any_stack() -> None:
    """Have the thread state of the connection whose callback this is called in run on any thread."""
    if _set_bounds is not None:
        _set_bounds(_thread_state(), _LOWEST, sys.maxsize - _LOWEST)
