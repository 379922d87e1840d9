"""What becomes of a message when all of it is there: judged, given its headers, and handed to the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from email.utils import formatdate, make_msgid
from typing import NamedTuple

from gatepost_lists import Verdict
from gatepost_lmtp import replies
from gatepost_lmtp.entries import Destination, Origin, entries_for
from gatepost_lmtp.gate import Asker, Gate, Options, Recipient
from gatepost_lmtp.incoming import Incoming
from gatepost_lmtp.message import NO_SECTION, Section, read_section, rebuilt, received, return_path
from gatepost_queue import Delivery, Message, Queue, QueueFull


class Sent(NamedTuple):
    """A message and its envelope. greeting: the client's LHLO; peer: its IP address, '' over a UNIX socket."""

    asker: Asker
    recipients: Sequence[Recipient]
    incoming: Incoming
    greeting: str
    peer: str
    smtputf8: bool


class Judged(NamedTuple):
    """What was found of a message.

    told: the replies to those recipients who are refused, None for the others; destinations: where the mail of those
    goes. section: its header section, as it came.
    """

    told: list[bytes | None]
    destinations: Sequence[Destination] = ()
    section: Section = NO_SECTION


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
    """Takes the messages of all connections of one process: judge() it, then hand_over() what was judged."""

    def __init__(self, options: Options, gate: Gate, queue: Queue) -> None:
        self.options = options
        self._gate = gate
        self._queue = queue

    def judge(self, sent: Sent, then: Callable[[Judged], object]) -> None:
        """Call `then` with what was found, now or later in the event loop."""
        if refusal := sent.incoming.refusal:
            then(Judged([refusal] * len(sent.recipients)))
            return
        spool = sent.incoming.spool
        section = read_section(spool.head, cut=spool.head_cut)
        asker = sent.asker._replace(size=sent.incoming.size)

        def locate(verdicts: list[Verdict]) -> None:
            pairs = zip(sent.recipients, verdicts, strict=True)
            staying = [recipient for recipient, verdict in pairs if verdict.is_acceptance]
            if not staying:
                then(Judged([replies.reply_to(verdict) for verdict in verdicts]))
                return
            self._gate.destinations(
                asker, staying, section.headers, lambda found: then(_judged(verdicts, found, section))
            )

        self._gate.data(asker, sent.recipients, section.headers, locate)

    def hand_over(self, sent: Sent, judged: Judged) -> Handed:
        """Put a message into the queue, for those it goes to. May raise whatever there is to go wrong."""
        if not judged.destinations:
            return Handed(judged.told)
        now = time.time()
        incoming = sent.incoming
        incoming.spool.head = self._headed(sent, judged.section, now)
        in_memory = incoming.spool.in_memory
        message = Message(
            content=incoming.spool if in_memory is None else in_memory,
            envsender=sent.asker.sender,
            received=now,
            trace=sent.asker.trace,
        )
        entries = entries_for(judged.destinations, Origin(sent.asker.sender, incoming.size, now, self.options.owner))
        delivery = Delivery(incoming.digest) if self.options.deduplicate and judged.section.message_id else None
        put = self._queue.put(message, entries, delivery)
        return Handed(judged.told, put, delivery, [entry.listid for entry in entries])

    def _headed(self, sent: Sent, section: Section, now: float) -> bytes:
        """The header section with what the receiver adds."""
        hostname = self.options.hostname
        protocol = "UTF8LMTP" if sent.smtputf8 else "LMTP"
        date = formatdate(now, localtime=True)
        sender = sent.asker.sender
        above = return_path(sender) + received(sent.greeting, sent.peer, hostname, protocol, sent.asker.trace, date)
        made = b"" if section.message_id else make_msgid("gatepost", hostname).encode()
        return rebuilt(section, above, made, sender)


def _judged(verdicts: Sequence[Verdict], found: Sequence[Destination | Verdict], section: Section) -> Judged:
    """verdicts: of all recipients; found: of those who are accepted by them."""
    rest = iter(found)
    places = [next(rest) if verdict.is_acceptance else verdict for verdict in verdicts]
    told = [replies.reply_to(place) if isinstance(place, Verdict) else None for place in places]
    return Judged(told, [place for place in places if isinstance(place, Destination)], section)


def completed(handed: Handed, trace: str) -> list[bytes]:
    """The replies, one for each recipient, when the queue's promise is kept or broken."""
    reply = replies.taken(trace)
    if handed.put is not None:
        error = handed.put.exception() if not handed.put.cancelled() else RuntimeError("cancelled")
        if error is not None:
            reply = replies.NO_ROOM if isinstance(error, QueueFull) else replies.TROUBLE
    return [reply if told is None else told for told in handed.replies]
