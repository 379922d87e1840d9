"""A real Sendmail and a real Postfix under load while workers of the milter, and all of gatepost, are killed.

Mail is taken or told to come again. What is taken arrives, once; no member is refused, and no stranger gets in.
"""

import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from cases import RELAY_DOMAINS, build_store
from labs.milter import Milter, milter_settings
from labs.milter.servers import postfix_asking, sendmail_asking, stranger
from labs.milter.service import ANNE, CLOSED, STRANGER
from labs.mta import Client, Instance, Port, Reply, Sink, wait_until
from labs.running import PATIENCE

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]

CLIENTS = 3


class Load:
    """Clients that send to a server one message after the other, a member's and a stranger's in turn."""

    def __init__(self, server: Instance) -> None:
        self.server = server
        self.taken: set[str] = set()
        self.told: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._numbers = count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send_on) for _ in range(CLIENTS)]

    def _send_on(self) -> None:
        while not self._over.is_set():
            marker = f"{self.server.name}-{next(self._numbers)}-marker"
            try:
                self._send(marker)
            except ConnectionError:
                self.told["connection lost"] += 1

    def _send(self, marker: str) -> None:
        with stranger(self.server) as client:
            self._note("stranger", _post(client, STRANGER, "refused"), 550)
            client.command("RSET")
            reply = _post(client, ANNE, marker)
            self._note("member", reply, 250)
            if reply.code == 250:
                self.taken.add(marker)

    def _note(self, who: str, reply: Reply, right: int) -> None:
        self.told[f"{who} {reply.code}"] += 1
        if reply.code != right and reply.code // 100 != 4:
            self.wrong.append(f"{who}: {reply.code} {reply.text}")

    def wait_for(self, *what: str, more: int = 3) -> None:
        """Wait until each of these has been told some more times."""
        before = Counter(self.told)
        wait_until(
            lambda: all(self.told[each] >= before[each] + more for each in what),
            PATIENCE,
            lambda: f"{self.server.name} told {self.told}, not {what}: {self.server.log()[-2000:]}",
        )

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def _post(client: Client, sender: str, marker: str) -> Reply:
    """Send a message; the reply that refused it, or took it."""
    reply = client.mail(sender, [CLOSED])[0]
    if reply.code == 250:
        reply = client.data(f"From: {sender}\r\nSubject: {marker}\r\n\r\nhello\r\n".encode())[0]
    return reply


@contextmanager
def under_load(milter: Milter, sink: Sink) -> Iterator[list[Load]]:
    """Both servers with their clients; afterwards, what they have been told must be right."""
    port, to_sink = milter.port("milter"), f"lmtp:inet:127.0.0.1:{sink.port}"
    everywhere = {domain: sink.port for domain in RELAY_DOMAINS if domain.isascii()}
    with postfix_asking(port, relay_transport=to_sink) as postfix, sendmail_asking(port, lmtp=everywhere) as sendmail:
        loads = [Load(postfix), Load(sendmail)]
        with loads[0], loads[1]:
            yield loads
        for load in loads:
            assert load.wrong == []
            load.server.wait_log("stat=Sent|status=sent")
            wait_until(lambda: load.taken <= arrived(sink), PATIENCE, lambda: "taken mail did not arrive")  # noqa: B023
        assert max(Counter(subjects(sink)).values()) == 1


def subjects(sink: Sink) -> list[str]:
    lines = (line for each in sink.delivered for line in each.message.decode().splitlines())
    return [line.removeprefix("Subject: ") for line in lines if line.startswith("Subject: ")]


def arrived(sink: Sink) -> set[str]:
    return set(subjects(sink))


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gatepost-") as name:
        build_store(Path(name) / "gatepost.db")
        yield Path(name)


GOOD = ("member 250", "stranger 550")


@pytest.mark.parametrize("stage", ["envelope", "headers"])
def test_kills_under_load(stage: str, folder: Path) -> None:
    with Port() as port, Sink() as sink:
        listen = f"inet:127.0.0.1:{port.number}"
        settings = milter_settings("workers = 2", f'stage = "{stage}"', listen=listen)
        with Milter(folder, settings) as milter, under_load(milter, sink) as loads:
            for number in range(4):
                for load in loads:
                    load.wait_for(*GOOD, more=2)
                os.kill(milter.workers[0], signal.SIGKILL)  # the older one: the other may not be back yet
                milter.wait_line("process ended, will be started again", count=number + 1)
            for load in loads:
                load.wait_for(*GOOD)
            milter.kill()
            for load in loads:
                load.wait_for("member 451")
            milter.start()
            for load in loads:
                load.wait_for(*GOOD)
