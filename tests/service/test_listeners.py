"""Listening sockets: permissions, stale and live socket files, addresses in use."""

import errno
import grp
import os
import pwd
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatepost_service.sockets import (
    ListenAddress,
    ListenError,
    address_of,
    close_listener,
    open_listener,
    open_listeners,
)
from labs.needs import as_root

Open = Callable[[str], socket.socket]


@pytest.fixture
def listen() -> Iterator[Open]:
    """Opens listeners, and closes them at the end."""
    opened = []

    def listen(text: str) -> socket.socket:
        opened.append(open_listener(ListenAddress.parse(text)))
        return opened[-1]

    yield listen
    for listener in opened:
        close_listener(listener)


def refused(text: str) -> ListenError:
    with pytest.raises(ListenError) as error:
        close_listener(open_listener(ListenAddress.parse(text)))
    assert str(error.value).startswith(f"cannot listen on {ListenAddress.parse(text)}: ")
    return error.value


def talks(family: int, where: object) -> bool:
    with socket.socket(family) as client:
        return client.connect_ex(where) == 0  # type: ignore[arg-type]  # a path, or host and port


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def own_names() -> tuple[str, str]:
    return pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


@pytest.mark.parametrize(("text", "family"), [("inet:127.0.0.1:0", socket.AF_INET), ("inet:[::1]:0", socket.AF_INET6)])
def test_tcp_listener_accepts(listen: Open, text: str, family: int) -> None:
    listener = listen(text)
    assert not listener.getblocking()
    assert talks(family, listener.getsockname())
    assert address_of(listener).port


def test_both_wildcards_share_a_port(listen: Open) -> None:
    port = listen("inet:0.0.0.0:0").getsockname()[1]
    assert listen(f"inet:[::]:{port}").getsockname()[1] == port


def test_address_in_use_names_the_holder(listen: Open) -> None:
    name = Path("/proc/self/comm").read_text().strip()
    for text in ("inet:127.0.0.1:{}", "inet:[::1]:{}"):
        port = listen(text.format(0)).getsockname()[1]
        error = refused(text.format(port))
        assert error.errno == errno.EADDRINUSE
        assert error.reason == f"the address is in use, held by {name} (pid {os.getpid()})"


def test_wildcard_names_who_holds_one_address_of_it(listen: Open) -> None:
    port = listen("inet:127.0.0.1:0").getsockname()[1]
    assert f"(pid {os.getpid()})" in refused(f"inet:0.0.0.0:{port}").reason


def test_holder_that_does_not_listen_cannot_be_told() -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        error = refused(f"inet:127.0.0.1:{bound.getsockname()[1]}")
    assert error.reason == "the address is in use, by a process that cannot be told from here"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("inet:192.0.2.1:0", "this host has no such address"),
        ("inet:no-such-host.invalid:1", "the host name cannot be resolved"),
        ("unix:/no/such/folder/a.sock", "no such folder"),
        ("unix:/" + 107 * "a", "the path is longer than 107 bytes"),
        ("unix:/tmp/a.sock?owner=no-such-user", "no such user as no-such-user"),
        ("unix:/tmp/a.sock?group=no-such-group", "no such group as no-such-group"),
    ],
)
def test_other_reasons_are_told(text: str, reason: str) -> None:
    assert reason in refused(text).reason


def test_all_listeners_or_none(tmp_path: Path) -> None:
    addresses = [ListenAddress(path=str(tmp_path / "a.sock")), ListenAddress(path=str(tmp_path / "no" / "b.sock"))]
    with pytest.raises(ListenError):
        open_listeners(addresses)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("query", "mode"), [("", 0o660), ("?mode=0600", 0o600), ("?mode=0666", 0o666)])
def test_unix_socket_has_its_mode(listen: Open, tmp_path: Path, query: str, mode: int) -> None:
    listener = listen(f"unix:{tmp_path}/a.sock{query}")
    assert mode_of(tmp_path / "a.sock") == mode
    assert talks(socket.AF_UNIX, str(tmp_path / "a.sock"))
    assert address_of(listener) == ListenAddress(path=f"{tmp_path}/a.sock")


