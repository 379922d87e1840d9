"""The milter behind a real Sendmail and a real Postfix: every case of the table, and both kinds of socket."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from cases import CASES, Case, build_store
from gatepost_lists import Answer
from labs.milter import Milter, milter_settings
from labs.milter.servers import postfix_asking, postfix_with, sendmail_asking, sendmail_with, stranger, written
from labs.milter.service import ANNE, CLOSED, MAY_NOT_POST, NO_LIST, NOBODY, OWNER, STRANGER
from labs.mta import Client, Instance, Postfix, Reply, Sendmail

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

# What Sendmail puts before a text of ours at RCPT.
PREFIX = re.compile(r"^<.*>\.\.\. ")
# Cases that Sendmail answers itself, without asking.
SENDMAIL_S_OWN = {
    "list-known: a control character",
    "unreadable: an empty local part in quotes",
    "unreadable: no local part",
    "unreadable: a comment for a local part",
    "unreadable: null sender",
    "closed-list: no address at all",
    "closed-list: a source route without an end",
    "probe: brackets alone",
}


class Gate(NamedTuple):
    """A milter, and the two servers that ask it."""

    milter: Milter
    postfix: Postfix
    sendmail: Sendmail

    def server(self, name: str) -> Instance:
        return self.postfix if name == "postfix" else self.sendmail


class Session:
    """One client's connection to a server, for one question after the other."""

    def __init__(self, server: Instance) -> None:
        self._server = server
        self._client: Client | None = None
        self._asked = 0

    def ask(self, sender: str, recipients: list[str], options: str = "") -> list[Reply]:
        """The replies to RCPT, one for each recipient."""
        if self._client is None or self._asked == 20:  # Sendmail slows down who resets again and again
            self.close()
            self._client, self._asked = stranger(self._server), 0
        self._asked += 1
        replies = self._client.mail(sender, recipients, options)
        self._client.command("RSET")
        return replies

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the servers' users can reach, with the store of the cases."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        path = Path(name)
        path.chmod(0o755)
        build_store(path / "gatepost.db")
        yield path


@pytest.fixture(scope="module")
def gate(folder: Path, mtalab: object) -> Iterator[Gate]:
    with Milter(folder, milter_settings()) as milter:
        port = milter.port("milter")
        with postfix_asking(port) as postfix, sendmail_asking(port) as sendmail:
            yield Gate(milter, postfix, sendmail)


@pytest.fixture(scope="module")
def sessions(gate: Gate) -> Iterator[dict[str, Session]]:
    by_name = {server.name: Session(server) for server in (gate.postfix, gate.sendmail)}
    yield by_name
    for session in by_name.values():
        session.close()


def told(reply: Reply) -> str:
    """What is ours of a reply, at RCPT."""
    return f"{reply.code} {reply.status} {PREFIX.sub('', reply.text)}"


def texts_of_the_table(case: Case) -> str:
    """The text that belongs to a refusal of the table."""
    return {
        "list-known": "no such mailing list",
        "banned": "you are banned from this mailing list",
        "size": "the message is over this list's limit of 10 KiB",
        "": "the recipient address cannot be read",
    }.get(case.test, "you may not post to this mailing list")


@pytest.mark.parametrize("case", [case for case in CASES if case.smtp], ids=lambda case: case.id)
@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_case(name: str, case: Case, sessions: dict[str, Session]) -> None:
    if name == "sendmail" and (case.utf8 or case.id in SENDMAIL_S_OWN):
        pytest.skip("Sendmail answers this itself")
    options = " ".join([*([f"SIZE={case.size}"] if case.size else []), *(["SMTPUTF8"] if case.utf8 else [])])
    (reply,) = sessions[name].ask(case.sender, [case.recipient], options)
    if case.answer is Answer.REJECT:
        assert told(reply) == f"{case.code} {case.status} {texts_of_the_table(case)}"
    else:
        assert (reply.code, reply.status) == (250, "2.1.5")


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_mixed_recipients_of_one_message(name: str, gate: Gate) -> None:
    with stranger(gate.server(name)) as client:
        replies = client.mail(STRANGER, [OWNER, NOBODY, CLOSED, "joe@elsewhere.example"])
        assert [reply.code for reply in replies] == [250, 550, 550, 250]
        assert [told(reply) for reply in replies[1:3]] == [NO_LIST, MAY_NOT_POST]
        assert client.data(b"Subject: mixed\r\n\r\nhello\r\n")[0].code == 250


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_the_null_sender_is_refused_at_data_and_not_before(name: str, gate: Gate) -> None:
    with stranger(gate.server(name)) as client:
        assert client.mail("", [CLOSED])[0].code == 250
        reply = client.command("DATA")
        assert (reply.code, reply.status, reply.text) == (
            550,
            "5.7.2",
            "the null sender may not post to a mailing list",
        )
        client.command("RSET")
        told = [f"{reply.code} {reply.status}" for reply in client.mail("", [OWNER, CLOSED])]
        assert told == ["250 2.1.5", "452 4.5.3"]
        assert client.data(b"Subject: mixed\r\n\r\nhello\r\n")[0].code == 250


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_who_has_a_probe_s_name_and_brings_mail_is_refused_at_data(name: str, gate: Gate) -> None:
    with stranger(gate.server(name)) as client:
        assert client.mail("double-bounce@evil.example", [CLOSED])[0].code == 250
        reply = client.command("DATA")
        assert f"{reply.code} {reply.status} {reply.text}" == MAY_NOT_POST


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_a_line_has_the_client_s_address_and_the_queue_id(name: str, gate: Gate) -> None:
    recipient = f"{name}-id@lists.example"
    with stranger(gate.server(name)) as client:
        assert [reply.code for reply in client.mail(STRANGER, [OWNER, recipient])] == [250, 550]
    line = gate.milter.wait_line(f"recipient={recipient}")
    assert "client=127.0.0.9" in line
    assert re.search(r" id=\w+$", line)


