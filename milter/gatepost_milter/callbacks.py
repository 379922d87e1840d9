"""libmilter's callbacks: from a connection's octets to the service, and back to what libmilter is told.

- At the envelope stage there are MAIL, RCPT and DATA; at the header stage MAIL, RCPT, the headers and their end. A
  stage that is changed by the settings counts for connections that begin then.
- Addresses arrive as octets; those that are no UTF-8 are carried as surrogate escapes.
- Whatever goes wrong in a callback is logged with its traceback and is a temporary failure; where the mail server waits
  for no answer, the next callback of that transaction fails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from gatepost_lists import Headers
from gatepost_milter import libmilter
from gatepost_milter.service import MilterService
from gatepost_milter.stacks import accept_any_stack
from gatepost_milter.transaction import (
    CONTINUE,
    TROUBLE,
    Outcome,
    Reply,
    Transaction,
    announced_size,
    without_brackets,
)
from gatepost_service.log import get_logger

NAME = "gatepost"
_CODES = {
    Outcome.CONTINUE: libmilter.CONTINUE,
    Outcome.REJECT: libmilter.REJECT,
    Outcome.TEMPFAIL: libmilter.TEMPFAIL,
}

_log = get_logger("milter")


class _Session:
    """What one connection of the mail server holds: how it was negotiated, and the transaction under way."""

    __slots__ = ("agreed", "at_headers", "transaction")

    def __init__(self, agreed: libmilter.Agreed, *, at_headers: bool) -> None:
        self.agreed = agreed
        self.at_headers = at_headers
        self.transaction: Transaction | None = None


class Callbacks:
    """Joins libmilter's callbacks to a service; knows the transactions under way, so that a stop can wait for them."""

    def __init__(self, service: MilterService) -> None:
        self._service = service
        self._changed = threading.Condition()
        self._under_way: set[Transaction] = set()

    def register(self) -> None:
        """Make libmilter call here. Call it once in a process, before its main loop."""
        libmilter.register(
            NAME,
            libmilter.Handlers(
                negotiate=self._negotiate,
                envfrom=self._mail,
                envrcpt=self._answered(self._rcpt, of_message=False),
                data=self._answered(self._data, of_message=True),
                header=self._header,
                eoh=self._answered(self._end_of_headers, of_message=True),
                eom=self._answered(self._end_of_message, of_message=True),
                abort=self._abort,
                close=self._close,
            ),
        )

    def wait_for_those_under_way(self, seconds: float) -> bool:
        """Wait until each transaction that is under way now has ended; whether that came to pass in time."""
        with self._changed:
            now = frozenset(self._under_way)
            return self._changed.wait_for(lambda: self._under_way.isdisjoint(now), seconds)

    def _negotiate(self, context: libmilter.Context, options: list[int]) -> int:
        try:
            at_headers = self._service.at_headers
            agreed = libmilter.agree(context, options, at_headers=at_headers)
            _begin(context, _Session(agreed, at_headers=at_headers))
        except Exception:
            _log.exception("a callback failed")
            return libmilter.REJECT  # ends the connection, and the mail server does what it does without a milter
        return libmilter.CONTINUE

    def _mail(self, context: libmilter.Context, sender: bytes, *parameters: bytes) -> int:
        session = self._session(context)
        self._end(session)
        try:
            transaction = Transaction(
                without_brackets(_text(sender)),
                announced_size([_text(parameter) for parameter in parameters]),
                _macro(context, "{client_addr}"),
                _macro(context, "{auth_authen}"),
                Headers() if session.at_headers else None,
            )
        except Exception:
            _log.exception("a callback failed")
            return session.agreed.envfrom
        session.transaction = transaction
        with self._changed:
            self._under_way.add(transaction)
        return session.agreed.envfrom

    def _rcpt(self, context: libmilter.Context, transaction: Transaction, recipient: bytes, *_: bytes) -> Reply:
        return self._service.rcpt(transaction, _text(recipient), _macro(context, "i"))

    def _data(self, context: libmilter.Context, transaction: Transaction) -> Reply:
        return self._service.data(transaction, _macro(context, "i"))

    def _header(self, context: libmilter.Context, name: str, value: bytes) -> int:
        session = self._session(context)
        try:
            if session.transaction is not None and session.transaction.headers is not None:
                session.transaction.headers.add(name, _text(value))
        except Exception:
            _log.exception("a callback failed")
            self._end(session)
        return session.agreed.header

    def _end_of_headers(self, context: libmilter.Context, transaction: Transaction) -> Reply:
        if transaction.headers is None:
            return CONTINUE
        return self._service.end_of_headers(transaction, _macro(context, "i"))

    def _end_of_message(self, context: libmilter.Context, transaction: Transaction) -> Reply:
        changes = self._service.changes(transaction)
        for address in changes.remove:
            self._change("a recipient cannot be removed", context.delrcpt, address)
        if changes.message_id:
            self._change("a header cannot be added", context.addheader, "Message-ID", changes.message_id)
        self._end(self._session(context))
        return CONTINUE

    def _change(self, trouble: str, change: Callable[..., None], *values: str) -> None:
        """Change the message; where the mail server takes no changes, or not this one, it stays as it is."""
        try:
            change(*values)
        except (libmilter.Error, UnicodeEncodeError) as error:
            _log.warning(trouble, what=values[-1], why=str(error))

    def _abort(self, context: libmilter.Context) -> int:
        self._end(self._session(context))
        return libmilter.CONTINUE

    def _close(self, context: libmilter.Context) -> int:
        if (session := context.getpriv()) is not None:
            self._end(session)
            context.setpriv(None)
        return libmilter.CONTINUE

    def _session(self, context: libmilter.Context) -> _Session:
        session: _Session | None = context.getpriv()
        if session is None:  # a mail server too old to negotiate
            session = _Session(libmilter.Agreed(), at_headers=self._service.at_headers)
            _begin(context, session)
        return session

    def _end(self, session: _Session) -> None:
        if session.transaction is not None:
            with self._changed:
                self._under_way.discard(session.transaction)
                self._changed.notify_all()
            session.transaction = None

    def _answered(self, answer: Callable[..., Reply], *, of_message: bool) -> Callable[..., int]:
        """A callback whose answer the mail server waits for; without a transaction, an earlier one has failed.

        of_message: whether a refusal is the whole message's. libmilter tells nothing of an abort that follows.
        """

        def callback(context: libmilter.Context, *arguments: bytes) -> int:
            reply = TROUBLE
            session = self._session(context)
            try:
                if session.transaction is not None:
                    reply = answer(context, session.transaction, *arguments)
            except Exception:
                _log.exception("a callback failed")
            if of_message and reply.outcome is not Outcome.CONTINUE:
                self._end(session)
            if reply.code:
                _set_reply(context, reply)
            return _CODES[reply.outcome]

        return callback


def _begin(context: libmilter.Context, session: _Session) -> None:
    """What comes before a connection's first transaction."""
    accept_any_stack()
    context.setpriv(session)


def _set_reply(context: libmilter.Context, reply: Reply) -> None:
    try:
        context.setreply(reply.code, reply.status, reply.text.replace("%", "%%"))
    except libmilter.Error:  # no memory: the mail server has a text of its own for each outcome
        _log.exception("a reply has no text")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _macro(context: libmilter.Context, name: str) -> str:
    """What the mail server says of the message, '' for nothing: Postfix has no queue id before the first recipient."""
    try:
        return context.getsymval(name) or ""
    except UnicodeDecodeError:
        return ""