def test_unix_socket_has_its_owner_and_group(listen: Open, tmp_path: Path) -> None:
    user, group = own_names()
    listen(f"unix:{tmp_path}/a.sock?owner={user}&group={group}")
    listen(f"unix:{tmp_path}/b.sock?owner={os.getuid()}&group={os.getgid()}")
    assert {(entry.owner(), entry.group()) for entry in tmp_path.iterdir()} == {(user, group)}


@as_root
def test_unix_socket_is_given_away(listen: Open, tmp_path: Path) -> None:
    listen(f"unix:{tmp_path}/a.sock?owner=nobody&group=12345")
    found = (tmp_path / "a.sock").stat()
    assert (found.st_uid, found.st_gid) == (pwd.getpwnam("nobody").pw_uid, 12345)


def test_owner_that_is_not_permitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chown(path: str, owner: int, group: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", chown)
    assert "not permitted to give the socket to that owner" in refused(f"unix:{tmp_path}/a.sock?owner=1").reason
    assert list(tmp_path.iterdir()) == []


def test_nobody_can_connect_before_permissions_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def chown(path: str, owner: int, group: int) -> None:
        seen.append((mode_of(Path(path)), talks(socket.AF_UNIX, path)))

    monkeypatch.setattr(os, "chown", chown)
    close_listener(open_listener(ListenAddress(path=str(tmp_path / "a.sock"), mode=0o666)))
    assert seen == [(0o600, False)]


def test_stale_socket_is_replaced(listen: Open, tmp_path: Path) -> None:
    path = str(tmp_path / "a.sock")
    with closing(socket.socket(socket.AF_UNIX)) as old:
        old.bind(path)
        old.listen()
    listen(f"unix:{path}")
    assert talks(socket.AF_UNIX, path)


def test_live_socket_is_left_alone_and_its_holder_named(listen: Open, tmp_path: Path) -> None:
    listen(f"unix:{tmp_path}/a.sock")
    error = refused(f"unix:{tmp_path}/a.sock")
    assert f"the address is in use, held by {Path('/proc/self/comm').read_text().strip()}" in error.reason
    assert talks(socket.AF_UNIX, f"{tmp_path}/a.sock")


def test_live_datagram_socket_is_left_alone(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other:
        other.bind(str(tmp_path / "a.sock"))
        assert "the address is in use" in refused(f"unix:{tmp_path}/a.sock").reason
        assert (tmp_path / "a.sock").is_socket()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("elsewhere")])
def test_file_that_is_no_socket_is_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "a.sock"
    make(path)
    before = path.lstat()
    assert refused(f"unix:{path}").reason == "there is a file of that name, which is no socket"
    assert path.lstat() == before


def test_many_starts_at_once_on_a_stale_socket_have_one_winner(tmp_path: Path) -> None:
    path = str(tmp_path / "a.sock")
    with closing(socket.socket(socket.AF_UNIX)) as old:
        old.bind(path)
    begin = threading.Barrier(8)
    winners: list[socket.socket] = []

    def start() -> None:
        begin.wait()
        try:
            winners.append(open_listener(ListenAddress(path=path)))
        except ListenError as error:
            assert error.errno == errno.EADDRINUSE

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert talks(socket.AF_UNIX, path)
    close_listener(winners[0])


def test_close_removes_its_own_socket(tmp_path: Path) -> None:
    listener = open_listener(ListenAddress(path=str(tmp_path / "a.sock")))
    close_listener(listener)
    close_listener(listener)
    assert list(tmp_path.iterdir()) == []


def test_close_leaves_another_ones_socket(listen: Open, tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    first = open_listener(ListenAddress(path=str(path)))
    path.rename(tmp_path / "moved.sock")
    listen(f"unix:{path}")
    close_listener(first)
    assert talks(socket.AF_UNIX, str(path))
