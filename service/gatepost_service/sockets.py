"""Addresses to listen on, and the listening sockets made from them.

Rules:
- a UNIX socket is never open to more than its mode says, not even for a moment: it is bound with mode 0600, given its
  owner, group and mode, and only then listens (a connection before listen(2) is refused);
- a file is removed only if it is a socket that nobody listens on; whoever checks and binds holds a lock on the folder,
  so that two starts at once do not remove each other's socket;
- an IPv6 socket takes IPv6 only, so that `inet:0.0.0.0:P` and `inet:[::]:P` can stand side by side.
"""

import contextlib
import errno
import fcntl
import grp
import ipaddress
import os
import pwd
import re
import socket
import stat
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gatepost_service.holders import tcp_holders, unix_holders

DEFAULT_MODE = 0o660
BACKLOG = 4096  # the kernel takes net.core.somaxconn where that is less
FIRST_INHERITED = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
MAX_UNIX_PATH = 107  # unix(7): sun_path has 108 bytes, the last is NUL

_FORMS = "inet:HOST:PORT, inet:[IPV6]:PORT or unix:/path?mode=0660&owner=USER&group=GROUP"
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?\Z"
)
_ACCOUNT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@-]*\$?\Z")
_REASONS = {
    errno.EADDRINUSE: "the address is in use",
    errno.EADDRNOTAVAIL: "this host has no such address",
    errno.EACCES: "not permitted",
    errno.EPERM: "not permitted",
    errno.ENOENT: "no such folder",
    errno.ENOTDIR: "no such folder",
    errno.EROFS: "the file system is read-only",
    errno.EAFNOSUPPORT: "this host has no such address family",
}


class AddressSyntaxError(ValueError):
    """The text is no address to listen on; the message says what was expected."""


