"""What a mail server can do wrong, and what becomes of each recipient; all of it with PIPELINING and without."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from gatepost_delivery.outgoing import Kind, Outcome, SMTPConnection
from labs.delivery import CLOSE, HANG, Peer

LIST = "ann-bounces@lists.example"
POST = b"Subject: hello\r\n\r\nhello\r\n"
TWO = ["bo@example.org", "cy@example.net"]
SENT, LATER, REFUSED, MESSAGE_REFUSED = Kind.SENT, Kind.LATER, Kind.REFUSED, Kind.MESSAGE_REFUSED
CLIENT_REFUSED, UNCLEAR = Kind.CLIENT_REFUSED, Kind.UNCLEAR
ENDLESS = "250-and so on\r\n" * 6000 + "250 end"


class Case(NamedTuple):
    """What the server says to a verb, what becomes of two recipients, and the replies' beginnings."""

    answers: dict[str, str | Iterable[str]]
    kinds: tuple[Kind, Kind]
    replies: tuple[str, str]


CASES = {
    "all is well": Case({}, (SENT, SENT), ("250 2.0.0 taken", "250 2.0.0 taken")),
    "253 is a yes as well": Case({"RCPT": "253 ok", "DOT": "299 ok"}, (SENT, SENT), ("299 ok", "299 ok")),
    "every second recipient refused": Case({"RCPT": ["250 ok", "550 5.1.1 no"]}, (SENT, REFUSED), ("250", "550 5.1.1")),
    "all recipients refused": Case({"RCPT": "550 5.1.1 no"}, (REFUSED, REFUSED), ("550 5.1.1 no", "550 5.1.1 no")),
    "refused, and DATA as well": Case(
        {"RCPT": "550 5.1.1 no", "DATA": "554 5.5.1 nobody"}, (REFUSED, REFUSED), ("550 5.1.1 no", "550 5.1.1 no")
    ),
    "greylisted": Case({"RCPT": "450 4.2.0 greylisted"}, (LATER, LATER), ("450 4.2.0", "450 4.2.0")),
    "one greylisted": Case({"RCPT": ["450 4.2.0 greylisted"]}, (LATER, SENT), ("450 4.2.0", "250")),
    "mailbox full": Case({"RCPT": ["552 5.2.2 full"]}, (LATER, SENT), ("552 5.2.2", "250")),
    "log in first, to RCPT": Case({"RCPT": ["530 5.7.0 log in"]}, (CLIENT_REFUSED, SENT), ("530", "250")),
    "no relaying for us": Case(
        {"RCPT": "554 5.7.1 <x>: Relay access denied"}, (CLIENT_REFUSED,) * 2, ("554 5.7.1",) * 2
    ),
    "no reason": Case({"RCPT": ["550 no", "554 5.0.0 no"]}, (UNCLEAR,) * 2, ("550 no", "554 5.0.0")),
    "5xx to MAIL": Case({"MAIL": "550 5.7.1 not you"}, (CLIENT_REFUSED,) * 2, ("550 5.7.1 not you",) * 2),
    "5xx to MAIL without a reason": Case({"MAIL": "550 no"}, (CLIENT_REFUSED,) * 2, ("550 no",) * 2),
    "5xx to MAIL for what it is": Case({"MAIL": "554 5.6.1 no"}, (MESSAGE_REFUSED,) * 2, ("554 5.6.1 no",) * 2),
    "552 to MAIL": Case({"MAIL": "552 5.3.4 too big"}, (MESSAGE_REFUSED,) * 2, ("552 5.3.4",) * 2),
    "log in first": Case({"MAIL": "530 5.7.0 log in"}, (CLIENT_REFUSED,) * 2, ("530", "530")),
    "4xx to MAIL": Case({"MAIL": "451 4.3.0 not now"}, (LATER, LATER), ("451 4.3.0", "451 4.3.0")),
    "all refused behind a MAIL that was": Case(
        {"MAIL": "451 4.3.0 not now", "RCPT": "503 5.5.1 MAIL first", "DATA": "503 5.5.1 MAIL first"},
        (LATER, LATER),
        ("451 4.3.0", "451 4.3.0"),
    ),
    "5xx to DATA": Case({"DATA": "554 5.7.1 no"}, (CLIENT_REFUSED,) * 2, ("554 5.7.1",) * 2),
    "5xx to DATA, one refused": Case(
        {"RCPT": ["550 5.1.1 no"], "DATA": "554 5.7.1 no"}, (REFUSED, CLIENT_REFUSED), ("550 5.1.1", "554 5.7.1")
    ),
    "too much to DATA": Case({"DATA": "552 5.3.4 no"}, (MESSAGE_REFUSED,) * 2, ("552 5.3.4",) * 2),
    "4xx to DATA": Case({"DATA": "452 4.3.1 no room"}, (LATER, LATER), ("452", "452")),
    "5xx behind the dot": Case({"DOT": "554 5.6.0 no"}, (MESSAGE_REFUSED,) * 2, ("554 5.6.0",) * 2),
    "spam behind the dot": Case({"DOT": "554 5.7.1 spam"}, (MESSAGE_REFUSED,) * 2, ("554 5.7.1",) * 2),
    "4xx behind the dot": Case({"DOT": "451 4.3.0 no"}, (LATER, LATER), ("451 4.3.0",) * 2),
    "several lines": Case(
        {"DOT": "554-5.6.0 what is\r\n554-5.6.0 this\x07\r\n554 5.6.0 \xe4"},
        (MESSAGE_REFUSED,) * 2,
        ("554 5.6.0 what is 5.6.0 this 5.6.0 \xe4",) * 2,
    ),
    "421 to MAIL": Case({"MAIL": "421 4.3.2 bye"}, (LATER, LATER), ("451 4.4.2",) * 2),
    "421 to a recipient": Case({"RCPT": ["550 5.1.1 no", "421 4.3.2 bye"]}, (REFUSED, LATER), ("550", "451 4.4.2")),
    "421 to DATA": Case({"DATA": "421 4.3.2 bye" + CLOSE}, (LATER, LATER), ("451 4.4.2",) * 2),
    "421 behind the dot": Case({"DOT": "421 4.3.2 bye" + CLOSE}, (LATER, LATER), ("451 4.4.2",) * 2),
    "rubbish to MAIL": Case({"MAIL": "hello there"}, (LATER, LATER), ("451 4.4.2",) * 2),
    "rubbish to RCPT": Case({"RCPT": "\x16\x03\x01"}, (LATER, LATER), ("451 4.4.2",) * 2),
    "a wrong yes to MAIL": Case({"MAIL": "354 go on"}, (LATER, LATER), ("451 4.4.2",) * 2),
    "a wrong yes to DATA": Case({"DATA": "250 ok"}, (LATER, LATER), ("451 4.4.2",) * 2),
    "a code that is none": Case({"DOT": "777 jackpot"}, (LATER, LATER), ("451 4.4.2",) * 2),
    "a line without an end": Case({"MAIL": "250 " + "x" * 10000}, (LATER, LATER), ("451 4.4.2",) * 2),
    "a reply without an end": Case({"MAIL": ENDLESS}, (LATER, LATER), ("451 4.4.2",) * 2),
    "closes at once": Case({"CONNECT": CLOSE}, (LATER, LATER), ("451 4.4.1",) * 2),
    "is busy": Case({"CONNECT": "421 4.3.2 busy" + CLOSE}, (LATER, LATER), ("451 4.4.1",) * 2),
    "does not want us": Case({"CONNECT": "554 5.7.1 go away"}, (CLIENT_REFUSED,) * 2, ("451 4.4.1",) * 2),
    "greets with rubbish": Case({"CONNECT": "SSH-2.0-OpenSSH"}, (LATER, LATER), ("451 4.4.1",) * 2),
    "closes after EHLO": Case({"EHLO": CLOSE}, (LATER, LATER), ("451 4.4.1",) * 2),
    "takes neither EHLO nor HELO": Case(
        {"EHLO": "550 no", "HELO": "550 no"}, (CLIENT_REFUSED,) * 2, ("451 4.4.1",) * 2
    ),
    "takes neither now": Case({"EHLO": "450 no", "HELO": "450 no"}, (LATER, LATER), ("451 4.4.1",) * 2),
    "takes HELO alone": Case({"EHLO": "500 what?"}, (SENT, SENT), ("250", "250")),
    "closes after MAIL": Case({"MAIL": CLOSE}, (LATER, LATER), ("451 4.4.2",) * 2),
    "closes after the first recipient": Case({"RCPT": "250 ok" + CLOSE}, (LATER, LATER), ("451 4.4.2",) * 2),
    "closes after a refusal": Case({"RCPT": "550 5.1.1 no" + CLOSE}, (REFUSED, LATER), ("550 5.1.1", "451 4.4.2")),
    "closes after DATA": Case({"DATA": CLOSE}, (LATER, LATER), ("451 4.4.2",) * 2),
    "closes behind the dot": Case({"DOT": CLOSE}, (LATER, LATER), ("451 4.4.2",) * 2),
    "closes when all is said": Case({"DOT": "250 ok" + CLOSE}, (SENT, SENT), ("250 ok", "250 ok")),
    "no RSET": Case({"RCPT": "550 5.1.1 no", "DATA": "554 no", "RSET": "500 no"}, (REFUSED,) * 2, ("550 5.1.1",) * 2),
    "closes after RSET": Case({"DATA": "554 5.7.1 no", "RSET": CLOSE}, (CLIENT_REFUSED,) * 2, ("554 5.7.1",) * 2),
}
SLOW = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"]


