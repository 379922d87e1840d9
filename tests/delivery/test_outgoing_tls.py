"""Outgoing connections over real TLS, with certificates of the tests' own."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from gatepost_delivery.outgoing import Kind, Outcome, SMTPConnection, SMTPSConnection, STARTTLSConnection
from labs.delivery import Login, Server

POST = b"Subject: hello\r\n\r\nhello\r\n"
ANNE = Login(b"anne", b"secret")
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
KINDS: list[type[SMTPSConnection] | type[STARTTLSConnection]] = [SMTPSConnection, STARTTLSConnection]

Serve = Callable[[type[SMTPConnection], trustme.LeafCert], Server]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The one authority that this system trusts."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


def server(kind: type[SMTPConnection], certificate: trustme.LeafCert, account: Login | None = None) -> Server:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    if kind is SMTPSConnection:
        return Server(smtps=context, account=account)
    return Server(starttls=context, account=account)


def send(connection: SMTPConnection) -> Outcome:
    (outcome,) = connection.sendmail("ann-bounces@lists.example", ["bo@example.org"], POST)
    connection.quit()
    return outcome


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_certificate_that_holds(
    kind: type[SMTPSConnection | STARTTLSConnection], name: str, trusted: trustme.CA
) -> None:
    with server(kind, trusted.issue_cert(name), ANNE) as running:
        connection = kind(name, running.port, 0, True, True, "anne", "secret", auth_plaintext="never")
        assert send(connection).kind is Kind.SENT
    assert (running.connections, running.logins) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("issue", "told"),
    [
        (lambda known: known.issue_cert("other.example"), "mismatch"),
        (lambda known: trustme.CA().issue_cert("localhost"), "unable to get local issuer"),
        (lambda known: known.issue_cert("localhost", not_before=LONG_AGO, not_after=LONG_AGO), "expired"),
    ],
    ids=["host name", "authority", "expired"],
)
def test_a_certificate_that_does_not_hold(
    kind: type[SMTPSConnection | STARTTLSConnection],
    issue: Callable[[trustme.CA], trustme.LeafCert],
    told: str,
    trusted: trustme.CA,
) -> None:
    with server(kind, issue(trusted), ANNE) as running:
        outcome = send(kind("localhost", running.port, 0, user="anne", password="secret"))
        assert (outcome.kind, outcome.lost) == (Kind.LATER, True)
        assert outcome.reply.startswith("451 4.7.5 localhost:")
        assert told in outcome.reply
        assert running.took == []
        assert running.logins == 0
        assert send(kind("localhost", running.port, 0, False, False)).kind is Kind.SENT
        assert send(kind("localhost", running.port, 0, False, True)).kind is Kind.SENT


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_name_that_nobody_asks_for(
    kind: type[SMTPSConnection | STARTTLSConnection], trusted: trustme.CA
) -> None:
    with server(kind, trusted.issue_cert("other.example")) as running:
        assert send(kind("localhost", running.port, 0, True, False)).kind is Kind.SENT
    with server(kind, trustme.CA().issue_cert("other.example")) as running:
        assert send(kind("localhost", running.port, 0, True, False)).kind is Kind.LATER


def test_a_server_without_starttls_gets_nothing() -> None:
    with Server(account=ANNE) as running:
        outcome = send(STARTTLSConnection("localhost", running.port, 0, False, False, "anne", "secret"))
    assert outcome.kind is Kind.LATER
    assert outcome.reply.endswith("the mail server offers no STARTTLS")
    assert (running.took, running.logins) == ([], 0)


def test_a_server_that_has_no_tls_at_all() -> None:
    with Server() as running:
        outcome = send(SMTPSConnection("localhost", running.port, timeout=10.0))
    assert (outcome.kind, outcome.lost) == (Kind.LATER, True)
    assert running.took == []
