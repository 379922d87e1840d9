"""Outgoing connections: few connections for many messages, each opened with the first message, not before.

    connection = STARTTLSConnection("mx.example.com", 587, 100, True, True, "gatepost", "secret")
    for outcome in connection.sendmail("ann-bounces@lists.example", ["bo@example.org"], b"Subject: ..."):
        print(outcome.recipient, outcome.kind, outcome.reply)
    connection.quit()

A connection belongs to one thread at a time. Nothing here raises for trouble with the mail server: that is an outcome.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

from gatepost_delivery.outgoing import trouble
from gatepost_delivery.outgoing.auth import Plaintext, log_in
from gatepost_delivery.outgoing.client import Client, open_client
from gatepost_delivery.outgoing.content import Content, prepared
from gatepost_delivery.outgoing.transaction import Mail, Transaction
from gatepost_delivery.outgoing.values import Outcome

# RFC 5321 section 4.5.3.2: the longest of a client's waits but the one after the dot.
TIMEOUT = 300.0


class Options(TypedDict, total=False):
    """What every kind of connection can be told.

    timeout: seconds for connecting and for each reply. auth_plaintext: where a password may go without TLS.
    hostname: what EHLO says; '' is this host's name. devmode: an address that gets everything in place of each
    recipient; '' for none.
    """

    timeout: float
    auth_plaintext: Plaintext
    hostname: str
    devmode: str


class SMTPConnection:
    """To a mail server, without TLS (RFC 5321)."""

    def __init__(
        self,
        host: str,
        port: int,
        sessions: int = 0,
        user: str = "",
        password: str = "",
        **options: Unpack[Options],
    ) -> None:
        """`sessions`: how many messages go over one connection; 0: no limit. With user and password: log in."""
        self._host, self._port, self._sessions = host, port, sessions
        self._user, self._password = user, password
        self._timeout = options.get("timeout", TIMEOUT)
        self._plaintext: Plaintext = options.get("auth_plaintext", "loopback")
        self._hostname = options.get("hostname", "") or socket.gethostname()
        self._devmode = options.get("devmode", "")
        self._server = f"{host}:{port}"
        self._client: Client | None = None
        self._messages = 0

    def sendmail(self, sender: str, recipients: Sequence[str], message: bytes | Content) -> list[Outcome]:
        """Send a message; what became of it for each recipient, in their order. sender '' is the null one.

        A message that goes out several times is best `prepared` once.
        """
        content = message if isinstance(message, Content) else prepared(message)
        told = [self._devmode] * len(recipients) if self._devmode else recipients
        outcomes = self._send(Mail(sender, told, content))
        if not self._devmode:
            return outcomes
        return [replace(each, recipient=meant) for each, meant in zip(outcomes, recipients, strict=True)]

    def quit(self) -> None:
        """End the connection, if there is one; the next message opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.leave()

    def _send(self, mail: Mail) -> list[Outcome]:
        used_before = self._client is not None
        try:
            client = self._client or self._open()
        except (OSError, ValueError) as error:
            kind, reply = trouble.at_opening(error), trouble.unreachable(self._server, error)
            return [Outcome(recipient, kind, reply, lost=True) for recipient in mail.recipients]
        transaction = Transaction(client, self._server, mail)
        outcomes = transaction.run()
        if not client.is_open:
            self._client = None
            if transaction.ended and trouble.may_be_stale(transaction.replies, used_before=used_before):
                return self._send(mail)
        else:
            self._count(transaction)
        return outcomes

    def _count(self, transaction: Transaction) -> None:
        self._messages += transaction.begun
        if self._sessions and self._messages >= self._sessions:
            self.quit()

    def _open(self) -> Client:
        client = self._connect()
        try:
            client.ehlo_or_helo_if_needed()
            self._secure(client)
            if self._user and self._password:
                log_in(client, self._user, self._password, self._plaintext)
        except BaseException:
            client.close()
            raise
        self._client, self._messages = client, 0
        return client

    def _connect(self) -> Client:
        return open_client(self._host, self._port, self._hostname, self._timeout, None)

    def _secure(self, client: Client) -> None:
        """There is nothing to do."""


class _TLSConnection(SMTPConnection):
    def __init__(
        self,
        host: str,
        port: int,
        sessions: int = 0,
        verify_cert: bool = True,
        verify_hostname: bool = True,
        user: str = "",
        password: str = "",
        **options: Unpack[Options],
    ) -> None:
        """`verify_cert`: by the system's authorities; without it there is no host name to verify, either."""
        super().__init__(host, port, sessions, user, password, **options)
        self._context = ssl.create_default_context()
        self._context.check_hostname = verify_cert and verify_hostname
        self._context.verify_mode = ssl.CERT_REQUIRED if verify_cert else ssl.CERT_NONE


class SMTPSConnection(_TLSConnection):
    """With TLS from the beginning (RFC 8314)."""

    def _connect(self) -> Client:
        return open_client(self._host, self._port, self._hostname, self._timeout, self._context)


class STARTTLSConnection(_TLSConnection):
    """With TLS before anything is sent (RFC 3207). A server without it gets nothing."""

    def _secure(self, client: Client) -> None:
        if not client.has_extn("starttls"):
            raise trouble.Unusable("the mail server offers no STARTTLS")
        client.starttls(context=self._context)
        client.ehlo_or_helo_if_needed()
