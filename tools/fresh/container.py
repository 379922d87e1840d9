"""A root file system in use: commands run in it by systemd-nspawn (its manual page), or it is booted.

Rules: what fetches packages uses this machine's network, with its certificate authorities and pip's settings for where
packages are. What serves has a network of its own, so that no port of this machine is taken and nothing outside can be
reached. Nothing of this machine's file system is there but the checkout, read-only, at /src.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP = ("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE_SECONDS = 120
# Ports below 1024 are for everybody in the container's own network: what stands in for a mail server listens on 25.
_OWN_NETWORK = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start; "


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit status, and what it wrote to standard output and error together."""

    status: int
    output: str


@dataclass
class Log:
    """What was typed, and what came back."""

    path: Path

    def run(self, command: list[str], typed: str, environment: dict[str, str] | None = None) -> Ended:
        """Run a command to its end; `typed` is what it is called in the log."""
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        with self.path.open("a") as log:
            log.write(f"\n$ {typed}\n{done.stdout}[exit status {done.returncode}]\n")
        return Ended(done.returncode, done.stdout)


@dataclass
class Container:
    """A root in use. extra: environment variables for every command, beside pip's and those of proxies."""

    root: Path
    log: Log
    extra: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, *, user: str = "root", own_network: bool = False) -> Ended:
        """Run a shell's lines as a user of the system, in that user's home."""
        kind = ["--private-network"] if own_network else _way_out()
        words = ["sh", "-c", f'{_OWN_NETWORK if own_network else ""}exec runuser -l {user} -w "$PASSED" -c "$SCRIPT"']
        passed = self._environment()
        settings = {**passed, "PASSED": ",".join(passed), "SCRIPT": script}
        set_ = [f"--setenv={name}={value}" for name, value in settings.items()]
        return self.log.run([*self._nspawn(), "--as-pid2", "--pipe", *kind, *set_, *words], f"({user}) {script}")

    @contextmanager
    def booted(self) -> Iterator[Booted]:
        """The system with its own init, on a network of its own. Raises TimeoutError."""
        with self.log.path.with_suffix(".console").open("ab") as console:
            nspawn = subprocess.Popen(
                [*self._nspawn(), "--boot", "--private-network", "--console=pipe"],
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
            try:
                booted = Booted(self.log, _leader(nspawn))
                try:
                    booted.wait_until("systemctl is-system-running --wait | grep -Ex 'running|degraded'")
                    yield booted
                finally:
                    os.kill(booted.leader, signal.SIGKILL)  # as a power cut: all in its namespace go with it
            finally:
                nspawn.kill()
                nspawn.wait()

    def _nspawn(self) -> list[str]:
        at = ["--directory", str(self.root), f"--bind-ro={CHECKOUT}:/src"]
        quiet = ["env", "SYSTEMD_LOG_LEVEL=crit"]  # of what it warns at the end is no concern of what ran
        return [*quiet, "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", *at]

    def _environment(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _PIP if name in os.environ}
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return {**passed, **proxies, **self.extra}


@dataclass(frozen=True)
class Booted:
    """A system that was booted. leader: the process id of its init."""

    log: Log
    leader: int

    def run(self, script: str) -> Ended:
        """Run a shell's lines as root, in root's home."""
        command = ["nsenter", "--target", str(self.leader), "--all", "sh", "-c", f"cd /root; {script}"]
        return self.log.run(command, script, {"PATH": _PATH, "HOME": "/root"})

    def wait_until(self, condition: str) -> None:
        """Wait until a shell's command ends with 0. Raises TimeoutError."""
        until = shlex.quote(f"until {condition}; do sleep 0.2; done")
        ended = self.run(f"timeout {_PATIENCE_SECONDS} sh -c {until}")
        if ended.status:
            raise TimeoutError(f"in vain was waited for: {condition}: {ended.output[-300:]}")


def _way_out() -> list[str]:
    authorities = [f"--bind-ro={_AUTHORITIES}"] if _AUTHORITIES.exists() else []
    return ["--resolv-conf=copy-host", *authorities]


def _leader(nspawn: subprocess.Popen[bytes]) -> int:
    """The init of a container. Raises TimeoutError."""
    until = time.monotonic() + _PATIENCE_SECONDS
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    while time.monotonic() < until and nspawn.poll() is None:
        if numbers := children.read_text().split():
            return int(numbers[0])
        time.sleep(0.05)
    raise TimeoutError("the container did not start")
