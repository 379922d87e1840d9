"""gatepost with every part running, and the configuration that it writes itself for the mail servers that ask it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from cases import build_store
from labs.lmtp import RunningLmtp
from labs.mta import Port
from labs.needs import pymilter

# As it is installed: configuration names it by the path under which it was called.
PROGRAM = Path(sys.executable).with_name("gatepost")

SETTINGS = """\
[site]
hostname = "mx.lab.example"
owner = "olga@people.example"
[lists]
directory = "sqlite:///gatepost.db"
[queue]
engine = "sqlite:///queue.db"
[policy]
listen = ["{policy}"]
[socketmap]
listen = ["{socketmap}"]
[milter]
listen = "{milter}"
stage = "{stage}"
[lmtp]
listen = [{lmtp}]
stage = "{stage}"
public_address = "127.0.0.1:{port}"
"""


class Served(RunningLmtp):
    """Every part but delivery, at ports that it holds, with the world of the cases. Skips without pymilter."""

    def __init__(self, folder: Path, *, sockets: bool = False, stage: str = "envelope") -> None:
        """Prepare it in a folder that the mail servers can reach.

        sockets: listen on UNIX sockets alone. stage: at which milter and receiver judge a sender.
        """
        pymilter()
        self._ports = [Port() for _ in range(4)]
        self.folder = folder
        names = ("policy", "socketmap", "milter", "lmtp")
        addresses = {name: self._address(name, sockets, number) for number, name in enumerate(names)}
        listen = [addresses["lmtp"], *([] if sockets else [f"unix:{self.lmtp_socket}?mode=0666"])]
        addresses["lmtp"] = ", ".join(f'"{address}"' for address in listen)
        build_store(folder / "gatepost.db")
        super().__init__(
            folder, SETTINGS.format(port=self._ports[3].number, stage=stage, **addresses), "policy", "milter"
        )

    @property
    def lmtp_socket(self) -> Path:
        """The path of the receiver's socket."""
        return self.folder / "lmtp.sock"

    def _address(self, name: str, sockets: bool, number: int) -> str:
        if sockets:
            return f"unix:{self.folder}/{name}.sock?mode=0666"
        return f"inet:127.0.0.1:{self._ports[number].number}"

    def start(self) -> Self:
        super().start()
        self.wait_line("^socketmap ready on ")
        return self

    def stop(self) -> int:
        with self.held():
            return super().stop()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let go of the ports at the end; for a server that is not to be started."""
        try:
            yield
        finally:
            for port in self._ports:
                port.release()

    def run(self, *arguments: str) -> str:
        """Run a command of gatepost's, as its operator does; its standard output."""
        command = [str(PROGRAM), "--config", str(self.settings), *arguments]
        return subprocess.run(command, text=True, capture_output=True, check=True).stdout

    def written(self, server: str) -> Path:
        """The folder into which `conf SERVER --write` has written its files."""
        folder = self.folder / server
        folder.mkdir(exist_ok=True)
        self.run("conf", server, "--write", str(folder))
        return folder
