"""The programs in C: building them, and reading what the load client says.

Rules: a program is built anew when its source is newer; a reply that is not the expected one makes a measurement void.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).parent
OUT = BENCH / "out"
_COMPILE = ("cc", "-O2", "-pthread", "-Wall", "-Wextra")
_LIBRARIES = {"milter_ceiling": ("-lmilter",)}
_LINE = re.compile(r'rate (\d+)/s  p50 (\d+) us  p99 (\d+) us  errors (\d+)  replies((?: ".*?")+)$')
# Odd and prime: the counters of the load client visit every address, far from the one before.
_STRIDE = 7919


class BenchError(RuntimeError):
    """A program cannot be built or started, or a measurement is void; the text says what to do or what was seen."""


@dataclass(frozen=True)
class Measurement:
    """What one run of the load client found: questions a second, latencies in microseconds, a reply to each sender."""

    rate: int
    p50: int
    p99: int
    replies: tuple[str, ...]


@dataclass(frozen=True)
class Sender:
    """A kind of sender: `template` holds %d for a counter below `count`; `expected` begins every reply it gets."""

    template: str
    count: int
    expected: str = ""


@dataclass(frozen=True)
class Workload:
    """Who asks for what. The senders take turns; `recipient` holds %d for a counter below `recipients`."""

    senders: tuple[Sender, ...]
    recipient: str
    recipients: int


def build(name: str) -> Path:
    """Compile bench/NAME.c to bench/out/bin/NAME where that is out of date, and return its path. Raises BenchError."""
    source, program = BENCH / f"{name}.c", OUT / "bin" / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run((*_COMPILE, "-o", program, source, *_LIBRARIES.get(name, ())), check=True)
    except FileNotFoundError:
        raise BenchError("no C compiler: install Debian's packages gcc and libc6-dev") from None
    except subprocess.CalledProcessError:
        raise BenchError(f"{source} does not compile") from None
    return program


def load(mode: str, address: str, workload: Workload, *, connections: int, seconds: float, start: int) -> Measurement:
    """Ask the server at `address` for `seconds`; `start` is the first number, so that runs can differ.

    mode: a row of the table at the end of load.c.

    Raises BenchError when a connection broke or a reply was not the expected one: no rate makes up for that.
    """
    command = [str(build("load")), mode, address, "--recipient", workload.recipient]
    command += ["--recipients", str(workload.recipients), "--connections", str(connections)]
    command += ["--seconds", str(seconds), "--stride", str(_STRIDE), "--start", str(start)]
    for sender in workload.senders:
        command += ["--sender", sender.template, "--senders", str(sender.count), "--expect", sender.expected]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = _LINE.match(done.stdout)
    if done.returncode or found is None:
        raise BenchError(f"{address}: {done.stderr.strip()} {done.stdout.strip()}")
    rate, p50, p99, _ = map(int, found.groups()[:4])
    return Measurement(rate, p50, p99, tuple(re.findall(r'"(.*?)"', found[5])))
