"""libmilter through pymilter: the one file that imports pymilter's C module, `milter`.

- One libmilter a process. Its callbacks run on threads of its own; a connection moves from one to another.
- libmilter wants to open its socket itself, and knows nothing of owners and modes, of who else listens, or of several
  processes. So it opens one that nobody knows, of the same family, and is then given another in its place.
- It takes TERM, INT and HUP in a thread of its own, where even HUP ends it. Another thread that does not block them
  gets them before it, but for one that comes while libmilter's thread begins to wait: see `waits_for_signals`.
- It is never told to stop: pymilter forgets its interpreter when the main loop ends, and a connection that begins just
  then would crash the process with all that is under way in it. It gets a socket to which nobody connects instead.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import milter

if TYPE_CHECKING:
    Context: TypeAlias = milter.milterContext

if not hasattr(milter, "error"):  # where pymilter is missing, a folder named milter is found, such as a checkout's
    raise ImportError("No module named 'milter'", name="milter")

CONTINUE, REJECT, TEMPFAIL = milter.CONTINUE, milter.REJECT, milter.TEMPFAIL
Error = milter.error

_FAMILIES = {socket.AF_INET: "inet:0@127.0.0.1", socket.AF_INET6: "inet6:0@::1"}
_CHANGES = milter.ADDHDRS | milter.DELRCPT
# What is not needed is not asked for, and for MAIL and each header the mail server does not wait: each is a round trip.
_NEVER = milter.P_NOCONNECT | milter.P_NOHELO | milter.P_NOUNKNOWN | milter.P_NOBODY | milter.P_NR_MAIL
_AT_ENVELOPE = _NEVER | milter.P_NOHDRS | milter.P_NOEOH
_AT_HEADERS = _NEVER | milter.P_NODATA | milter.P_NR_HDR
# The macros that are used, by the callback that they come with. Fewer macros make smaller packets.
_MACROS = {
    milter.M_ENVFROM: "i {client_addr} {auth_authen}",
    milter.M_ENVRCPT: "i",
    milter.M_DATA: "i",
    milter.M_EOH: "i",
}


class Handlers(NamedTuple):
    """The callbacks, by libmilter's names for them in mfapi.h without xxfi_. Each gives what it answers."""

    negotiate: Callable[[Context, list[int]], int]
    envfrom: Callable[..., int]
    envrcpt: Callable[..., int]
    data: Callable[[Context], int]
    header: Callable[[Context, str, bytes], int]
    eoh: Callable[[Context], int]
    eom: Callable[[Context], int]
    abort: Callable[[Context], int]
    close: Callable[[Context], int]


class Agreed(NamedTuple):
    """What MAIL and a header are answered with, as agreed with the mail server: nothing, if it can do without."""

    envfrom: int = milter.CONTINUE
    header: int = milter.CONTINUE


def register(name: str, handlers: Handlers) -> None:
    """Have libmilter call these, which must raise nothing. Call it once in a process, before the main loop."""
    milter.set_flags(_CHANGES)
    # What is left are pymilter's own exceptions, of a header whose name is no UTF-8: any other answer to a header than
    # to go on would have libmilter ignore the rest of the message, and the mail server wait for it.
    milter.set_exception_policy(milter.CONTINUE)
    milter.set_envfrom_callback(handlers.envfrom)
    milter.set_envrcpt_callback(handlers.envrcpt)
    milter.set_header_callback(handlers.header)
    milter.set_eoh_callback(handlers.eoh)
    milter.set_eom_callback(handlers.eom)
    milter.set_abort_callback(handlers.abort)
    milter.set_close_callback(handlers.close)
    milter.register(name, data=handlers.data, negotiate=handlers.negotiate)


def agree(context: Context, options: list[int], *, at_headers: bool) -> Agreed:
    """Negotiate: options holds what the mail server offers (actions, protocol steps), and what is wanted afterwards."""
    actions, steps = options[0], options[1]
    if actions & milter.SETSYMLIST:
        for stage, macros in _MACROS.items():
            context.setsymlist(stage, macros)
    actions &= milter.SETSYMLIST | (_CHANGES if at_headers else 0)
    steps &= _AT_HEADERS if at_headers else _AT_ENVELOPE
    options[:] = [actions, steps, 0, 0]
    return Agreed(
        milter.NOREPLY if steps & milter.P_NR_MAIL else milter.CONTINUE,
        milter.NOREPLY if steps & milter.P_NR_HDR else milter.CONTINUE,
    )


class MainLoop:
    """libmilter's main loop over a listening socket. timeout: seconds that the mail server may be silent."""

    def __init__(self, listener: socket.socket, timeout: float) -> None:
        milter.settimeout(int(timeout))
        with tempfile.TemporaryDirectory(prefix="gatepost-milter-") as folder:
            milter.setconn(_FAMILIES.get(listener.family, f"local:{folder}/socket"))
            before = _listening()
            milter.opensocket(False)
            (self._descriptor,) = _listening() - before
        os.dup2(listener.fileno(), self._descriptor)

    def run(self) -> None:
        """Serve connections. Returns when a signal reaches libmilter first; raises Error where it cannot go on."""
        milter.main()

    def accept_no_more(self) -> None:
        """Leave new connections to whoever else has the listening socket; those that are there go on."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as nobodys:
            nobodys.bind("")  # a name that the kernel makes up
            nobodys.setblocking(False)
            nobodys.listen(0)
            os.dup2(nobodys.fileno(), self._descriptor)


def waits_for_signals() -> bool:
    """Whether libmilter's own thread has begun to wait for signals; from then on it gets none that another one takes.

    It begins with TERM, INT and HUP blocked, and sigtimedwait(2) unblocks what it waits for.
    """
    known = {thread.native_id for thread in threading.enumerate()}
    threads = (int(entry.name) for entry in Path("/proc/self/task").iterdir())
    return any(not _blocks_hup(number) for number in threads if number not in known)


def _blocks_hup(thread: int) -> bool:
    try:
        status = Path(f"/proc/self/task/{thread}/status").read_text()
    except OSError:
        return True  # ended meanwhile
    blocked = int(status.partition("SigBlk:")[2].split(maxsplit=1)[0], base=16)
    return bool(blocked & 1 << (signal.SIGHUP - 1))


def _listening() -> set[int]:
    """The listening sockets that this process has open."""
    numbers = (int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    return {number for number in numbers if _is_listening(number)}


def _is_listening(number: int) -> bool:
    try:
        if not str(Path(f"/proc/self/fd/{number}").readlink()).startswith("socket:"):
            return False
        with socket.socket(fileno=os.dup(number)) as copy:
            return bool(copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False  # closed meanwhile
