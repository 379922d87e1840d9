"""`gatepost qmail-lmtp`: the envelope, the message on the wire, and an exit code for all that can go wrong."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_conf.qmail_lmtp.content import as_data
from gatepost_conf.qmail_lmtp.envelope import Envelope, read_envelope
from gatepost_conf.qmail_lmtp.outcomes import Bounced, TryAgain
from labs.mta import Port, wait_until
from labs.qmail import Result, Scripted, environment
from labs.running import COMMAND, PATIENCE

MESSAGE = b"Subject: hi\n\nhello\n"
MAIL = environment("list", "announce", "lists.example", "anne@people.example")


def octets(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}


def run(
    *arguments: str, variables: Mapping[str, str] = MAIL, message: bytes = MESSAGE, command: str = "qmail-lmtp"
) -> Result:
    done = subprocess.run(
        [*COMMAND, command, *arguments], env=dict(variables), input=message, capture_output=True, check=False
    )
    return Result(done.returncode, done.stderr.decode())


@pytest.mark.parametrize(
    ("user", "ext", "parts", "recipient"),
    [
        ("list", "announce", 1, b"announce@lists.example"),
        ("list", "announce-bounces+bo=people.example", 1, b"announce-bounces+bo=people.example@lists.example"),
        ("list", "Announce-Confirm+ToKeN", 1, b"Announce-Confirm+ToKeN@lists.example"),
        ("mail-lists", "announce-owner", 1, b"announce-owner@lists.example"),
        ("alias", "lists-announce-owner", 2, b"announce-owner@lists.example"),
        ("alias", "a-b-announce", 3, b"announce@lists.example"),
        ("list", "two words", 1, b'"two words"@lists.example'),
        ("list", 'qu"ote\\d', 1, rb'"qu\"ote\\d"@lists.example'),
        ("list", "a..b", 1, b'"a..b"@lists.example'),
        ("list", "x@y", 1, b'"x@y"@lists.example'),
        ("list", "größe", 1, "größe@lists.example".encode()),
    ],
)
def test_the_recipient_loses_what_qmail_put_before_it(user: str, ext: str, parts: int, recipient: bytes) -> None:
    variables = octets(environment(user, ext, "lists.example", "anne@people.example"))
    assert read_envelope(variables, parts) == Envelope(b"anne@people.example", recipient)


def test_without_parts_the_local_part_is_taken_as_it_is() -> None:
    variables = octets(environment("alias", "announce", "lists.example", "", local="announce"))
    assert read_envelope(variables, 0) == Envelope(b"", b"announce@lists.example")


@pytest.mark.parametrize(
    ("sender", "path"),
    [
        ("", b""),
        ("#@[]", b""),
        ("root", b"root"),
        ("anne smith@people.example", b'"anne smith"@people.example'),
        ('"@"@people.example', rb'"\"@\""@people.example'),
    ],
)
def test_senders(sender: str, path: bytes) -> None:
    assert read_envelope(octets({**MAIL, "SENDER": sender}), 1).sender == path


@pytest.mark.parametrize(
    "change",
    [{"EXT": "a\nDATA"}, {"EXT": "a\r"}, {"HOST": "lists.example>\r\nDATA"}, {"HOST": "a b"}, {"SENDER": "a\n@b"}],
)
def test_what_no_command_can_hold_bounces(change: dict[str, str]) -> None:
    with pytest.raises(Bounced):
        read_envelope(octets({**MAIL, **change}), 1)


@pytest.mark.parametrize(("change", "parts"), [({"EXT": ""}, 1), ({}, 2), ({"HOST": ""}, 1), ({"LOCAL": ""}, 0)])
def test_a_wrong_set_up_does_not_bounce(change: dict[str, str], parts: int) -> None:
    with pytest.raises(TryAgain):
        read_envelope(octets({**MAIL, **change}), parts)


@given(st.lists(st.binary(max_size=6) | st.sampled_from([b"\n", b".", b"\r", b"\r\n", b"\n.\n", b"\r\n.\r\n"])))
def test_any_message_comes_through_whole(chunks: list[bytes]) -> None:
    wire = b"".join(as_data(chunks))
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    body = wire.removesuffix(b".\r\n")
    lines = body.split(b"\r\n")
    assert b"." not in lines  # nothing before the end looks like the end
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    sent = [line.removeprefix(b".") if line.startswith(b".") else line for line in lines]
    written = b"".join(chunks).replace(b"\r\n", b"\n").replace(b"\r", b" ")
    assert b"\n".join(sent) == (written if written.endswith(b"\n") or not written else written + b"\n")


def test_delivered() -> None:
    with Scripted() as server:
        assert run(str(server.port), "1", message=b"Subject: hi\n\n.\nend") == Result(0, "")
    assert server.heard[1:] == [
        b"MAIL FROM:<anne@people.example> BODY=8BITMIME",
        b"RCPT TO:<announce@lists.example>",
        b"DATA",
        b"QUIT",
    ]
    assert server.message == b"Subject: hi\r\n\r\n..\r\nend\r\n"


def test_the_size_of_a_file_and_utf8_are_announced(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(MESSAGE)
    with Scripted() as server, (tmp_path / "message").open("rb") as file:
        command = [*COMMAND, "qmail-lmtp", str(server.port), "1"]
        assert subprocess.run(command, env={**MAIL, "EXT": "größe"}, stdin=file, check=False).returncode == 0
    assert server.heard[1] == b"MAIL FROM:<anne@people.example> SIZE=%d BODY=8BITMIME SMTPUTF8" % len(MESSAGE)


@pytest.mark.parametrize(
    ("about", "reply", "code"),
    [
        ("GREETING", "554 5.3.2 no service", 111),
        ("GREETING", "421 4.3.2 going down", 111),
        ("GREETING", "SSH-2.0-x", 111),
        ("LHLO", "500 5.5.1 this is SMTP", 111),
        ("MAIL", "553 5.1.7 cannot be read", 100),
        ("MAIL", "552 5.3.4 too big", 100),
        ("MAIL", "530 5.7.0 log in first", 111),
        ("MAIL", "451 4.3.0 cannot tell now", 111),
        ("RCPT", "550 5.7.2 you may not post to this mailing list", 100),
        ("RCPT", "550-5.1.1 no such\r\n550 5.1.1 list", 100),
        ("RCPT", "450 4.2.1 wait", 111),
        ("RCPT", "503 5.5.1 no", 111),
        ("DATA", "451 4.3.0 cannot tell now", 111),
        ("DATA", "250 what", 111),
        ("DOT", "554 5.6.0 a line is too long", 100),
        ("DOT", "452 4.3.1 no room", 111),
        ("DOT", "250-never\r\n" * 200, 111),
        *((about, None, 111) for about in ("GREETING", "LHLO", "MAIL", "RCPT", "DATA", "DOT")),
        ("QUIT", None, 0),
    ],
)
def test_replies(about: str, reply: str | None, code: int) -> None:
    with Scripted({about: reply}) as server:
        result = run(str(server.port), "1")
    assert result.code == code
    if code == 100 and reply:
        assert result.output.splitlines() == [
            line.replace("-", " ", 1) if "-5" in line else line for line in reply.split("\r\n")
        ]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("24",),
        ("24", "1", "::1", "more"),
        ("x", "1"),
        ("0", "1"),
        ("65536", "1"),
        ("24", "-1"),
        ("24", "x"),
        ("24", "١"),
        ("24", "1", ""),
        ("24", "1", "-x"),
        ("24", "1", "no.such.host.invalid"),
        ("24", "1", "a" * 300),
        ("24", "1", "/no/such/socket"),
        ("--help",),
    ],
)
def test_a_wrong_use_never_bounces(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code == 111
    assert result.output


def test_settings_are_not_needed(tmp_path: Path) -> None:
    with Scripted() as server:
        result = run("--wrong", "qmail-lmtp", str(server.port), "1", command=f"--config={tmp_path}/none.toml")
    assert result == Result(0, "")


def test_without_a_mail_s_environment() -> None:
    assert run("24", "1", variables={}).code == 111


def test_nobody_listens() -> None:
    with Port() as port:
        assert run(str(port.number), "1").code == 111


def test_closed_streams() -> None:
    with Scripted() as server:
        command = " ".join([*COMMAND, "qmail-lmtp", str(server.port), "1", "<&- >&- 2>&-"])
        assert subprocess.run(command, shell=True, env=MAIL, check=False).returncode == 111
    assert server.message == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_means_try_again(number: signal.Signals) -> None:
    """While it waits for a message that does not end."""
    with (
        Scripted() as server,
        subprocess.Popen([*COMMAND, "qmail-lmtp", str(server.port), "1"], env=MAIL, stdin=subprocess.PIPE) as process,
    ):
        wait_until(lambda: b"DATA" in server.heard, PATIENCE, lambda: f"{server.heard}")
        process.send_signal(number)
        assert process.wait(PATIENCE) == 111


def test_no_memory() -> None:
    """Whatever it is that cannot be loaded or done."""
    limit = 24 << 20
    done = subprocess.run(
        [*COMMAND, "qmail-lmtp", "24", "1"],
        env=MAIL,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        check=False,
    )
    assert Result(done.returncode, "").outcome == "waits"