@pytest.fixture(params=[("PIPELINING", "8BITMIME"), ()], ids=["pipelining", "one by one"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_becomes_of_two_recipients(case: Case, extensions: tuple[str, ...]) -> None:
    with Peer(extensions=extensions, **_fresh(case.answers)) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes = connection.sendmail(LIST, TWO, POST)
        connection.quit()
    assert [outcome.recipient for outcome in outcomes] == TWO
    assert tuple(outcome.kind for outcome in outcomes) == case.kinds
    for outcome, beginning in zip(outcomes, case.replies, strict=True):
        assert outcome.reply.startswith(beginning)
        assert outcome.lost == beginning.startswith("451 4.4.")
    if SENT in case.kinds:
        assert peer.messages == [POST]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("550 5.1.1 no such user", REFUSED),
        ("550 5.1.1 <relay@x> not relay: User unknown in relay recipient table", REFUSED),
        ("550 5.1.2 no such host", REFUSED),
        ("553 5.1.3 no address", REFUSED),
        ("550 5.1.6 moved", REFUSED),
        ("556 5.1.10 takes no mail", REFUSED),
        ("550 5.2.1 disabled", REFUSED),
        ("550-5.1.1 no\r\n550 5.1.1 such user", REFUSED),
        ("553 sorry, no mailbox here by that name. (#5.1.1)", REFUSED),
        ("552 5.2.2 full", LATER),
        ("450 5.7.1 odd", LATER),
        ("554 5.7.1 Relay access denied", CLIENT_REFUSED),
        ("550 5.7.26 not authenticated", CLIENT_REFUSED),
        ("550 5.7.27 null MX", CLIENT_REFUSED),
        ("553 5.1.7 your address is odd", CLIENT_REFUSED),
        ("553 5.1.8 your domain does not exist", CLIENT_REFUSED),
        ("554 5.5.0 protocol", CLIENT_REFUSED),
        ("503 5.5.1 what?", CLIENT_REFUSED),
        ("553 5.6.7 needs SMTPUTF8", CLIENT_REFUSED),
        ("530 log in", CLIENT_REFUSED),
        ("538 5.7.11 use TLS", CLIENT_REFUSED),
        ("550 relay not permitted", CLIENT_REFUSED),
        ("550 5.0.0 Relaying denied", CLIENT_REFUSED),
        ("550 we do not relay", CLIENT_REFUSED),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", CLIENT_REFUSED),
        ("550 Unrouteable address", UNCLEAR),
        ("550 relay.example says no such user", UNCLEAR),
        ("550 5.0.0 no", UNCLEAR),
        ("550 5.3.5 system config error", UNCLEAR),
        ("550 5.4.1 access denied", UNCLEAR),
        ("550 see 5.1.1", UNCLEAR),
        ("550", UNCLEAR),
    ],
)
def test_what_a_recipients_reply_is_about(reply: str, kind: Kind) -> None:
    with Peer(RCPT=reply) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        (outcome,) = connection.sendmail(LIST, TWO[:1], POST)
        connection.quit()
    assert outcome.kind is kind


