"""The data of a message as it comes over the wire (RFC 5321 section 4.5.2): blocks in, octets out. No I/O.

- Only CRLF.CRLF ends it. A bare CR or LF never does, and becomes a space, as in Postfix's cleanup: what is handed on
  cannot be read in two ways.
- The dot that was put before a line's own is taken off.
- All of it is done on whole blocks; no line is looked at by itself. At most four octets are held back.
- Where the message is too large, or a line is too long, the rest is read and thrown away, up to the end.
"""

from __future__ import annotations

import re
from enum import Enum
from io import IncrementalNewlineDecoder

# RFC 5321 section 4.5.3.1.6, with the CRLF and without the dot that was put before it.
MAX_LINE_OCTETS = 1000

_END = b"\r\n.\r\n"
# Finds a line that begins with a dot, which the end does too, in less than half the time that bytes.find takes.
_dotted = re.compile(rb"\r\n\.").search
_stray = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Fault(Enum):
    """Why a message cannot be taken whole."""

    TOO_LARGE = "too large"
    LINE_TOO_LONG = "line too long"


class DataDecoder:
    """Decodes one message.

    ended: whether its end has come. rest: what came behind that. size: octets of the message so far, counted as
    RFC 1870 counts them. fault: the first thing that was wrong.
    """

    __slots__ = ("_held", "_line", "_max_octets", "ended", "fault", "rest", "size")

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets
        self._held = b"\r\n"  # the end of the line with DATA: a dot may follow it at once
        self._line = -2  # octets of the unfinished line so far
        self.ended = False
        self.rest = b""
        self.size = -2
        self.fault: Fault | None = None

    def feed(self, block: bytes) -> bytes:
        """The octets of the message that this block settles; b'' behind a fault."""
        octets = self._held + block
        dotted = _dotted(octets)
        if dotted is not None and (end := octets.find(_END, dotted.start())) >= 0:
            self.ended = True
            self.rest = octets[end + len(_END) :]
            return self._decoded(octets[: end + 2], has_dots=dotted.start() < end)
        held = _undecided(octets)
        self._held = octets[len(octets) - held :]
        return self._decoded(octets[: len(octets) - held] if held else octets, has_dots=dotted is not None)

    def _decoded(self, octets: bytes, *, has_dots: bool) -> bytes:
        if _has_strays(octets):
            octets = _stray.sub(b" ", octets)
        if has_dots:
            octets = octets.replace(b"\r\n.", b"\r\n")
        begun = self.size < 0
        self.size += len(octets)
        if self.fault is None:
            if self.size > self._max_octets:
                self.fault = Fault.TOO_LARGE
            elif self._has_long_line(octets):
                self.fault = Fault.LINE_TOO_LONG
        if self.fault is not None:
            return b""
        return octets[2:] if begun and octets else octets

    def _has_long_line(self, octets: bytes) -> bool:
        """Whether a line is over the limit; steps from line end to line end, as far as the limit allows at a time."""
        start = -self._line
        end = octets.rfind(b"\n", 0, max(start + MAX_LINE_OCTETS, 0))
        while end >= 0:
            start = end + 1
            end = octets.rfind(b"\n", start, start + MAX_LINE_OCTETS)
        self._line = len(octets) - start
        return self._line > MAX_LINE_OCTETS - 2


def _has_strays(octets: bytes) -> bool:
    """Whether a CR or LF stands alone: Python's reader of text files tells which line ends it has met, in one pass."""
    reader = IncrementalNewlineDecoder(None, translate=False)
    reader.decode(octets.decode("latin-1"), final=True)
    return reader.newlines not in {None, "\r\n"}


def _undecided(octets: bytes) -> int:
    """How many octets at the end may belong to the end of the message, or to a CRLF."""
    for length in range(min(len(_END) - 1, len(octets)), 0, -1):
        if octets.endswith(_END[:length]):
            return length
    return 0
