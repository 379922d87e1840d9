"""Copies of a mail server's configuration that a test may spoil, examined beside the one that is in use."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from gatepost_conf.doctor.findings import Finding
from labs.doctor.site import Site

PROGRAMS = ("postconf", "postmap")


class SpoiltPostfix:
    """A copy of a Postfix's configuration."""

    def __init__(self, site: Site, original: Path, folder: Path) -> None:
        self.site = site
        self.folder = folder / "etc"
        shutil.copytree(original, self.folder)
        self.machine = site.machine(*PROGRAMS)

    def set(self, settings: Mapping[str, str]) -> None:
        """Give parameters of main.cf values."""
        if settings:
            self.command("postconf", "-e", *(f"{name} = {value}" for name, value in settings.items()))

    def command(self, program: str, *arguments: str) -> None:
        """Run postconf or postmap, which must succeed."""
        subprocess.run([self.machine.program(program), "-c", str(self.folder), *arguments], check=True)
        self._backdate()

    def type(self, script: Path) -> None:
        """Run a script of postconf commands, but for the reload of a Postfix that does not run."""
        text = script.read_text().replace("postfix reload\n", "")
        environment = {**os.environ, "MAIL_CONFIG": str(self.folder)}
        subprocess.run(["/bin/sh", "-e"], input=text, text=True, env=environment, check=True)
        self._backdate()

    def findings(self, settings: Mapping[str, str] | None = None) -> list[Finding]:
        """What the doctor finds, with those changes to gatepost.toml."""
        return self.site.examine(self.machine, settings, postfix_config=str(self.folder))

    def apply(self, mend: str) -> None:
        """Type the line that mends something, but for the reload of a Postfix that does not run."""
        program = self.machine.program("postconf")
        line = mend.partition(" && postfix")[0]
        assert line.startswith("postconf "), mend
        subprocess.run(["/bin/sh", "-c", line.replace("postconf", program, 1)], check=True)
        self._backdate()

    def _backdate(self) -> None:
        # Postfix reads a file anew until it has not changed for a second, to be sure that it has all of it.
        for file in self.folder.iterdir():
            os.utime(file, (time.time() - 60,) * 2)


def wrong(findings: list[Finding]) -> set[str]:
    """The names of the items that are wrong."""
    return {finding.name for finding in findings if finding.state == "wrong"}


def text_of(findings: list[Finding], name: str) -> str:
    """What is said of an item, its mends included, without what is right."""
    return "\n".join(f"{found.text}\n{found.mend}" for found in findings if found.name == name and found.state != "ok")
