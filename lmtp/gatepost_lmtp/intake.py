"""What becomes of a message when all of it is there: judged, given its headers, and handed to the queue."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from email.utils import formatdate, make_msgid
from typing import NamedTuple

from gatepost_lists import Answer, Headers, Verdict
from gatepost_lmtp import replies
from gatepost_lmtp.entries import Destination, Origin, entries_for
from gatepost_lmtp.gate import Asker, Gate, Options, Recipient
from gatepost_lmtp.incoming import Incoming
from gatepost_lmtp.message import Section, read_section, rebuilt, received, return_path
from gatepost_queue import Delivery, Message, Queue, QueueFull


class Sent(NamedTuple):
    """A message and its envelope. greeting: the client's LHLO; peer: its IP address, '' over a UNIX socket."""

    asker: Asker
    recipients: Sequence[Recipient]
    incoming: Incoming
    greeting: str
    peer: str
    smtputf8: bool


class Handed(NamedTuple):
    """What was done with a message.

    replies: one for each recipient, None where it depends on the queue. put: the queue's promise, None where nothing
    goes there. delivery: what to confirm to the queue later, None where it does not care. lists: where the mail goes.
    """

    replies: list[bytes | None]
    put: Future[tuple[int | None, ...]] | None = None
    delivery: Delivery | None = None
    lists: Sequence[str] = ()


class Intake:
    """Takes the messages of all connections of one process."""

    def __init__(self, options: Options, gate: Gate, queue: Queue) -> None:
        self.options = options
        self._gate = gate
        self._queue = queue

    def take(self, sent: Sent) -> Handed:
        """Judge a message and hand it to the queue. May raise whatever there is to go wrong: nothing is kept then."""
        refusal = sent.incoming.refusal
        if refusal:
            return Handed([refusal] * len(sent.recipients))
        spool = sent.incoming.spool
        section = read_section(spool.head, cut=spool.head_cut)
        asker = sent.asker._replace(size=sent.incoming.size)
        verdicts = self._gate.data(asker, sent.recipients, section.headers)
        told, destinations = self._parted(sent, asker, section.headers, verdicts)
        if not destinations:
            return Handed(told)
        return self._hand_over(sent, section, told, destinations)

    def _parted(
        self, sent: Sent, asker: Asker, headers: Headers, verdicts: Sequence[Verdict]
    ) -> tuple[list[bytes | None], list[Destination]]:
        """The replies to those who are refused, None for the others, and where the mail of those goes."""
        accepted = [told.answer is Answer.ACCEPT for told in verdicts]
        staying = [recipient for recipient, stays in zip(sent.recipients, accepted, strict=True) if stays]
        found = iter(self._gate.destinations(asker, staying, headers)) if staying else iter(())
        told: list[bytes | None] = []
        destinations: list[Destination] = []
        for verdict, stays in zip(verdicts, accepted, strict=True):
            place = next(found) if stays else verdict
            if isinstance(place, Destination):
                destinations.append(place)
                told.append(None)
            else:
                told.append(replies.reply_to(place))
        return told, destinations

    def _hand_over(
        self, sent: Sent, section: Section, told: list[bytes | None], destinations: list[Destination]
    ) -> Handed:
        now = time.time()
        incoming = sent.incoming
        incoming.spool.head = self._headed(sent, section, now)
        in_memory = incoming.spool.in_memory
        message = Message(
            content=incoming.spool if in_memory is None else in_memory,
            envsender=sent.asker.sender,
            received=now,
            trace=sent.asker.trace,
        )
        entries = entries_for(destinations, Origin(sent.asker.sender, incoming.size, now, self.options.owner))
        delivery = Delivery(incoming.digest) if self.options.deduplicate and section.message_id else None
        put = self._queue.put(message, entries, delivery)
        return Handed(told, put, delivery, [entry.listid for entry in entries])

    def _headed(self, sent: Sent, section: Section, now: float) -> bytes:
        """The header section with what the receiver adds."""
        hostname = self.options.hostname
        protocol = "UTF8LMTP" if sent.smtputf8 else "LMTP"
        date = formatdate(now, localtime=True)
        sender = sent.asker.sender
        above = return_path(sender) + received(sent.greeting, sent.peer, hostname, protocol, sent.asker.trace, date)
        made = b"" if section.message_id else make_msgid("gatepost", hostname).encode()
        return rebuilt(section, above, made, sender)


def completed(handed: Handed, trace: str) -> list[bytes]:
    """The replies, one for each recipient, when the queue's promise is kept or broken."""
    reply = replies.taken(trace)
    if handed.put is not None:
        error = handed.put.exception() if not handed.put.cancelled() else RuntimeError("cancelled")
        if error is not None:
            reply = replies.NO_ROOM if isinstance(error, QueueFull) else replies.TROUBLE
    return [reply if told is None else told for told in handed.replies]