def test_a_login_is_in_the_line(gate: Gate) -> None:
    with Client(("127.0.0.1", gate.postfix.port)) as client:
        client.hello()
        assert client.xclient(addr="192.0.2.7", login="bo").code == 220
        client.mail(STRANGER, ["login@lists.example"])
    assert "client=bo@192.0.2.7" in gate.milter.wait_line("recipient=login@lists.example")


@contextmanager
def postfix_over_unix(folder: Path) -> Iterator[tuple[Postfix, Milter]]:
    """Postfix's own way to the socket: below its queue directory, by a folder of its group."""
    postfix = postfix_with(written("main.cf", "unix:gatepost/milter", {}))
    spool = postfix.path("spool")
    postfix.make_dir("spool")
    postfix.make_dir("spool/gatepost", "root", "uucp", 0o2710)
    listen = written("toml", "unix:/var/spool/postfix", {"/var/spool/postfix": str(spool)})
    with Milter(folder, f'[lists]\ndirectory = "sqlite:///gatepost.db"\n{listen}') as milter, postfix:
        yield postfix, milter


@contextmanager
def sendmail_over_unix(folder: Path) -> Iterator[tuple[Sendmail, Milter]]:
    path = str(folder / "milter")
    sendmail = sendmail_with(written("sendmail.mc", "S=local:", {"/run/gatepost/milter": path}))
    listen = written("toml", "unix:/run", {"/run/gatepost/milter": path, "group=smmsp": "group=irc"})
    with Milter(folder, f'[lists]\ndirectory = "sqlite:///gatepost.db"\n{listen}') as milter, sendmail:
        yield sendmail, milter


@pytest.mark.parametrize("over_unix", [postfix_over_unix, sendmail_over_unix], ids=["postfix", "sendmail"])
def test_a_unix_socket_as_the_page_has_it(over_unix: object, folder: Path) -> None:
    assert callable(over_unix)
    with over_unix(folder) as (server, _), stranger(server) as client:
        replies = client.mail(STRANGER, [OWNER, NOBODY, CLOSED])
        assert [told(reply) for reply in replies[1:]] == [NO_LIST, MAY_NOT_POST]
        assert client.data(b"Subject: unix\r\n\r\nhello\r\n")[0].code == 250
        assert client.mail(ANNE, [CLOSED])[0].code == 250


def test_a_milter_with_settings_of_its_own_in_postfix(gate: Gate) -> None:
    port = gate.milter.port("milter")
    lines = written("main.cf", "smtpd_milters = {", {"127.0.0.1:8032": f"127.0.0.1:{port}"})
    with postfix_with(lines) as postfix, stranger(postfix) as client:
        assert told(client.mail(STRANGER, [CLOSED])[0]) == MAY_NOT_POST


def test_mail_of_programs_is_not_asked_about(gate: Gate) -> None:
    """As the page says of non_smtpd_milters: without it, what sendmail(1) brings goes its way."""
    gate.postfix.run(
        gate.postfix.lab.postfix / "usr/sbin/sendmail", "-f", STRANGER, CLOSED, stdin="Subject: local\n\nhello\n"
    )
    gate.postfix.wait_log(rf"to=<{CLOSED}>.*status=sent")