def test_an_address_that_the_server_cannot_be_told_is_no_fault_of_its_owner() -> None:
    with Peer() as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes = connection.sendmail(LIST, ["jürgen@example.org", "a b@example.org"], POST)
        connection.quit()
    assert [outcome.kind for outcome in outcomes] == [CLIENT_REFUSED, REFUSED]


def _fresh(answers: dict[str, str | Iterable[str]]) -> dict[str, str | Iterable[str]]:
    return {verb: said if isinstance(said, str) else list(said) for verb, said in answers.items()}


@pytest.mark.parametrize("name", [name for name in CASES if "MAIL that was" not in name])
def test_the_next_message_is_not_held_up(name: str, extensions: tuple[str, ...]) -> None:
    """Whatever the server says to the first message, the second one goes out as if nothing had been."""
    once = {verb: _once(said) for verb, said in _fresh(CASES[name].answers).items()}
    with Peer(extensions=extensions, **once) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        connection.sendmail(LIST, TWO, b"Subject: first\r\n\r\n")
        outcomes = connection.sendmail(LIST, TWO[:1], POST)
        connection.quit()
    assert [outcome.kind for outcome in outcomes] == [SENT]
    assert peer.messages[-1] == POST


def _once(said: str | Iterable[str]) -> Iterable[str]:
    return [said] if isinstance(said, str) else said


