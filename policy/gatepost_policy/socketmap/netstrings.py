"""The wire of socketmap (socketmap_table(5), Sendmail's socket map): netstrings to octets and back. No I/O.

- A netstring is `LENGTH:OCTETS,` with the length in decimal digits, without a zero before them; any octets may stand in
  it. They come in any pieces, and several at once.
- Nothing is waited for that cannot become a netstring: a bad length is told of at its first wrong octet, a length over
  the limit before its octets come.
- ProtocolError is the only exception that leaves this file. It ends the connection without a reply: Postfix and
  Sendmail then ask again or tell their client to come again.
"""

from __future__ import annotations

import re

from gatepost_policy.protocol import ProtocolError

# The limit of the protocol as Postfix has it on replies (socketmap_table(5)); its requests are far shorter.
MAX_OCTETS = 100_000

_LONGEST_HEAD = len(f"{MAX_OCTETS}:")
_head = re.compile(rb"(0|[1-9][0-9]*):").match
_begun_head = re.compile(rb"(?:0|[1-9][0-9]*)?\Z").match
_TOO_LONG = b"PERM the answer is longer than %d octets" % MAX_OCTETS


class NetstringReader:
    """Puts the pieces of one connection together. `unfinished` tells whether a netstring has begun and not ended."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._wanted = 0

    @property
    def unfinished(self) -> bool:
        return bool(self._begun)

    def feed(self, data: bytes) -> tuple[list[bytes], ProtocolError | None]:
        """What the netstrings hold that `data` completes, and what is wrong with what follows."""
        if self._begun:
            self._begun += data
            if len(self._begun) < self._wanted:
                return [], None  # what is there already is not looked at again
            data = bytes(self._begun)
        found: list[bytes] = []
        at = end = 0
        try:
            while at < len(data):
                start, end = _bounds(data, at)
                if end >= len(data):
                    break
                found.append(data[start:end])
                at = end + 1
        except ProtocolError as error:
            return found, error
        self._begun = bytearray(data[at:])
        self._wanted = end + 1 - at if self._begun else 0
        return found, None


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Where the octets of the netstring at `at` begin and end; while its length is not there yet, the end of all.

    Raises ProtocolError; for a wrong octet in the comma's place too.
    """
    head = _head(data, at, at + _LONGEST_HEAD)
    if head is None:
        begun = data[at : at + _LONGEST_HEAD]
        if len(begun) < _LONGEST_HEAD and _begun_head(begun):
            return at, len(data)
        if begun.isdigit() and begun[:1] != b"0":
            raise ProtocolError(f"more than {MAX_OCTETS} octets announced")
        raise ProtocolError(f"no netstring begins with {begun!r}")
    length, start = int(head[1]), head.end()
    if length > MAX_OCTETS:
        raise ProtocolError(f"more than {MAX_OCTETS} octets announced")
    if data[start + length : start + length + 1] not in (b",", b""):
        raise ProtocolError(f"no comma behind {length} octets")
    return start, start + length


def netstring(octets: bytes) -> bytes:
    """The octets as a netstring; an answer that is longer than the protocol has them is told to be so."""
    if len(octets) > MAX_OCTETS:
        octets = _TOO_LONG
    return b"%d:%b," % (len(octets), octets)
