"""This machine with another Python of its own, in a folder that is then thrown away: a newcomer.Place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tools.fresh.container import CHECKOUT, Ended, Log


@dataclass
class Machine:
    """python: a command, or the path of one. Everything is typed by root, in `folder`."""

    folder: Path
    log: Log
    python: str

    def run(self, script: str, *, user: str = "root", own_network: bool = False) -> Ended:
        """Run a shell's lines in the folder, in a network of their own where asked for (unshare(1))."""
        there = script.replace("/src ", f"{CHECKOUT} ")
        words = ["sh", "-c", there]
        if own_network:
            words = ["unshare", "--net", "sh", "-c", f"ip link set lo up; {there}"]
        # The mail servers of other checkouts are none of its business.
        environment = {**os.environ, "PYTHON": self.python, "HOME": str(self.folder), "SHARED_SERVERS": ""}
        return self.log.run(["env", "--chdir", str(self.folder), *words], script, environment)