@pytest.mark.parametrize("verb", SLOW)
def test_a_server_that_says_nothing(verb: str, extensions: tuple[str, ...]) -> None:
    with Peer(extensions=extensions, **{verb: HANG}) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port, timeout=0.2)
        outcomes = connection.sendmail(LIST, TWO, POST)
        connection.quit()
    assert [(outcome.kind, outcome.lost) for outcome in outcomes] == [(LATER, True)] * 2
    assert "timed out" in outcomes[0].reply


def test_a_server_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    outcomes = SMTPConnection("127.0.0.1", port).sendmail(LIST, TWO, POST)
    assert [(outcome.kind, outcome.lost) for outcome in outcomes] == [(LATER, True)] * 2
    assert outcomes[0].reply == f"451 4.4.1 127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_server_whose_name_leads_nowhere(host: str) -> None:
    (outcome,) = SMTPConnection(host, 25).sendmail(LIST, TWO[:1], POST)
    assert (outcome.kind, outcome.lost) == (LATER, True)
    assert outcome.reply.startswith(f"451 4.4.1 {host}:25: ")


@pytest.mark.parametrize(
    "answers",
    [
        {"DOT": ["250 ok\r\n421 4.4.2 idle for too long" + CLOSE]},
        {"DOT": ["250 ok" + CLOSE]},
        {"MAIL": ["250 ok", HANG]},
        {"MAIL": ["250 ok", "421 4.4.2 idle for too long" + CLOSE]},
        {"MAIL": ["250 ok", "rubbish"]},
    ],
    ids=["421 unasked", "closed", "silent", "421", "rubbish"],
)
def test_an_idle_connection_that_died_is_replaced(answers: dict[str, list[str]], extensions: tuple[str, ...]) -> None:
    with Peer(extensions=extensions, **answers) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port, timeout=2.0)
        outcomes = [connection.sendmail(LIST, TWO, POST)[0] for _ in range(3)]
        connection.quit()
    assert [outcome.kind for outcome in outcomes] == [SENT, SENT, SENT]
    assert peer.messages == [POST, POST, POST]
    assert len(peer.sessions) == 2


