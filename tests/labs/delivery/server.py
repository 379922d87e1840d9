"""A real SMTP server (aiosmtpd) that counts connections, checks credentials and keeps what it has taken.

It refuses recipients whose local part is `refused`.
"""

from __future__ import annotations

import hmac
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from labs.mta.ports import Port

# What aiosmtpd knows by itself.
_MECHANISMS = ("LOGIN", "PLAIN")


class Login(NamedTuple):
    """Who may log in, and the mechanism that was used."""

    user: bytes
    password: bytes
    mechanism: str = ""


class Took(NamedTuple):
    """A message: its connection, who had logged in, and MAIL's parameters."""

    connection: object
    sender: str
    recipients: list[str]
    content: bytes
    login: Login | None
    options: list[str]


class Handler:
    """What the server does with commands and messages."""

    challenge = b"<1896.697170952@peer.example>"

    def __init__(self, account: Login) -> None:
        self._account = account
        self.connections: list[object] = []
        self.logins = 0
        self.took: list[Took] = []

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if session.peer not in self.connections:
            self.connections.append(session.peer)
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        login: Any = session.auth_data  # what `checked` has given
        options = [option.upper() for option in envelope.mail_options]
        self.took.append(Took(session.peer, envelope.mail_from, envelope.rcpt_tos, envelope.content, login, options))
        return "250 2.0.0 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return self.checked((data.login, data.password) == self._account[:2], mechanism)

    def checked(self, right: bool, mechanism: str) -> AuthResult:
        """Count it, and say what aiosmtpd wants to hear."""
        self.logins += right
        return AuthResult(success=right, handled=False, auth_data=self._account._replace(mechanism=mechanism))


class TakesCramMd5(Handler):
    """Offers CRAM-MD5 (RFC 2195), which aiosmtpd leaves to its users."""

    async def auth_CRAM__MD5(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        response = await server.challenge_auth(self.challenge)
        assert isinstance(response, bytes)
        user, password, _ = self._account
        right = user + b" " + hmac.new(password, self.challenge, "md5").hexdigest().encode()
        return self.checked(response == right, "CRAM-MD5")


class Server:
    """Listens at 127.0.0.1:port. Use it as a context manager.

    smtps and starttls: TLS by that context. account: who may log in, with or without TLS; None: there is no AUTH.
    without: mechanisms that are not offered. The other options are aiosmtpd's.
    """

    def __init__(
        self,
        *,
        account: Login | None = None,
        handler: type[Handler] = Handler,
        smtps: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        without: Iterable[str] = (),
        **options: Any,
    ) -> None:
        self._held = Port()
        self.port = self._held.number
        self._handler = handler(account or Login(b"", b""))
        self._controller = Controller(
            self._handler,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=smtps,
            tls_context=starttls,
            authenticator=self._handler.authenticate if account else None,
            auth_require_tls=False,
            auth_exclude_mechanism=without if account else _MECHANISMS,
            **options,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
        self._held.release()

    @property
    def connections(self) -> int:
        """How many have said EHLO."""
        return len(self._handler.connections)

    @property
    def logins(self) -> int:
        """How many have logged in."""
        return self._handler.logins

    @property
    def took(self) -> list[Took]:
        """The messages, in the order in which they came."""
        return self._handler.took
