"""Policy delegation on standard input and output, as spawn(8) runs it: one process for one client.

The same reader and the same service as over sockets, without an event loop: there is nobody else to wait for.
"""

from __future__ import annotations

import os
import select
from time import monotonic, perf_counter

from gatepost_policy.request import RequestReader
from gatepost_policy.service import PolicyService
from gatepost_service.log import flush, get_logger

_CHUNK_OCTETS = 64 * 1024

_log = get_logger("policy")


def serve_stdio(service: PolicyService, timeout: float, read_fd: int = 0, write_fd: int = 1) -> int:
    """Answer until the client goes; gives the exit status: 0, or 65 (EX_DATAERR) after what was no request.

    timeout: seconds that a request which has begun may take to arrive.
    """
    reader = RequestReader()
    deadline: float | None = None
    while data := _read(read_fd, deadline):
        since = perf_counter()
        requests, error = reader.feed(data)
        service.answer(requests, since, lambda replies: _write(write_fd, b"".join(replies)))
        flush()
        if error is not None:
            return _refused(str(error))
        if not reader.unfinished:
            deadline = None
        elif requests or deadline is None:
            deadline = monotonic() + timeout
    return _refused("the connection ended in the middle of a request") if reader.unfinished else os.EX_OK


def _refused(why: str) -> int:
    _log.warning("not a policy request", client="stdio", why=why)
    return os.EX_DATAERR


def _read(descriptor: int, deadline: float | None) -> bytes:
    """What comes next; b'' at the end, when the client has gone, and when it has not come by `deadline` (monotonic)."""
    timeout = None if deadline is None else max(0.0, deadline - monotonic())
    if not select.select([descriptor], [], [], timeout)[0]:
        return b""
    try:
        return os.read(descriptor, _CHUNK_OCTETS)
    except ConnectionError:
        return b""


def _write(descriptor: int, octets: bytes) -> None:
    try:
        while octets:
            octets = octets[os.write(descriptor, octets) :]
    except ConnectionError:
        return  # nobody waits for the answer any more; the next read sees the end
