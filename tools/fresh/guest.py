"""Beside `make run`, in a clone where `make venv` has been done: README's commands, and a post through to its member.

It is run in the clone's folder, by whoever is to run gatepost there, in a network of its own with port 25 free to take.
The last line that it prints is JSON: {"seconds": from `make run` to the first refusal, "python": its version,
"faults": [...]}.
"""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

PATIENCE = 120.0
READY = ("policy ready", "socketmap ready", "milter ready", "lmtp ready", "delivery ready")
POST = """\
From: anne@example.org
To: announce@lists.example
Subject: hello
Message-ID: <1@example.org>

through
"""


class Running:
    """A program whose output is read line by line, and kept."""

    def __init__(self, *command: str) -> None:
        self.lines: list[str] = []
        self._new: SimpleQueue[str | None] = SimpleQueue()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout  # it is a pipe
        for line in self.process.stdout:
            self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def wait_for(self, words: str) -> None:
        """Wait for a line with these words. Raises RuntimeError where none comes."""
        until = time.monotonic() + PATIENCE
        while not any(words in line for line in self.lines):
            try:
                line = self._new.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                line = None
            if line is None:
                raise RuntimeError(f"no line with {words!r} came of it: {self.lines}")
            self.lines.append(line)

    def end(self, number: int) -> int:
        """Send a signal to all of it, as a terminal does, and give its exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(*command: str) -> Iterator[Running]:
    program = Running(*command)
    try:
        yield program
    finally:
        program.end(signal.SIGKILL)


def main() -> int:
    faults: list[str] = []
    since = time.monotonic()
    with running("make", "run") as service:
        for words in READY:
            service.wait_for(words)
        told, refused_at = _readme()
        faults += [*told, *_post()]
        if service.end(signal.SIGINT) not in (0, 2, -signal.SIGINT):
            faults.append(f"make run ended with {service.process.returncode}")
        faults += _strange(service.lines)
    print(json.dumps({"seconds": refused_at - since, "python": _python(), "faults": faults}))
    return 0


def _readme() -> tuple[list[str], float]:
    """Where README's console blocks say something else than what comes; the time of the first refusal, now if none."""
    faults, refused_at = [], 0.0
    blocks = re.findall(r"^```console\n(.*?)^```$", Path("README.md").read_text(), re.MULTILINE | re.DOTALL)
    for command, answer in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", "".join(blocks), re.MULTILINE):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        if not refused_at and done.stdout.startswith("550 "):
            refused_at = time.monotonic()
        if not done.stdout.startswith(answer):
            faults.append(f"README's {command} gave: {done.stdout}{done.stderr}")
    if not refused_at:
        faults.append("nothing in README was refused")
    return faults, refused_at or time.monotonic()


def _post() -> list[str]:
    """A member's post over LMTP, and the copy that goes out to port 25."""
    sink = (".venv/bin/python", "-u", "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:25", "-c")
    with running(*sink, "aiosmtpd.handlers.Debugging", "stdout") as outside:
        until = time.monotonic() + PATIENCE
        while not _answers() and time.monotonic() < until:
            time.sleep(0.05)
        with smtplib.LMTP("127.0.0.1", 8024) as client:
            client.sendmail("anne@example.org", ["announce@lists.example"], POST)
        outside.wait_for("through")
        return [] if any("List-Id: " in line for line in outside.lines) else ["a post went out without its List-Id"]


def _answers() -> bool:
    try:
        smtplib.SMTP("127.0.0.1", 25).close()
    except OSError:
        return False
    return True


def _strange(lines: list[str]) -> list[str]:
    """Lines of `make run` that come twice, or warn of something; what it says to try stands indented.

    Root is warned of being root, which it is meant to wonder about.
    """
    plain = [re.sub(r"^time=\S+ ", "", line) for line in lines if line.strip() and not line.startswith(" ")]
    twice = {line for line in plain if plain.count(line) > 1}
    warned = {line for line in plain if re.search(r"warning|error|traceback", line, re.IGNORECASE)}
    meant = {line for line in warned if os.geteuid() == 0 and "running as root" in line}
    return [f"make run said: {line}" for line in sorted(twice | warned - meant)]


def _python() -> str:
    code = "import platform; print(platform.python_version())"
    return subprocess.run([".venv/bin/python", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