def test_a_dead_connection_is_replaced_once() -> None:
    with Peer(MAIL=itertools.chain(["250 ok"], itertools.repeat(CLOSE))) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes = [connection.sendmail(LIST, TWO[:1], POST)[0] for _ in range(2)]
    assert [outcome.kind for outcome in outcomes] == [SENT, LATER]
    assert len(peer.sessions) == 2


def test_a_session_that_breaks_later_is_not_begun_again() -> None:
    """The message may be there already."""
    with Peer(DOT=["250 ok", CLOSE]) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes = [connection.sendmail(LIST, TWO[:1], POST)[0] for _ in range(2)]
        connection.quit()
    assert [outcome.kind for outcome in outcomes] == [SENT, LATER]
    assert len(peer.sessions) == 1


def test_nothing_but_the_dot_goes_to_nobody() -> None:
    """RFC 2920 section 3.1: a server that takes DATA although it took no recipient."""
    with Peer(RCPT="550 5.1.1 no") as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        connection.sendmail(LIST, TWO, POST)
        connection.quit()
    assert peer.messages == [b""]
    assert peer.sessions[0].verbs() == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]


def test_without_pipelining_data_is_not_said_for_nobody() -> None:
    with Peer(extensions=(), RCPT="550 5.1.1 no") as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        connection.sendmail(LIST, TWO, POST)
        connection.quit()
    assert peer.sessions[0].verbs() == ["EHLO", "MAIL", "RCPT", "RCPT", "RSET", "QUIT"]


@pytest.mark.parametrize("count", [99, 100, 250, 1000])
def test_many_recipients(count: int, extensions: tuple[str, ...]) -> None:
    """More than go out in one write; every third one is refused."""
    recipients = [f"member{number}@example.org" for number in range(count)]
    with Peer(extensions=extensions, RCPT=itertools.cycle(["250 ok", "250 ok", "550 5.1.1 no"])) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes = connection.sendmail(LIST, recipients, POST)
        connection.quit()
    assert [outcome.recipient for outcome in outcomes] == recipients
    assert [outcome.kind for outcome in outcomes] == [REFUSED if number % 3 == 2 else SENT for number in range(count)]
    assert peer.messages == [POST]


def test_a_big_message_arrives() -> None:
    message = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + b"0123456789abcde\r\n" * 60_000
    with Peer() as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes: list[Outcome] = connection.sendmail(LIST, TWO[:1], message)
        connection.quit()
    assert outcomes[0].kind is SENT
    assert peer.messages == [message]


def test_replies_of_several_lines_stay_in_step(extensions: tuple[str, ...]) -> None:
    many_lines = "250-ok\r\n" * 5 + "250 ok"
    with Peer(extensions=extensions, MAIL=many_lines, RCPT=many_lines, DATA="354-go\r\n354 on", DOT=many_lines) as peer:
        connection = SMTPConnection("127.0.0.1", peer.port)
        outcomes = [outcome for _ in range(2) for outcome in connection.sendmail(LIST, TWO, POST)]
        connection.quit()
    assert {outcome.kind for outcome in outcomes} == {SENT}
    assert len(peer.sessions) == 1
