"""The LMTP session (RFC 2033): what each command does. How octets come and go is connection.py.

- Every reply but the greeting and that to LHLO has an enhanced status code (RFC 2034).
- After the dot there is one reply for each accepted recipient, in their order, duplicates included, on every path.
- A delivery is confirmed to the queue when the client sends something, or ends the connection in good order, and by
  then has all our replies to it: octets that came before were sent without them (RFC 2920 lets QUIT or the next MAIL
  follow the dot at once). It is told the queue as lost when the connection ends before.
"""

# ruff: noqa: N802 - the commands' methods have the names that aiosmtpd gives them

from __future__ import annotations

import re
from asyncio import BaseTransport
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar

from aiosmtpd.smtp import Envelope

from gatepost_lists import Ruling, Verdict
from gatepost_lmtp import replies
from gatepost_lmtp.connection import Command, Connection
from gatepost_lmtp.gate import NOBODY, Asker, Gate, Options, Recipient
from gatepost_lmtp.incoming import Incoming
from gatepost_lmtp.intake import Handed, Intake, Judged, Sent, completed
from gatepost_lmtp.syntax import (
    greeting_name,
    mail_parameters,
    no_parameters,
    recipient_of,
    sender_of,
    split_path,
    verify_path,
)
from gatepost_lmtp.turns import Turns
from gatepost_lmtp.xforward import ANNOUNCEMENT, attributes_of, is_trusted
from gatepost_queue import Delivery, Queue
from gatepost_service.accept import Acceptor
from gatepost_service.log import get_logger, reason
from gatepost_service.record import Lines

T = TypeVar("T")

# A queue id that another mail server tells, if it can stand in a Received header.
_is_id = re.compile(r"[A-Za-z0-9.\-]{1,64}").fullmatch

_log = get_logger("lmtp")


class Door(Protocol):
    """What all sessions of one process share. `options` may change between two commands."""

    options: Options
    gate: Gate
    intake: Intake
    queue: Queue
    turns: Turns
    clients: Acceptor

    def new_name(self) -> str:
        """The first part of the trace ids of a session that begins."""


class Transaction(Envelope):
    """From MAIL to the end of the message, or to RSET. asker is NOBODY before MAIL."""

    def __init__(self) -> None:
        super().__init__()
        self.asker = NOBODY
        self.recipients: list[Recipient] = []


