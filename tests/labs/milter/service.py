"""The milter as an operator runs it, for tests: its settings, its process, and what it answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from labs.milter.client import MilterClient
from labs.needs import pymilter
from labs.running import COMMAND, PATIENCE, Gatepost

ANNE, STRANGER = "anne@people.example", "stranger@people.example"
CLOSED, OWNER, NOBODY = "closed@lists.example", "closed-owner@lists.example", "nobody@lists.example"
MAY_NOT_POST = "550 5.7.2 you may not post to this mailing list"
PUT_OFF = "452 4.5.3 send to this recipient separately"
# A member of the one and not of CLOSED.
TESS, TEAM_OWNER = "tess@people.example", "team-owner@lists.example"
NO_LIST = "550 5.1.1 no such mailing list"
DEFERRED = "451 4.3.0 cannot tell now, try again later"
LOOP = "554 5.4.6 this message has been through the mailing list already"
# The header stage with all that it can do.
AT_HEADERS = ('stage = "headers"', 'failed_recipients = "remove"', "add_message_id = true")


def milter_settings(
    *more: str, listen: str = "inet:127.0.0.1:0", directory: str = "sqlite:///gatepost.db", lists: str = ""
) -> str:
    """Settings for a milter on a free port; lists are keys of [lists], more are keys of [milter], or sections."""
    head = f'[lists]\ndirectory = "{directory}"\n{lists}\n[milter]\nlisten = "{listen}"\n'
    return head + "".join(f"{line}\n" for line in more)


class Milter(Gatepost):
    """The milter alone. Skips the test where there is no pymilter."""

    def __init__(self, folder: Path, settings: str) -> None:
        pymilter()
        super().__init__(folder, settings, "milter")

    def client(self) -> MilterClient:
        """A connection of its own."""
        return MilterClient(self.addresses("milter")[0])

    def ask(self, sender: str = STRANGER, recipient: str = CLOSED) -> str:
        """The reply to one RCPT on a connection of its own."""
        with self.client() as client:
            client.mail(sender)
            return client.rcpt(recipient)


def run_gatepost(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run gatepost with the folder's settings until it ends."""
    line = [*COMMAND, "--config", str(folder / "gatepost.toml"), *arguments]
    return subprocess.run(
        line, capture_output=True, text=True, timeout=PATIENCE, check=False, env={**os.environ, **environment}
    )
