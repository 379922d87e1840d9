"""A client that sends thousands of commands at once: others are answered between them, and the log stays readable."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

from gatepost_service.record import LINES
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.running import receive_all, send_what_fits
from wire.lmtp_words import DIRECTORY, LHLO

MAIL = b"MAIL FROM:<%b@example.org>\r\n"
REFUSED = b"550 5.1.1"
MANY = 10_000
FLOOD = LHLO + MAIL % b"flood" + b"RCPT TO:<nobody@lists.example>\r\n" * MANY
ASKED = LHLO + MAIL % b"anne" + b"RCPT TO:<nobody@lists.example>\r\n"


def receiver(folder: Path) -> RunningLmtp:
    (folder / "lists.toml").write_text(DIRECTORY, "utf-8")
    return RunningLmtp(folder, lmtp_settings("toml:///lists.toml"))


def senders(running: RunningLmtp) -> list[str]:
    """Those of all verdicts that have a line, in their order."""
    return re.findall(r"^.* event=verdict .* sender=(\w+)@example\.org ", running.output, re.MULTILINE)


def test_others_are_answered_between_the_commands_of_one(tmp_path: Path) -> None:
    """Both have sent all they have when the receiver, which was held up, looks at them: first at the one with more."""
    with receiver(tmp_path) as running, running.connect("lmtp") as flood, running.connect("lmtp") as anne:
        for connection in (flood, anne):
            assert connection.recv(1000).startswith(b"220 ")
        running.signal(signal.SIGSTOP)
        rest = send_what_fits(flood, FLOOD + b"QUIT\r\n")
        anne.sendall(ASKED + b"QUIT\r\n")
        running.signal(signal.SIGCONT)
        sending = threading.Thread(target=flood.sendall, args=(rest,))
        sending.start()
        assert receive_all(anne).count(REFUSED) == 1
        assert receive_all(flood).count(REFUSED) == MANY
        sending.join()
        assert senders(running).index("anne") < 500


def test_lines_beyond_some_are_summed_up(tmp_path: Path) -> None:
    """No verdict is forgotten: it has a line, or counts in one."""
    with receiver(tmp_path) as running:
        with running.connect("lmtp") as flood:
            sending = threading.Thread(target=flood.sendall, args=(FLOOD + b"QUIT\r\n",))
            sending.start()
            assert receive_all(flood).count(REFUSED) == MANY
            sending.join()
        running.wait_line("verdicts without lines")
        running.stop()
        lines = len(senders(running))
        summed = re.findall(
            r'event="verdicts without lines" .* client=127\.0\.0\.1 test=list-known verdict=reject code=550 '
            r"status=5\.1\.1 count=(\d+)",
            running.output,
        )
        assert lines + sum(map(int, summed)) == MANY
        assert LINES <= lines <= MANY / 2
