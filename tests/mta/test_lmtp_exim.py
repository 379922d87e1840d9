"""The LMTP receiver behind a real Exim: deliveries over TCP and UNIX sockets, and callouts of every kind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import CASES, RELAY_DOMAINS, Case, build_store
from gatepost_lists import Answer
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.mta import Client, Exim, Port, Reply

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

STRANGER = "127.0.0.9"
MEMBER, LIST, UNKNOWN = "anne@people.example", "closed@lists.example", "nobody@lists.example"
# The client's name in EHLO chooses how its recipients are verified.
CALLOUTS = {
    "plain": "no_cache",
    "sender": "use_sender,no_cache",
    "cached": "use_sender",
    "random": "random,no_cache",
    "postmaster": "use_postmaster,no_cache",
}
MESSAGE = (
    r"message = ${if match{$acl_verify_message}{\N(?m)(5\.\d+\.\d+ .*)$\N}{550 $1}{550 5.1.1 $acl_verify_message}}"
)
ACL = "accept condition = ${if eq{$sender_helo_name}{deliver.example}}\n" + "".join(
    f"""\
deny condition = ${{if eq{{$sender_helo_name}}{{{name}.example}}}}
  {MESSAGE}
  !verify = recipient/callout=20s,{options}
accept condition = ${{if eq{{$sender_helo_name}}{{{name}.example}}}}
"""
    for name, options in CALLOUTS.items()
)
DOWN = "domainlist down_domains = down.example"
DEFERRING = """\
accept condition = ${if eq{$sender_helo_name}{down.example}}
  domains = +down_domains
  verify = recipient/callout=5s,defer_ok,use_sender,no_cache
deny
"""
ROUTERS = """\
down:
  driver = manualroute
  domains = +down_domains
  route_list = * 127.0.0.1
  self = send
  transport = down
unix:
  driver = accept
  condition = ${if eq{$header_x-way:}{unix}}
  transport = unix
tcp:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = tcp
"""
TRANSPORTS = """\
tcp:
  driver = smtp
  protocol = lmtp
  allow_localhost
  port = {lmtp}
  size_addition = 0
down:
  driver = smtp
  protocol = lmtp
  allow_localhost
  port = {closed}
unix:
  driver = lmtp
  socket = {socket}
  batch_max = 50
