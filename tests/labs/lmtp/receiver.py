"""The receiver as an operator runs it, with an empty queue of its own; and what is in that queue."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

from gatepost_queue import Claimed, create, open_queue
from labs import running
from labs.mta import Client
from labs.running import receive_all


def lmtp_settings(directory: str, *more: str, listen: str = '["inet:127.0.0.1:0"]', lists: str = "") -> str:
    """Settings for a receiver on a free port; more are keys of [lmtp] or sections that go behind it."""
    return "\n".join(
        [
            f'[site]\nhostname = "mx.lab.example"\n[lists]\ndirectory = "{directory}"\n{lists}',
            '[queue]\nengine = "sqlite:///queue.db"',
            f"[lmtp]\nlisten = {listen}",
            *more,
            "",
        ]
    )


class RunningLmtp(running.Gatepost):
    """The receiver, alone unless other parts are named."""

    def __init__(self, folder: Path, settings: str, *others: str) -> None:
        super().__init__(folder, settings, "lmtp", *others)
        self.queue_url = f"sqlite:///{folder}/queue.db"

    def start(self) -> Self:
        create(self.queue_url)
        return super().start()

    def client(self) -> Client:
        """A client that has said LHLO."""
        client = Client(("127.0.0.1", self.port("lmtp")))
        client.hello(verb="LHLO")
        return client

    def catch_up(self) -> None:
        """Wait until it has seen the end of every connection before: one that comes later is answered."""
        for _ in range(2):
            with self.connect("lmtp") as connection:
                connection.sendall(b"QUIT\r\n")
                receive_all(connection)

    @property
    def descriptors(self) -> list[str]:
        """What its open descriptors stand for; sockets by that alone."""
        found: list[str] = []
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found.append(str(descriptor.readlink()).partition(":")[0])
        return sorted(found)

    def take_all(self) -> list[Claimed]:
        """Take everything out of the queue."""
        queue = open_queue(self.queue_url)
        taken: list[Claimed] = []
        try:
            for name in ("in", "command", "bounces"):
                while claimed := queue.claim(name, "test", 60.0, 50).result():
                    for entry in claimed:
                        queue.done(entry).result()
                    taken += claimed
        finally:
            queue.close()
        return sorted(taken, key=lambda claimed: claimed.id)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement finds in the queue's file."""
        with closing(sqlite3.connect(self.folder / "queue.db")) as connection:
            return connection.execute(statement).fetchall()
