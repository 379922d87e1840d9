"""What became of a message on its way out, as values. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What became of a message for one recipient.

    SENT: the mail server has it. LATER: it is to be tried again. REFUSED: not for this recipient, ever; that counts
    against the address. CLIENT_REFUSED: not from us, whoever it is for; it is to be tried again, and somebody must look
    at it. UNCLEAR: refused by a reply that does not say which of the two. MESSAGE_REFUSED: not this message, ever; that
    counts against nobody's address.
    """

    SENT = "sent"
    LATER = "later"
    REFUSED = "refused"
    CLIENT_REFUSED = "client_refused"
    UNCLEAR = "unclear"
    MESSAGE_REFUSED = "message_refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message for one recipient, and the reply that says so: '451 4.2.0 text', in one line.

    lost: no reply came, because there was no connection, or none any more; the reply is our own then, a 4xx.
    """

    recipient: str
    kind: Kind
    reply: str
    lost: bool = False