"""


class Mail(NamedTuple):
    """The receiver, and an Exim that delivers to it and calls out to it."""

    receiver: RunningLmtp
    exim: Exim

    def ask(self, way: str, sender: str, recipients: list[str], options: str = "") -> list[Reply]:
        with Client(("127.0.0.1", self.exim.port), STRANGER) as client:
            client.hello(f"{way}.example")
            return client.mail(sender, list(recipients), options)


@pytest.fixture(scope="module")
def mail(mtalab: object) -> Iterator[Mail]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        build_store(folder / "gatepost.db")
        listen = f'["inet:127.0.0.1:0", "unix:{folder}/lmtp.sock?mode=0666"]'
        receiver = RunningLmtp(folder, lmtp_settings("sqlite:///gatepost.db", listen=listen))
        # a port that is held and not listened on
        with receiver, Port() as closed:
            ports = {"lmtp": receiver.port("lmtp"), "closed": closed.number}
            with Exim(
                main=f"domainlist relay_domains = {' : '.join(RELAY_DOMAINS)}\n{DOWN}",
                acl_rcpt=ACL + DEFERRING,
                routers=ROUTERS,
                transports=TRANSPORTS.format(socket=folder / "lmtp.sock", **ports),
            ) as exim:
                yield Mail(receiver, exim)


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_mixed_recipients(mail: Mail, way: str) -> None:
    mail.receiver.take_all()
    seen = len(mail.exim.log())
    lists = [LIST, UNKNOWN, "closed-request@lists.example", "patterns@lists.example"]
    with Client(("127.0.0.1", mail.exim.port), STRANGER) as client:
        client.hello("deliver.example")
        assert [reply.code for reply in client.mail(MEMBER, list(lists))] == [250] * 4
        message = b"X-Way: %b\r\nSubject: hi\r\n\r\n.\r\n..\r\nend\r\n" % way.encode()
        assert client.data(message)[0].code == 250
    mail.exim.wait_log(rf"\*\* {UNKNOWN} .*no such mailing list", after=seen)
    mail.exim.wait_log(r"=> closed <?.*queued as|=> closed@lists.example.*queued as", after=seen)
    mail.exim.wait_log(r"Completed", after=seen)
    entries = mail.receiver.take_all()
    assert {(entry.queue, entry.listid) for entry in entries} == {
        ("in", "closed.lists.example"),
        ("command", "closed.lists.example"),
        ("in", "patterns.lists.example"),
    }
    assert len({entry.message for entry in entries}) == 1  # one transaction for all of them
    for entry in entries:
        assert entry.content.endswith(b"\r\n\r\n.\r\n..\r\nend\r\n")


def test_a_callout_with_the_real_sender_refuses_a_stranger_with_our_text(mail: Mail) -> None:
    [stranger] = mail.ask("sender", "stranger@people.example", [LIST])
    [member] = mail.ask("sender", MEMBER, [LIST])
    assert (stranger.code, stranger.status) == (550, "5.7.2")
    assert stranger.text == "you may not post to this mailing list"
    assert member.code == 250


def test_a_callout_that_is_kept_is_kept_for_that_sender(mail: Mail) -> None:
    for _ in range(2):
        assert mail.ask("cached", "stranger@people.example", [LIST])[0].code == 550
        assert mail.ask("cached", MEMBER, [LIST])[0].code == 250


@pytest.mark.parametrize("way", ["plain", "random"])
def test_a_callout_with_the_null_sender_asks_for_existence(mail: Mail, way: str) -> None:
    for sender in ("stranger@people.example", MEMBER, "outlaw@people.example"):
        existing, missing = mail.ask(way, sender, [LIST, UNKNOWN])
        assert existing.code == 250
        assert (missing.code, missing.status, missing.text) == (550, "5.1.1", "no such mailing list")


def test_a_callout_with_the_postmaster_as_sender_gets_the_postmaster_s_answer(mail: Mail) -> None:
    """postmaster@lab.example is an ordinary sender: no member of a closed list."""
    closed, open_, missing = mail.ask("postmaster", MEMBER, [LIST, "open@lists.example", UNKNOWN])
    assert [(reply.code, reply.status) for reply in (closed, missing)] == [(550, "5.7.2"), (550, "5.1.1")]
    assert open_.code == 250


def test_defer_ok_takes_mail_while_nobody_answers(mail: Mail) -> None:
    assert mail.ask("down", MEMBER, ["closed@down.example"])[0].code == 250


# What Exim 4.96 answers by itself, with 501, because it cannot read the address.
REFUSED_BY_EXIM = (
    "trailing dot",
    "source route, quoted",
    "brackets",
    "brackets with space",
    "brackets alone",
    "space around",
    "space around the at sign",
    "all of it quoted",
    "without a domain",
    "a control character",
    "no address at all",
    "a source route without an end",
)


@pytest.mark.parametrize("case", [case for case in CASES if case.smtp], ids=lambda case: case.id)
def test_case(case: Case, mail: Mail) -> None:
    options = " ".join([*([f"SIZE={case.size}"] if case.size else []), *(["SMTPUTF8"] if case.utf8 else [])])
    [reply] = mail.ask("sender", case.sender, [case.recipient], options)
    if reply.code == 501:
        assert case.id.endswith(REFUSED_BY_EXIM) or case.id.startswith("unreadable: ")
    elif case.answer is Answer.ACCEPT:
        assert reply.code == 250
    elif case.answer is Answer.NOT_OURS:
        # a domain of lists has no such address; of any other domain we have none
        assert (reply.code, reply.status) in {(550, "5.1.1"), (550, "5.1.2")}
    else:
        assert (reply.code, reply.status) == (550, case.status)
