"""The machine that the doctor runs on, asked without changing anything. See gatepost_conf.doctor.machine."""

from __future__ import annotations

import errno
import ipaddress
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import dns.resolver
from dns.exception import DNSException

from gatepost_conf import pymilter
from gatepost_conf.doctor.machine import Account, NoSuchName, Ran, Room, Step
from gatepost_service.endpoints import nameserver
from gatepost_service.sockets import ListenAddress

PATIENCE = 10.0
# Mail servers' programs are not in every user's PATH.
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/libexec/sendmail", "/opt/sbin")


class LocalMachine:
    """Use one for one examination."""

    def __init__(self, nameservers: Sequence[str] = (), patience: float = PATIENCE) -> None:
        """nameservers: who is asked, as ADDRESS, ADDRESS:PORT or [IPV6]:PORT; by default the system's.

        patience: seconds, for each thing that is asked.
        """
        self.patience = patience
        self._nameservers = nameservers
        self._path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS])

    def program(self, *names: str) -> str:
        return next(filter(None, (shutil.which(name, path=self._path) for name in names)), "")

    def run(self, *command: str, stdin: str = "") -> Ran:
        try:
            done = subprocess.run(
                command,
                input=stdin.encode(),
                capture_output=True,
                timeout=self.patience,
                check=False,
                cwd="/",
                env={**os.environ, "PATH": self._path, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{command[0]} did not end within {self.patience:g} s") from error
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def read(self, path: Path) -> str:
        return path.read_text("utf-8", "replace")

    def stat(self, path: Path) -> os.stat_result:
        return path.stat()

    def room(self, path: Path) -> Room:
        found = os.statvfs(path)
        files = found.f_favail if found.f_files else -1
        return Room(found.f_bavail * found.f_frsize, files, bool(found.f_flag & os.ST_RDONLY))

    def talk(self, address: ListenAddress, dialogue: Sequence[Step]) -> list[bytes]:
        with _connected(address, self.patience) as connection:
            received = []
            for step in dialogue:
                connection.sendall(step.sent)
                received.append(_received(connection, step, self.patience))
            return received

    def resolve(self, name: str, kind: str) -> list[str]:
        try:
            found = self._resolver().resolve(f"{name}.", kind, lifetime=self.patience, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise NoSuchName(f"{name} has no {kind}") from error
        except DNSException as error:
            raise OSError(f"the DNS does not answer for {name} {kind}: {error}") from error
        return [str(record) for record in found]

    def _resolver(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=not self._nameservers)
        if self._nameservers:
            resolver.nameservers = [nameserver(text) for text in self._nameservers]
        return resolver

    def has_address(self, address: str) -> bool:
        # A socket can be bound to nothing else, and a datagram socket that is bound takes nothing from anybody.
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError as error:
                if error.errno in {errno.EADDRNOTAVAIL, errno.EINVAL, errno.EAFNOSUPPORT}:
                    return False
                raise
        return True

    def account(self, name: str) -> Account:
        record = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
        return Account(record.pw_name, record.pw_uid, frozenset(os.getgrouplist(record.pw_name, record.pw_gid)))

    def user(self) -> Account:
        uid = os.geteuid()
        groups = frozenset([os.getegid(), *os.getgroups()])
        try:
            return Account(pwd.getpwuid(uid).pw_name, uid, groups)
        except KeyError:
            return Account(str(uid), uid, groups)

    def has_pymilter(self) -> bool:
        return pymilter.is_installed()

    def query(self, path: Path, statement: str) -> list[tuple[object, ...]]:
        log = path.with_name(f"{path.name}-wal")
        # Without a log the file alone is the whole, and SQLite then makes none of its own for reading.
        mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
        path.stat()  # for a clear word where there is none
        try:
            with closing(
                sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=self.patience)
            ) as connection:
                return connection.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error

    def now(self) -> float:
        return time.time()


def _connected(address: ListenAddress, patience: float) -> socket.socket:
    if not address.is_unix:
        return socket.create_connection((address.host, address.port), patience)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(address.path)
    except BaseException:
        connection.close()
        raise
    return connection


def _received(connection: socket.socket, step: Step, patience: float) -> bytes:
    """What comes until it is all, or the other side ends the connection."""
    until, octets = time.monotonic() + patience, b""
    while not step.is_all(octets):
        if time.monotonic() > until:
            raise TimeoutError(f"no whole answer within {patience:g} s")
        chunk = connection.recv(65536)
        if not chunk:
            break
        octets += chunk
    return octets