class Session(Connection):
    """One client's session."""

    envelope: Transaction

    def __init__(self, door: Door) -> None:
        super().__init__(door.options.hostname, door.options.timeout, door.turns)
        self._door = door
        self._name = door.new_name()
        self._number = count(1)
        self._lines = Lines()
        self._greeting = ""
        self._forwarded: dict[str, str] = {}
        self._delivery: Delivery | None = None  # on its way into the queue
        # Those of which the client may not have the replies yet: at how many octets said it has them.
        self._unconfirmed: deque[tuple[int, Delivery]] = deque()

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._door.clients.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        lost = [delivery for _, delivery in self._unconfirmed]
        if self._delivery is not None:
            lost.append(self._delivery)
        self._unconfirmed.clear()
        self._delivery = None
        with suppress(RuntimeError):  # the queue is closed: what a process that ends has not confirmed is lost anyway
            for delivery in lost:
                self._door.queue.lost(delivery)
        self._door.gate.ended(self._lines)
        self._door.clients.closed(self)

    def command(self, verb: bytes) -> Command | None:
        method = _COMMANDS.get(verb)
        return None if method is None else partial(method, self)

    @property
    def in_transaction(self) -> bool:
        return self.envelope.asker is not NOBODY

    def heard(self) -> None:
        self._door.clients.heard(self)
        if self._unconfirmed:
            delivered = self.delivered()
            while self._unconfirmed and self._unconfirmed[0][0] <= delivered:
                self._door.queue.confirm(self._unconfirmed.popleft()[1])

    @property
    def awaits_the_end(self) -> bool:
        return bool(self._unconfirmed)

    def reset(self) -> None:
        self.envelope = Transaction()
        self._forwarded = {}

    async def smtp_LHLO(self, arg: str | None) -> None:
        self._greeting = greeting_name(arg)
        self.reset()
        options = self._door.options
        lines = [options.hostname, "PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        if is_trusted(self.peer, options.xforward):
            lines.append(ANNOUNCEMENT)
        self.say("".join(f"250-{line}\r\n" for line in lines).encode())
        self.say(b"250 SIZE %d\r\n" % options.max_message_octets)

    async def smtp_HELO(self, arg: str | None) -> None:
        self._bad(replies.NOT_LMTP)

    async def smtp_EHLO(self, arg: str | None) -> None:
        self._bad(replies.NOT_LMTP)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if not self._greeting:
            self.say(replies.LHLO_FIRST)
            return
        if self.in_transaction:
            self.say(replies.MAIL_ALREADY)
            return
        path, text = split_path("FROM:", arg)
        parameters = mail_parameters(text)
        sender = sender_of(path, smtputf8=parameters.smtputf8)
        if parameters.size > self._door.options.max_message_octets:
            self.say(replies.TOO_LARGE)
            return
        self.envelope.smtp_utf8 = parameters.smtputf8
        self.envelope.asker = Asker(sender, parameters.size, self._client, self._trace(), self._lines)
        self.say(replies.SENDER_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:
        envelope = self.envelope
        if envelope.asker is NOBODY:
            self.say(replies.MAIL_FIRST if self._greeting else replies.LHLO_FIRST)
            return
        path, text = split_path("TO:", arg)
        if text:
            no_parameters(text)
        address = recipient_of(path, smtputf8=envelope.smtp_utf8)
        if len(envelope.recipients) >= self._door.options.max_recipients:
            self.say(replies.TOO_MANY_RECIPIENTS)
            return
        self._until(partial(self._door.gate.rcpt, envelope.asker, address), partial(self._rcpt_judged, address))

    def _rcpt_judged(self, address: str, ruling: Ruling) -> None:
        if ruling.told.is_acceptance:
            self.envelope.recipients.append(Recipient(address, ruling.found))
        self.say(replies.reply_to(ruling.told))

    async def smtp_DATA(self, arg: str | None) -> None:
        if arg:
            self._bad(replies.NO_ARGUMENT)
        elif self.envelope.asker is NOBODY:
            self.say(replies.MAIL_FIRST if self._greeting else replies.LHLO_FIRST)
        elif not self.envelope.recipients:
            self.say(replies.NO_RECIPIENT)
        else:
            self._until(partial(self._done, self._door.queue.room()), self._ask_for_data)

    def _ask_for_data(self, room: Future[None]) -> None:
        if room.cancelled() or room.exception() is not None:
            self.say(replies.TROUBLE)
            return
        options = self._door.options
        self._incoming = Incoming(options.max_message_octets, options.spool_folder)
        self.say(replies.GO_ON)

    def message_came(self, incoming: Incoming) -> None:
        envelope = self.envelope
        self._bad_commands = 0
        sent = Sent(
            envelope.asker, envelope.recipients, incoming, self._greeting, self.peer, smtputf8=envelope.smtp_utf8
        )
        try:
            self._until(partial(self._door.intake.judge, sent), partial(self._judged, sent))
        except Exception:
            self._not_taken(sent)

    def _judged(self, sent: Sent, judged: Judged) -> None:
        """A message has been judged: hand it over, if the client is still there to be told."""
        if self.transport is None:
            sent.incoming.close()
            return
        try:
            handed = self._door.intake.hand_over(sent, judged)
        except Exception:
            self._not_taken(sent)
            return
        if handed.put is None:
            self._message_over(sent, handed, "")
        else:
            self._delivery = handed.delivery
            self._until(partial(self._done, handed.put), partial(self._stored, sent, handed))

    def _not_taken(self, sent: Sent) -> None:
        _log.exception("a message was not taken", client=self._client)
        self._message_over(sent, Handed([replies.TROUBLE] * len(sent.recipients)), "")

    def _stored(self, sent: Sent, handed: Handed, put: Future[Any]) -> None:
        """The queue has the message, or has not: tell the client, if it is still there."""
        asker = sent.asker
        error = None if put.cancelled() else put.exception()
        if error is not None:
            _log.error("not queued", client=asker.client, id=asker.trace, **reason(error))
            self._delivery = None
        elif self._door.options.judging.log_verdicts:
            _log.info("queued", client=asker.client, sender=asker.sender, lists=handed.lists, size=sent.incoming.size,
                      id=asker.trace)  # fmt: skip
        self._message_over(sent, handed, asker.trace)
        if self._delivery is not None:
            self._unconfirmed.append((self.said, self._delivery))
            self._delivery = None

    def _message_over(self, sent: Sent, handed: Handed, trace: str) -> None:
        sent.incoming.close()
        self.reset()
        for reply in completed(handed, trace):
            self.say(reply)

    async def smtp_RSET(self, arg: str | None) -> None:
        if arg:
            self._bad(replies.NO_ARGUMENT)
            return
        self.reset()
        self.say(replies.OK)

    async def smtp_NOOP(self, arg: str | None) -> None:
        self.say(replies.OK)

    async def smtp_HELP(self, arg: str | None) -> None:
        self.say(replies.HELP)

    async def smtp_QUIT(self, arg: str | None) -> None:
        if arg:
            self._bad(replies.NO_ARGUMENT)
        else:
            self.end(replies.BYE)

    async def smtp_VRFY(self, arg: str | None) -> None:
        address = verify_path(arg)
        asker = Asker("", 0, self._client, "", self._lines)
        self._until(partial(self._door.gate.vrfy, asker, address), partial(self._vrfy_judged, address))

    def _vrfy_judged(self, address: str, verdict: Verdict) -> None:
        self.say(f"250 2.1.5 <{address}>\r\n".encode() if verdict.is_acceptance else replies.reply_to(verdict))

    async def smtp_XFORWARD(self, arg: str | None) -> None:
        if not is_trusted(self.peer, self._door.options.xforward):
            self._bad(replies.NOT_TRUSTED)
        elif not self._greeting:
            self.say(replies.LHLO_FIRST)
        elif self.in_transaction:
            self.say(replies.NOT_NOW)
        else:
            self._forwarded.update(attributes_of(arg))
            self.say(replies.OK)

    async def smtp_EXPN(self, arg: str | None) -> None:
        self._bad(replies.NOT_IMPLEMENTED)

    async def smtp_AUTH(self, arg: str | None) -> None:
        self._bad(replies.NOT_IMPLEMENTED)

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        self._bad(replies.NOT_IMPLEMENTED)

    @property
    def _client(self) -> str:
        """Who hands mail in, for the log: the client that XFORWARD names, or the mail server itself."""
        return self._forwarded.get("ADDR") or self.peer or "local"

    def _trace(self) -> str:
        """What all log lines of one message share: our own id, and the other server's where XFORWARD tells it."""
        trace = f"{self._name}{next(self._number):x}"
        ident = self._forwarded.get("IDENT", "")
        return f"{trace}/{ident}" if _is_id(ident) else trace

    def _until(self, begin: Callable[[Callable[[T], None]], object], then: Callable[[T], None]) -> None:
        """Begin something, and go on with its answer; hold the session until that comes, in the event loop.

        begin: gets what is to be called with the answer, now or later.
        """
        holding = answered = False

        def go_on(answer: T) -> None:
            nonlocal answered
            answered = True
            if not holding:
                then(answer)
                return
            self._held = False  # but something else may be begun
            try:
                then(answer)
            except Exception:
                _log.exception("a command failed", client=self._client)
                self.say(replies.TROUBLE)
            if not self._held:
                self.go_on()

        begin(go_on)
        if not answered:
            holding = True
            self.hold()

    def _done(self, future: Future[T], then: Callable[[Future[T]], object]) -> None:
        """Call `then` when a future is done: now, or in the event loop."""
        if future.done():
            then(future)
            return

        def come_to_loop(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self.loop.call_soon_threadsafe(then, future)

        future.add_done_callback(come_to_loop)


_COMMANDS: Mapping[bytes, Callable[[Session, str | None], Coroutine[Any, Any, None]]] = {
    b"LHLO": Session.smtp_LHLO,
    b"HELO": Session.smtp_HELO,
    b"EHLO": Session.smtp_EHLO,
    b"MAIL": Session.smtp_MAIL,
    b"RCPT": Session.smtp_RCPT,
    b"DATA": Session.smtp_DATA,
    b"RSET": Session.smtp_RSET,
    b"NOOP": Session.smtp_NOOP,
    b"HELP": Session.smtp_HELP,
    b"QUIT": Session.smtp_QUIT,
    b"VRFY": Session.smtp_VRFY,
    b"XFORWARD": Session.smtp_XFORWARD,
    b"EXPN": Session.smtp_EXPN,
    b"AUTH": Session.smtp_AUTH,
    b"STARTTLS": Session.smtp_STARTTLS,
}
