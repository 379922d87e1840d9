"""Big messages that are half sent: little memory, others are answered, and what never ends is never queued."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from labs.lmtp import RunningLmtp, as_sent, lmtp_settings
from wire.lmtp_words import DIRECTORY

ANNE, OPEN, NOBODY, CLOSED = "anne@example.org", "open@lists.example", "nobody@lists.example", "closed@lists.example"
LINE = b"x" * 76 + b"\r\n"
HALF = LINE * (15_000_000 // len(LINE))
SENDERS = 8
# Octets that the receiver may take for all of them; each has 15 MB here by then.
MEMORY = 60_000_000


def resident(receiver: RunningLmtp) -> int:
    """Octets of memory that the receiver has now."""
    [line] = [
        line
        for line in Path(f"/proc/{receiver.process.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) * 1024


def test_others_are_answered_while_eight_big_messages_are_half_sent(tmp_path: Path) -> None:
    (tmp_path / "lists.toml").write_text(DIRECTORY, "utf-8")
    with RunningLmtp(tmp_path, lmtp_settings("toml:///lists.toml")) as receiver, ExitStack() as closing:
        other, *senders = (closing.enter_context(receiver.client()) for _ in range(1 + SENDERS))
        before = resident(receiver)
        for number, sender in enumerate(senders):
            assert [reply.code for reply in sender.mail(ANNE, [OPEN])] == [250]
            assert sender.command("DATA").code == 354
            sender.send(b"Subject: %d\r\n\r\n" % number + HALF)
            assert [reply.code for reply in other.mail(ANNE, [OPEN, NOBODY, CLOSED])] == [250, 550, 250]
            assert [reply.code for reply in other.data(b"Subject: small\r\n\r\n", 2)] == [250, 250]
        receiver.catch_up()
        assert resident(receiver) < before + MEMORY
        assert len(receiver.take_all()) == 2 * SENDERS
        whole, *cut = senders
        whole.send(HALF + b".\r\n")
        assert whole.reply().code == 250
        for sender in cut:
            sender.close()
        receiver.catch_up()
        assert [as_sent(entry.content) for entry in receiver.take_all()] == [b"Subject: 0\r\n\r\n" + HALF + HALF]
        assert not [name for name in receiver.descriptors if "gatepost-" in name]