class ListenError(OSError):
    """An address cannot be listened on: str() names the address, the reason and, where it can be told, who holds it."""

    def __init__(self, address: "ListenAddress", reason: str, number: int = 0) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")
        self.address = address
        self.reason = reason
        self.errno = number


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to listen on: TCP (host and port, 0 for any free port) or a UNIX socket (path and permissions).

    `host` is an IP address without brackets, or a name, of which the first address counts. str() is the canonical form.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    mode: int | None = None
    owner: str = ""
    group: str = ""

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Read one of the three forms; raises AddressSyntaxError."""
        scheme, colon, rest = text.partition(":")
        if colon and scheme == "inet":
            return _parse_inet(text, rest)
        if colon and scheme == "unix":
            return _parse_unix(text, rest)
        raise AddressSyntaxError(f"{text!r} is no address to listen on: expected {_FORMS}")

    @property
    def is_unix(self) -> bool:
        return bool(self.path)

    def resolved(self, folder: str | Path) -> "ListenAddress":
        """The same address, with a relative path taken from `folder`."""
        return replace(self, path=str(Path(folder) / self.path)) if self.is_unix else self

    def __str__(self) -> str:
        if not self.is_unix:
            return f"inet:[{self.host}]:{self.port}" if ":" in self.host else f"inet:{self.host}:{self.port}"
        options = [
            ("mode", "" if self.mode is None else f"{self.mode:04o}"),
            ("owner", self.owner),
            ("group", self.group),
        ]
        query = "&".join(f"{name}={value}" for name, value in options if value)
        return f"unix:{self.path}?{query}" if query else f"unix:{self.path}"


def _parse_inet(text: str, rest: str) -> ListenAddress:
    host, colon, port = rest.rpartition(":")
    if not colon or not host:
        raise AddressSyntaxError(f"{text!r}: expected inet:HOST:PORT (0.0.0.0 or [::] for every address)")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise AddressSyntaxError(f"{text!r}: expected a port from 0 to 65535, not {port!r}")
    return ListenAddress(host=_parse_host(text, host), port=int(port))


def _parse_host(text: str, host: str) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    with contextlib.suppress(ValueError):
        if bracketed:
            return str(ipaddress.IPv6Address(host[1:-1]))
        return str(ipaddress.IPv4Address(host))
    if bracketed or ":" in host or "[" in host:
        raise AddressSyntaxError(f"{text!r}: expected an IPv6 address in brackets, as in inet:[::1]:8031")
    if not _HOST_NAME.match(host) or re.fullmatch(r"[0-9.]+", host):
        raise AddressSyntaxError(f"{text!r}: expected an IP address or a host name, not {host!r}")
    return host.lower()


def _parse_unix(text: str, rest: str) -> ListenAddress:
    path, _, query = rest.partition("?")
    if not path or not path.isprintable() or path.endswith("/"):
        raise AddressSyntaxError(f"{text!r}: expected a path, as in unix:/run/gatepost/policy.sock?mode=0660")
    address = ListenAddress(path=path)
    for option in query.split("&") if query else []:
        name, _, value = option.partition("=")
        address = _with_option(text, address, name, value)
    return address


def _with_option(text: str, address: ListenAddress, name: str, value: str) -> ListenAddress:
    if name == "mode" and re.fullmatch(r"0?[0-7]{3}", value):
        return replace(address, mode=int(value, 8))
    if name == "mode":
        raise AddressSyntaxError(f"{text!r}: expected an octal mode, as in mode=0660, not {value!r}")
    if name not in {"owner", "group"}:
        raise AddressSyntaxError(f"{text!r}: expected mode, owner or group, not {name!r}")
    if not _ACCOUNT.match(value):
        raise AddressSyntaxError(f"{text!r}: expected a name or a number after {name}=, not {value!r}")
    return replace(address, owner=value) if name == "owner" else replace(address, group=value)


# The files of UNIX sockets that this process has bound: path, device and inode, and the process that may remove it.
_bound_files: weakref.WeakKeyDictionary[socket.socket, tuple[str, int, int, int]] = weakref.WeakKeyDictionary()


def open_listener(address: ListenAddress) -> socket.socket:
    """A non-blocking listening stream socket: systemd's where it has passed one for this address, else a new one.

    Raises ListenError.
    """
    for inherited in inherited_listeners():
        if is_same(address, address_of(inherited)):
            return inherited.dup()
    return _open_unix(address) if address.is_unix else _open_inet(address)


def open_listeners(addresses: Sequence[ListenAddress]) -> list[socket.socket]:
    """One listener for each address, in order, or none at all; raises ListenError."""
    with contextlib.ExitStack() as undo:
        listeners = []
        for address in addresses:
            listeners.append(open_listener(address))
            undo.callback(close_listener, listeners[-1])
        undo.pop_all()
        return listeners


def close_listener(listener: socket.socket) -> None:
    """Close it, and remove the file of a UNIX socket if this process made it and it is still the same file."""
    path, device, inode, pid = _bound_files.pop(listener, ("", 0, 0, 0))
    listener.close()
    if pid != os.getpid():
        return
    with contextlib.suppress(OSError):
        found = Path(path).lstat()
        if (found.st_dev, found.st_ino) == (device, inode):
            Path(path).unlink()


def address_of(listener: socket.socket) -> ListenAddress:
    """Where a socket really listens: the port that the system chose, the address that a name stood for."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return ListenAddress(path=_bound_files.get(listener, (os.fsdecode(name),))[0])
    return ListenAddress(host=name[0], port=name[1])


def is_same(wanted: ListenAddress, found: ListenAddress) -> bool:
    """Whether `found`, where a socket really listens (`address_of`), is what `wanted` means."""
    if wanted.is_unix or found.is_unix:
        return bool(wanted.path and found.path) and Path(wanted.path).resolve() == Path(found.path).resolve()
    with contextlib.suppress(ListenError):
        return wanted.port == found.port and _resolve(wanted)[1][0] == found.host
    return False


_inherited: list[socket.socket] = []


