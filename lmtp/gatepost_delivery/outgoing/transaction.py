"""One message on its way through an open session: MAIL, RCPT, DATA, the dot, and an outcome for each recipient.

What the replies mean is said in `trouble`. DATA goes out together with the rest where PIPELINING is offered; if the
server then takes it although it took no recipient, nothing but the dot is sent (RFC 2920 section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost_delivery.outgoing import trouble
from gatepost_delivery.outgoing.client import Client
from gatepost_delivery.outgoing.content import Content
from gatepost_delivery.outgoing.paths import NULL, Unwritable, path
from gatepost_delivery.outgoing.trouble import Reply
from gatepost_delivery.outgoing.values import Kind, Outcome


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be sent: sender '' is the null one; `recipients` are told to the server, in this order."""

    sender: str
    recipients: Sequence[str]
    content: Content


class Transaction:
    """An attempt to send one message. Run it once.

    replies: how many have come. begun: there was something to ask the server. ended: the session has, on the way.
    """

    def __init__(self, client: Client, server: str, mail: Mail) -> None:
        self._client = client
        self._server = server
        self._mail = mail
        self._outcomes: dict[int, Outcome] = {}
        self.replies = 0
        self.begun = False
        self.ended = False

    def run(self) -> list[Outcome]:
        """What became of it for each recipient, in their order. The client is closed if the session has ended."""
        try:
            self._converse()
        except OSError as error:
            self._client.close()
            self.ended = True
            reply = trouble.broken_off(self._server, error)
            self._decide_rest(Kind.LATER, reply, lost=True)
        return [self._outcomes[number] for number in range(len(self._mail.recipients))]

    def _converse(self) -> None:
        utf8 = self._client.has_extn("smtputf8")
        try:
            sender = path(self._mail.sender, smtputf8=utf8) if self._mail.sender else NULL
        except Unwritable as error:
            self._decide_rest(trouble.before_content(error.reply), str(error))
            return
        paths = self._paths(utf8)
        if paths:
            self.begun = True
            self._ask(sender, paths)

    def _paths(self, utf8: bool) -> dict[int, str]:
        """The recipients that can be told to the server; what cannot is refused."""
        paths = {}
        for number, recipient in enumerate(self._mail.recipients):
            try:
                paths[number] = path(recipient, smtputf8=utf8)
            except Unwritable as error:
                self._decide(number, trouble.at_recipient(error.reply), str(error))
        return paths

    def _ask(self, sender: str, paths: dict[int, str]) -> None:
        needs_utf8 = not (sender.isascii() and all(map(str.isascii, paths.values())))
        first = f"MAIL FROM:{sender}{self._parameters(needs_utf8)}"
        replies = self._client.ask([first, *[f"RCPT TO:{each}" for each in paths.values()], "DATA"])
        mail = self._counted(next(replies))
        if trouble.is_positive(mail):
            for number in paths:
                reply = self._counted(next(replies))
                if not trouble.is_positive(reply):
                    self._decide(number, trouble.at_recipient(reply), str(reply))
        else:
            self._decide_rest(trouble.before_content(mail), str(mail))
        if self._open_recipients() or self._client.has_extn("pipelining"):
            *_, data = replies  # behind a MAIL that was refused, the answers to each RCPT mean nothing
            self._data(data)
        elif trouble.is_positive(mail):
            self._reset()

    def _data(self, data: Reply) -> None:
        goes_on = data.code // 100 == trouble.INTERMEDIATE
        if not goes_on:
            self._decide_rest(trouble.before_content(data), str(data))
            self._reset()
        elif self._open_recipients():
            reply = self._client.send_content(self._mail.content.wire)
            kind = Kind.SENT if trouble.is_positive(reply) else trouble.behind_content(reply)
            self._decide_rest(kind, str(reply))
        else:
            self._client.send_content(b".\r\n")

    def _parameters(self, needs_utf8: bool) -> str:
        """RFC 1870 SIZE, RFC 6152 BODY, RFC 6531 SMTPUTF8."""
        content = self._mail.content
        size = f" SIZE={content.size}" if self._client.has_extn("size") else ""
        body = " BODY=8BITMIME" if content.eight_bit and self._client.has_extn("8bitmime") else ""
        return size + body + (" SMTPUTF8" if needs_utf8 else "")

    def _reset(self) -> None:
        """End a transaction whose message was not sent; a server that does not take that is not asked again."""
        if not trouble.is_positive(next(self._client.ask(["RSET"]))):
            self._client.leave()

    def _counted(self, reply: Reply) -> Reply:
        self.replies += 1
        return reply

    def _open_recipients(self) -> bool:
        return len(self._outcomes) < len(self._mail.recipients)

    def _decide(self, number: int, kind: Kind, reply: str, lost: bool = False) -> None:
        self._outcomes[number] = Outcome(self._mail.recipients[number], kind, reply, lost)

    def _decide_rest(self, kind: Kind, reply: str, lost: bool = False) -> None:
        for number in range(len(self._mail.recipients)):
            if number not in self._outcomes:
                self._decide(number, kind, reply, lost)
