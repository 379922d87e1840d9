"""gatepost with a blocking engine: `engine.py HOST:PORT PATIENCE gatepost's own arguments`.

The lists are those of the TOML file in the settings; but each snapshot asks the far end first, and waits for as long as
that takes.
"""

from __future__ import annotations

import socket
import sys
from functools import partial

import gatepost
import gatepost_lists
from gatepost_lists import Address, DirectoryTrouble, Judging, Place
from gatepost_lists.toml_directory import TomlDirectory


class FarDirectory(TomlDirectory):
    """Says `snapshot` to the far end, and goes on when it says `go`; then how many recipients it was asked for."""

    blocking = True

    def __init__(self, path: str, far_end: str) -> None:
        super().__init__(path)
        self._far_end = far_end
        self._connection: socket.socket | None = None
        self._asked = 0

    def __enter__(self) -> FarDirectory:
        try:
            answer = self._exchange(b"snapshot\n")
        except OSError as error:
            self._hang_up()
            raise DirectoryTrouble(f"{self._far_end}: {error}") from error
        if answer != b"go\n":
            self._hang_up()
            raise DirectoryTrouble(f"{self._far_end}: it says {answer.decode().strip() or 'nothing more'}")
        self._asked = 0
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            self._connection.sendall(b"asked %d\n" % self._asked)

    def find(self, recipient: Address) -> Place:
        self._asked += 1
        return super().find(recipient)

    def close(self) -> None:
        super().close()
        self._hang_up()

    def _exchange(self, line: bytes) -> bytes:
        if self._connection is None:
            host, _, port = self._far_end.rpartition(":")
            self._connection = socket.create_connection((host, int(port)))
        self._connection.sendall(line)
        return self._connection.recv(100)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def main() -> None:
    far_end, patience = sys.argv[1:3]
    del sys.argv[1:3]
    gatepost_lists.open_directory = lambda url: FarDirectory(url.partition(":///")[2], far_end)
    gatepost_lists.Judging = partial(Judging, patience=float(patience))  # type: ignore[assignment, misc]
    gatepost.main()


if __name__ == "__main__":
    main()
