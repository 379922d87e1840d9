"""Who holds an address that is in use: process ids and command names, as far as Linux's /proc lets this user see.

Sources: proc(5), /proc/net/tcp, /proc/net/tcp6, /proc/net/unix, /proc/PID/fd. Every function gives '' when it cannot
tell.
"""

import contextlib
import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN of the kernel's tcp_states.h
_ACCEPTS = 0x10000  # __SO_ACCEPTCON of the kernel's net.h
_NAMED = 2  # so many holders are named, others counted: a service and its workers share one socket

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def tcp_holders(host: str, port: int) -> str:
    """Who listens on this IP address and port, or on a wildcard that covers it: 'gatepost (pid 17) and 2 more'."""
    wanted = ipaddress.ip_address(host)
    inodes = {inode for address, inode in _tcp_listeners(port) if _overlap(wanted, address)}
    return _described(inodes)


def unix_holders(path: str) -> str:
    """Who listens on the UNIX socket of this path."""
    inodes = set()
    for fields in _table("/proc/net/unix", 8):
        if fields[7] == path and int(fields[3], 16) & _ACCEPTS:
            inodes.add(fields[6])
    return _described(inodes)


def _overlap(wanted: _Address, held: _Address) -> bool:
    return wanted.is_unspecified or held.is_unspecified or wanted == held


def _tcp_listeners(port: int) -> Iterator[tuple[_Address, str]]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in _table(table, 12):
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTENING and int(number, 16) == port:
                yield _decoded(address), fields[9]


def _decoded(digits: str) -> _Address:
    """An address of /proc/net/tcp: 32-bit words in hexadecimal digits, each in the machine's byte order."""
    words = [bytes.fromhex(digits[start : start + 8]) for start in range(0, len(digits), 8)]
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return ipaddress.ip_address(packed)


def _table(path: str, columns: int) -> Iterator[list[str]]:
    """The rows of one of /proc/net's tables that have so many columns, without the heading."""
    with contextlib.suppress(OSError), Path(path).open(errors="surrogateescape") as lines:
        next(lines, None)
        for line in lines:
            fields = line.rstrip("\n").split(maxsplit=columns - 1)
            if len(fields) == columns:
                yield fields


def _described(inodes: set[str]) -> str:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    pids = sorted(pid for pid in _pids() if wanted and _holds(pid, wanted))
    names = ", ".join(f"{_command(pid)} (pid {pid})" for pid in pids[:_NAMED])
    return f"{names} and {len(pids) - _NAMED} more" if len(pids) > _NAMED else names


def _pids() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return []


def _holds(pid: int, wanted: set[str]) -> bool:
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(entry.readlink()) in wanted:
                    return True
    return False


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
        return "".join(letter if letter.isprintable() else "?" for letter in name)
    return "a process"
