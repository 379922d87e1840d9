"""One message while it comes in: decoded and spooled block by block, or thrown away once it cannot be taken."""

from __future__ import annotations

import errno

from gatepost_lmtp import replies
from gatepost_lmtp.decoder import DataDecoder, Fault
from gatepost_lmtp.spool import Spool
from gatepost_service.log import get_logger

_FAULTS = {Fault.TOO_LARGE: replies.TOO_LARGE, Fault.LINE_TOO_LONG: replies.LONG_TEXT_LINE}
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

_log = get_logger("lmtp")


class Incoming:
    """feed() it blocks until `ended`; then `rest` is what came behind the end, and `refusal` why it cannot be taken.

    refusal: the reply for every recipient, b'' where there is nothing against the message. digest: of its octets.
    """

    def __init__(self, max_octets: int, folder: str | None) -> None:
        self._decoder = DataDecoder(max_octets)
        self.spool = Spool(folder)
        self.refusal = b""
        self.digest = b""

    @property
    def ended(self) -> bool:
        return self._decoder.ended

    @property
    def rest(self) -> bytes:
        return self._decoder.rest

    @property
    def size(self) -> int:
        """Octets of the message, counted as RFC 1870 counts them."""
        return self._decoder.size

    def feed(self, block: bytes) -> None:
        """Take what comes next."""
        octets = self._decoder.feed(block)
        if self.refusal:
            return
        if self._decoder.fault is not None:
            self._refuse(_FAULTS[self._decoder.fault])
            return
        try:
            self.spool.add(octets)
            if self._decoder.ended:
                self._seal()
        except OSError as error:
            _log.error("a message cannot be kept while it comes in", why=str(error))
            self._refuse(replies.NO_ROOM if error.errno in _NO_ROOM else replies.TROUBLE)

    def _seal(self) -> None:
        self.digest = self.spool.seal()
        if self.size == 0:
            self._refuse(replies.NOTHING_THERE)

    def _refuse(self, reply: bytes) -> None:
        self.refusal = reply
        self.close()

    def close(self) -> None:
        """Forget the message."""
        self.spool.close()
