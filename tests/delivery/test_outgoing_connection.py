"""Connections to a real SMTP server: when they are opened, how many messages they carry, and who logs in how."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepost_delivery.outgoing import Kind, SMTPConnection, prepared
from gatepost_delivery.outgoing.auth import Plaintext
from labs.delivery import Login, Server, TakesCramMd5

LIST = "ann-bounces@lists.example"
POST = b"From: bo@example.org\r\nSubject: hello\r\n\r\nhello\r\n"
ANNE = Login(b"anne", b"secret")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def send(connection: SMTPConnection, times: int = 1) -> None:
    for _ in range(times):
        outcomes = connection.sendmail(LIST, ["bo@example.org"], POST)
        assert [outcome.kind for outcome in outcomes] == [Kind.SENT]


def test_nothing_is_opened_before_the_first_message(server: Server) -> None:
    connection = SMTPConnection("127.0.0.1", server.port)
    connection.quit()
    assert server.connections == 0
    send(connection)
    assert server.connections == 1
    connection.quit()


@pytest.mark.parametrize(
    ("sessions", "messages", "connections"),
    [(0, 10, 1), (1, 3, 3), (2, 1, 1), (2, 2, 1), (2, 3, 2), (2, 4, 2), (2, 5, 3), (3, 10, 4)],
)
def test_messages_a_connection(server: Server, sessions: int, messages: int, connections: int) -> None:
    connection = SMTPConnection("127.0.0.1", server.port, sessions)
    send(connection, messages)
    connection.quit()
    assert server.connections == connections
    assert len(server.took) == messages


def test_a_reset_does_not_count(server: Server) -> None:
    connection = SMTPConnection("127.0.0.1", server.port, 2)
    refused = connection.sendmail(LIST, ["refused@example.org"], POST)
    assert [outcome.kind for outcome in refused] == [Kind.REFUSED]
    send(connection)
    assert server.connections == 1
    send(connection)
    assert server.connections == 2
    connection.quit()


def test_after_quit_the_next_message_opens_another(server: Server) -> None:
    connection = SMTPConnection("127.0.0.1", server.port)
    send(connection)
    connection.quit()
    send(connection)
    connection.quit()
    assert server.connections == 2


def test_every_octet_arrives(server: Server) -> None:
    message = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\xfc\r\nend"
    connection = SMTPConnection("127.0.0.1", server.port)
    connection.sendmail("", ["bo@example.org", "cy@example.net"], prepared(message))
    connection.quit()
    (took,) = server.took
    assert took.content == message + b"\r\n"
    assert (took.sender, took.recipients) == ("<>", ["bo@example.org", "cy@example.net"])
    assert set(took.options) == {f"SIZE={len(message) + 2}", "BODY=8BITMIME"}


@pytest.mark.parametrize("without", [("LOGIN",), ("PLAIN",)])
def test_logs_in_after_each_connect(without: tuple[str]) -> None:
    with Server(account=ANNE, without=without) as server:
        connection = SMTPConnection("127.0.0.1", server.port, 2, "anne", "secret")
        send(connection, 5)
        connection.quit()
    assert (server.connections, server.logins) == (3, 3)
    used = {"PLAIN", "LOGIN"} - set(without)
    assert {took.login.mechanism for took in server.took if took.login} == used
    assert all(took.login for took in server.took)


@pytest.mark.parametrize("plaintext", ["loopback", "never"])
def test_cram_md5_needs_no_tls(plaintext: Plaintext) -> None:
    with Server(account=ANNE, handler=TakesCramMd5) as server:
        connection = SMTPConnection("127.0.0.1", server.port, 0, "anne", "secret", auth_plaintext=plaintext)
        send(connection)
        connection.quit()
    assert server.took[0].login == ANNE._replace(mechanism="CRAM-MD5")


def test_a_password_beyond_ascii() -> None:
    with Server(account=Login("jürgen".encode(), "größer".encode())) as server:
        connection = SMTPConnection("127.0.0.1", server.port, 0, "jürgen", "größer")
        send(connection)
        connection.quit()
    assert server.logins == 1


@pytest.mark.parametrize(("user", "password"), [("", ""), ("anne", ""), ("", "secret")])
def test_without_user_and_password_nobody_logs_in(user: str, password: str) -> None:
    with Server(account=ANNE) as server:
        connection = SMTPConnection("127.0.0.1", server.port, 0, user, password)
        send(connection)
        connection.quit()
    assert (server.logins, server.took[0].login) == (0, None)


@pytest.mark.parametrize(
    ("account", "password", "plaintext", "kind", "told"),
    [
        (ANNE, "wrong", "loopback", Kind.CLIENT_REFUSED, "does not take smtp_user and smtp_pass: 535"),
        (ANNE, "secret", "never", Kind.LATER, "PLAIN and LOGIN would show the password (see smtp_auth_plaintext)"),
        (None, "secret", "always", Kind.LATER, "the mail server offers no AUTH"),
    ],
)
def test_who_cannot_log_in_sends_later(
    account: Login | None, password: str, plaintext: Plaintext, kind: Kind, told: str
) -> None:
    with Server(account=account) as server:
        connection = SMTPConnection("127.0.0.1", server.port, 0, "anne", password, auth_plaintext=plaintext)
        outcomes = connection.sendmail(LIST, ["bo@example.org", "cy@example.net"], POST)
        connection.quit()
    assert [(outcome.recipient, outcome.kind, outcome.lost) for outcome in outcomes] == [
        ("bo@example.org", kind, True),
        ("cy@example.net", kind, True),
    ]
    assert outcomes[0].reply.startswith("451 4.7.0 ")
    assert told in outcomes[0].reply
    assert "secret" not in outcomes[0].reply
    assert server.took == []


def test_devmode_keeps_the_count(server: Server) -> None:
    connection = SMTPConnection("127.0.0.1", server.port, devmode="dev@example.com")
    outcomes = connection.sendmail(LIST, ["bo@example.org", "cy@example.net"], POST)
    connection.quit()
    assert server.took[0].recipients == ["dev@example.com", "dev@example.com"]
    assert [(outcome.recipient, outcome.kind) for outcome in outcomes] == [
        ("bo@example.org", Kind.SENT),
        ("cy@example.net", Kind.SENT),
    ]


def test_addresses_beyond_ascii() -> None:
    with Server(enable_SMTPUTF8=True) as server:
        connection = SMTPConnection("127.0.0.1", server.port)
        connection.sendmail(LIST, ["jürgen@example.org"], POST)
        send(connection)
        connection.quit()
    assert server.took[0].recipients == ["jürgen@example.org"]
    assert ["SMTPUTF8" in took.options for took in server.took] == [True, False]


def test_addresses_beyond_ascii_where_the_server_has_only_ascii() -> None:
    with Server(enable_SMTPUTF8=False) as server:
        connection = SMTPConnection("127.0.0.1", server.port)
        refused, sent, converted = connection.sendmail(
            LIST, ["jürgen@example.org", "bo@example.org", "cy@münchen.example"], POST
        )
        (from_nobody,) = connection.sendmail("jürgen-bounces@lists.example", ["bo@example.org"], POST)
        connection.quit()
    assert (refused.kind, refused.reply[:9]) == (Kind.CLIENT_REFUSED, "553 5.6.7")
    assert (sent.kind, converted.kind) == (Kind.SENT, Kind.SENT)
    assert (from_nobody.kind, from_nobody.reply[:9]) == (Kind.CLIENT_REFUSED, "553 5.6.7")
    assert [took.recipients for took in server.took] == [["bo@example.org", "cy@xn--mnchen-3ya.example"]]


def test_an_address_that_would_end_its_command_is_never_sent(server: Server) -> None:
    connection = SMTPConnection("127.0.0.1", server.port)
    outcomes = connection.sendmail(LIST, ["x>\r\nRCPT TO:<evil@example.com", "", "bo@example.org"], POST)
    connection.quit()
    assert [outcome.kind for outcome in outcomes] == [Kind.REFUSED, Kind.REFUSED, Kind.SENT]
    assert server.took[0].recipients == ["bo@example.org"]
