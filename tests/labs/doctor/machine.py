"""The real machine, but for what a test plants on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost_conf.doctor.local import LocalMachine
from gatepost_conf.doctor.machine import Account, Ran, Room

GOOD_HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"


class Planted(LocalMachine):
    """Each attribute stands for what the machine would say; what is not planted is as it is."""

    def __init__(self, *nameservers: str, programs: tuple[str, ...]) -> None:
        """programs: those mail servers' programs that are installed."""
        super().__init__(nameservers)
        self._programs = programs
        self.files: dict[str, str] = {"/etc/hosts": GOOD_HOSTS}
        self.clock = 0.0
        self.free: Room | None = None
        self.me: Account | None = None
        self.pymilter = True
        self.outputs: dict[tuple[str, ...], Ran] = {}
        self.environment: dict[str, str] = {}

    def program(self, *names: str) -> str:
        return super().program(*(name for name in names if name in self._programs))

    def run(self, *command: str, stdin: str = "") -> Ran:
        for words, ran in self.outputs.items():
            if set(words) <= {Path(command[0]).name, *command[1:]}:
                return ran
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return super().run(*command, stdin=stdin)

    def read(self, path: Path) -> str:
        return self.files[str(path)] if str(path) in self.files else super().read(path)

    def room(self, path: Path) -> Room:
        return self.free or super().room(path)

    def has_pymilter(self) -> bool:
        return self.pymilter

    def user(self) -> Account:
        return self.me or super().user()

    def account(self, name: str) -> Account:
        if name == "gatepost":
            raise KeyError(name)  # whoever has such a user on the machine of the tests
        return super().account(name)

    def now(self) -> float:
        return self.clock or super().now()