def inherited_listeners() -> Sequence[socket.socket]:
    """The listening sockets that systemd has passed (sd_listen_fds(3)).

    The first call takes them out of the environment; child processes keep them. Others than stream sockets that listen
    are left alone.
    """
    count = os.environ.pop("LISTEN_FDS", "")
    pid = os.environ.pop("LISTEN_PID", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if count.isdigit() and pid == str(os.getpid()):
        for number in range(FIRST_INHERITED, FIRST_INHERITED + int(count)):
            with contextlib.suppress(OSError):
                _inherit(number)
    return _inherited


def _inherit(number: int) -> None:
    os.set_inheritable(number, False)
    listener = socket.socket(fileno=number)
    if listener.type == socket.SOCK_STREAM and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.setblocking(False)
        _inherited.append(listener)
    else:
        listener.detach()


def _open_inet(address: ListenAddress) -> socket.socket:
    family, where = _resolve(address)
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _explained(address, error, where) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _explained(address, error, where) from error
    return listener


def _resolve(address: ListenAddress) -> tuple[int, tuple[str, int]]:
    """Family and socket address of a TCP address; the first one, if a name has several."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ListenError(address, f"the host name cannot be resolved ({error.args[-1]})", errno.ENOENT) from error
    family, _, _, _, where = found[0]
    return family, where  # type: ignore[return-value]  # typeshed: any family; IPv6 has two more members


def _explained(address: ListenAddress, error: OSError, where: tuple[str, int] | None = None) -> ListenError:
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    if error.errno == errno.EACCES and where is not None:
        reason += " (ports below 1024 need CAP_NET_BIND_SERVICE)"
    if error.errno == errno.EADDRINUSE:
        holders = unix_holders(address.path) if where is None else tcp_holders(where[0], where[1])
        reason += f", held by {holders}" if holders else ", by a process that cannot be told from here"
    return ListenError(address, reason, error.errno or 0)


def _open_unix(address: ListenAddress) -> socket.socket:
    path = str(Path(address.path).absolute())
    if len(os.fsencode(path)) > MAX_UNIX_PATH:
        raise ListenError(address, f"the path is longer than {MAX_UNIX_PATH} bytes", errno.ENAMETOOLONG)
    owner, group = _user_id(address), _group_id(address)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _folder_locked(path):
            _remove_stale(address, path)
            _bind_private(listener, path)
            _give_away(address, path, owner, group)
            Path(path).chmod(DEFAULT_MODE if address.mode is None else address.mode)
            listener.listen(BACKLOG)
        listener.setblocking(False)
    except ListenError:
        close_listener(listener)
        raise
    except OSError as error:
        close_listener(listener)
        raise _explained(address, error) from error
    return listener


@contextlib.contextmanager
def _folder_locked(path: str) -> Iterator[None]:
    folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _remove_stale(address: ListenAddress, path: str) -> None:
    try:
        mode = Path(path).lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(address, "there is a file of that name, which is no socket", errno.EEXIST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        result = probe.connect_ex(path)
    if result == errno.ECONNREFUSED:
        Path(path).unlink()
    elif result == errno.EACCES:
        raise ListenError(address, "not permitted to ask whether somebody listens there already", result)
    elif result != errno.ENOENT:  # connected, or its queue is full, or it is a datagram socket: somebody's
        raise _explained(address, OSError(errno.EADDRINUSE, ""))


def _bind_private(listener: socket.socket, path: str) -> None:
    umask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(umask)
    found = Path(path).lstat()
    _bound_files[listener] = (path, found.st_dev, found.st_ino, os.getpid())


def _give_away(address: ListenAddress, path: str, owner: int, group: int) -> None:
    try:
        os.chown(path, owner, group)
    except PermissionError as error:
        reason = "not permitted to give the socket to that owner or group"
        raise ListenError(address, reason, errno.EPERM) from error


def _user_id(address: ListenAddress) -> int:
    if not address.owner or address.owner.isdigit():
        return int(address.owner or -1)
    try:
        return pwd.getpwnam(address.owner).pw_uid
    except KeyError:
        raise ListenError(address, f"no such user as {address.owner}", errno.ENOENT) from None


def _group_id(address: ListenAddress) -> int:
    if not address.group or address.group.isdigit():
        return int(address.group or -1)
    try:
        return grp.getgrnam(address.group).gr_gid
    except KeyError:
        raise ListenError(address, f"no such group as {address.group}", errno.ENOENT) from None
