"""The programs in C: building them, and reading what the load client says.

Rules: a program is built anew when its source is newer; a reply that is not the expected one makes a measurement void.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).parent
OUT = BENCH / "out"
_COMPILE = ("cc", "-O2", "-pthread", "-Wall", "-Wextra")
_OPTIONS = {"milter_ceiling": ("-lmilter",), "dovecot_paths": ("-shared", "-fPIC", "-ldl")}
_LINE = re.compile(r'rate ([\d.]+)/s  p50 (\d+) us  p99 (\d+) us  slowest (\d+) us  errors \d+  replies((?: ".*?")+)$')
# Odd and prime: the counters of the load client visit every address, far from the one before.
_STRIDE = 7919


class BenchError(RuntimeError):
    """A program cannot be built or started, or a measurement is void; the text says what to do or what was seen."""


@dataclass(frozen=True)
class Measurement:
    """What one run of the load client found: questions a second, latencies in microseconds, a reply to each sender."""

    rate: float
    p50: int
    p99: int
    slowest: int
    replies: tuple[str, ...]


@dataclass(frozen=True)
class Sender:
    """A kind of sender: `template` holds %d for a counter below `count`; `expected` begins every reply it gets."""

    template: str
    count: int
    expected: str = ""


@dataclass(frozen=True)
class Workload:
    """Who asks for what. The senders take turns; `recipient` holds %d for a counter below `recipients`.

    `octets` is the length of a message's body; 0 where none is sent.
    """

    senders: tuple[Sender, ...]
    recipient: str
    recipients: int
    octets: int = 0


def build(name: str) -> Path:
    """Compile bench/NAME.c to bench/out/bin/NAME where that is out of date, and return its path. Raises BenchError."""
    source, program = BENCH / f"{name}.c", OUT / "bin" / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run((*_COMPILE, "-o", program, source, *_OPTIONS.get(name, ())), check=True)
    except FileNotFoundError:
        raise BenchError("no C compiler: install Debian's packages gcc and libc6-dev") from None
    except subprocess.CalledProcessError:
        raise BenchError(f"{source} does not compile") from None
    return program


class Load:
    """The load client, asking the server at `address` for `seconds`; `start` is the first number, so that runs differ.

    mode: a row of the table at the end of load.c.
    """

    def __init__(
        self, mode: str, address: str, workload: Workload, *, connections: int, seconds: float, start: int
    ) -> None:
        self._address = address
        command = _command(mode, address, workload, connections, seconds, start)
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self) -> Measurement:
        """Wait for its end. Raises BenchError when a connection broke or a reply was not the expected one: no rate
        makes up for that.
        """
        said, complaints = self._process.communicate()
        found = _LINE.match(said)
        if self._process.returncode or found is None:
            raise BenchError(f"{self._address}: {complaints.strip()} {said.strip()}")
        rate, *latencies = found.groups()[:4]
        p50, p99, slowest = map(int, latencies)
        return Measurement(float(rate), p50, p99, slowest, tuple(re.findall(r'"(.*?)"', found[5])))


def _command(mode: str, address: str, workload: Workload, connections: int, seconds: float, start: int) -> list[str]:
    command = [str(build("load")), mode, address, "--recipient", workload.recipient]
    command += ["--recipients", str(workload.recipients), "--connections", str(connections)]
    command += ["--seconds", str(seconds), "--stride", str(_STRIDE), "--start", str(start)]
    for sender in workload.senders:
        command += ["--sender", sender.template, "--senders", str(sender.count), "--expect", sender.expected]
    if workload.octets:
        command += ["--octets", str(workload.octets)]
    return command


def say(text: str) -> None:
    """Tell whoever runs the bench what goes on."""
    print(f"bench: {text}", file=sys.stderr)
