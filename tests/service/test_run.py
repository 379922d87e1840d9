"""Whole programs: readiness, signals, restarts and ends, with real processes and sockets."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from gatepost_service.part import Part
from gatepost_service.sockets import ListenAddress
from labs.service import DEADLINE, Program, ask, wait_gone

ONE = ["echo=1=inet:127.0.0.1:0"]
TWO_WORKERS = ["echo=2=inet:127.0.0.1:0"]
TWO_PARTS = ["echo=2=inet:127.0.0.1:0", "other=1=inet:127.0.0.1:0"]
SHAPES = pytest.mark.parametrize("shape", [ONE, TWO_WORKERS, TWO_PARTS], ids=["one", "two-workers", "two-parts"])


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=DEADLINE)


def pid_of(answer: str) -> int:
    return int(answer.split(maxsplit=1)[0])


def worker_pid(address: tuple[str, int]) -> int:
    with connect(address) as client:
        return pid_of(ask(client, "who"))


def ask_until(client: socket.socket, line: str, condition: Callable[[], bool]) -> None:
    """Ask the same again and again until something has come true."""
    for _ in range(100_000):
        if condition():
            return
        ask(client, line)
    raise AssertionError("it did not come true")


def wait_refused(address: tuple[str, int]) -> None:
    """Until nobody listens any more."""
    for _ in range(100_000):
        try:
            connect(address).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue
    raise AssertionError("somebody still listens")


def test_ready_lines_name_every_address(tmp_path: Path) -> None:
    with Program(tmp_path, "echo=2=inet:127.0.0.1:0,inet:[::1]:0,unix:echo.sock") as program:
        (v4, port), (v6, other_port) = program.ready()
        assert (v4, v6) == ("127.0.0.1", "::1")
        assert f"inet:127.0.0.1:{port}, inet:[::1]:{other_port}, unix:{tmp_path}/echo.sock" in program.lines[0]
        for address in ((v4, port), (v6, other_port)):
            with connect(address) as client:
                assert ask(client, "hello").endswith("hello")


def test_a_part_of_several_names_says_which_address_is_whose() -> None:
    listen = tuple(ListenAddress("127.0.0.1", port) for port in (1, 2, 3))
    part = Part(name="first", listen=listen, serve=lambda worker: None, names=(("first", 1), ("second", 2)))
    assert part.ready_line(()).splitlines() == [
        "first ready on inet:127.0.0.1:1",
        "second ready on inet:127.0.0.1:2, inet:127.0.0.1:3",
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_part_without_addresses_is_ready_too(tmp_path: Path, workers: int) -> None:
    with Program(tmp_path, f"echo={workers}=") as program:
        program.wait_line(r"^echo ready$")
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0


@SHAPES
def test_term_ends_all_with_0(tmp_path: Path, shape: list[str]) -> None:
    with Program(tmp_path, *shape) as program:
        program.ready()
        family = program.family()
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
        wait_gone(family)
        assert not [line for line in program.lines if "ended" in line]


@SHAPES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_whole_group_restarts_nothing(tmp_path: Path, shape: list[str], number: int) -> None:
    with Program(tmp_path, *shape) as program:
        program.ready()
        program.signal_group(number)
        assert program.wait_exit() == 0
        assert not [line for line in program.lines if "ended" in line]
        assert program.family() == []


@SHAPES
def test_transactions_under_way_end_before_the_process(tmp_path: Path, shape: list[str]) -> None:
    with Program(tmp_path, *shape) as program:
        address = program.ready()[0]
        with connect(address) as client:
            assert ask(client, "begin").endswith("begin")
            program.signal(signal.SIGTERM)
            wait_refused(address)
            assert ask(client, "end").endswith("end")
            assert client.recv(1) == b""
        assert program.wait_exit() == 0


def test_what_does_not_end_is_cut_off(tmp_path: Path) -> None:
    """A transaction that goes on, a worker alone that hangs, a worker of several that hangs; all at once."""
    with ExitStack() as stack:
        programs = [stack.enter_context(Program(tmp_path, *shape)) for shape in (ONE, ONE, TWO_PARTS)]
        for program, line in zip(programs, ("begin", "stick", "stick"), strict=True):
            client = stack.enter_context(connect(program.ready()[0]))
            client.sendall(f"{line}\n".encode())
            assert line != "begin" or client.recv(100)
        families = [program.family() for program in programs]
        for program in programs:
            program.signal(signal.SIGTERM)
        assert [program.wait_exit() for program in programs] == [0, -signal.SIGALRM, 0]
        assert any('event="transactions cut off" part=echo' in line for line in programs[0].lines)
        for family in families:
            wait_gone(family)


@pytest.mark.parametrize("shape", [TWO_WORKERS, TWO_PARTS], ids=["two-workers", "two-parts"])
def test_killed_worker_is_started_again(tmp_path: Path, shape: list[str]) -> None:
    with Program(tmp_path, *shape) as program:
        address = program.ready()[0]
        for _ in range(3):
            victim = worker_pid(address)
            os.kill(victim, signal.SIGKILL)
            assert worker_pid(address) != victim  # the other worker serves meanwhile
            program.wait_line(f'"process ended, will be started again" process=echo/. pid={victim} signal=SIGKILL')
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
        assert len([line for line in program.lines if line.startswith("echo ready")]) == 1


def test_killed_part_is_started_again_and_the_other_is_undisturbed(tmp_path: Path) -> None:
    parts = ["echo=1=inet:127.0.0.1:0", "other=1=inet:127.0.0.1:0"]
    with Program(tmp_path, *parts) as program, connect(program.ready("other")[0]) as other:
        before = ask(other, "hello")
        os.kill(worker_pid(program.ready()[0]), signal.SIGKILL)
        program.wait_line('"process ended, will be started again" process=echo ')
        address = program.wait_line(r"^echo ready on inet:127.0.0.1:(\d+)")
        assert worker_pid(("127.0.0.1", int(address[1])))
        assert ask(other, "hello") == before


@pytest.mark.parametrize("shape", [TWO_WORKERS, TWO_PARTS], ids=["two-workers", "two-parts"])
def test_nothing_outlives_a_killed_parent(tmp_path: Path, shape: list[str]) -> None:
    with Program(tmp_path, *shape) as program:
        program.ready()
        family = program.family()
        assert len(family) >= 3
        program.signal(signal.SIGKILL)
        wait_gone(family)
        assert program.family() == []


@SHAPES
def test_hup_reloads_every_worker(tmp_path: Path, shape: list[str]) -> None:
    with Program(tmp_path, *shape) as program:
        address = program.ready()[0]
        if len(shape) == 2:
            program.ready("other")
        program.signal(signal.SIGHUP)
        expected = sum(int(part.split("=")[1]) for part in shape)
        pids = {program.wait_line(r"event=reloaded part=echo pid=(\d+)")[1] for _ in range(expected)}
        assert len(pids) == expected
        assert worker_pid(address)


def test_broken_settings_at_hup_leave_the_old_ones(tmp_path: Path) -> None:
    with Program(tmp_path, *ONE) as program:
        address = program.ready()[0]
        (tmp_path / "broken").touch()
        program.signal(signal.SIGHUP)
        program.wait_line('event="settings not read again: the old ones stay" part=echo exception=".*broken settings')
        assert worker_pid(address)


@pytest.mark.parametrize("shape", [TWO_WORKERS, TWO_PARTS], ids=["two-workers", "two-parts"])
def test_code_of_sysexits_at_first_start_ends_the_run(tmp_path: Path, shape: list[str]) -> None:
    (tmp_path / "echo.fails").touch()
    with Program(tmp_path, *shape, "--exit", "78") as program:
        assert program.wait_exit() == 78
        assert program.family() == []


def test_other_failure_at_first_start_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "echo.fails").touch()
    with Program(tmp_path, *TWO_WORKERS, "--exit", "1") as program:
        for _ in range(3):
            program.wait_line('"process ended, will be started again".* status=1 pause=')
        (tmp_path / "echo.fails").unlink()
        assert worker_pid(program.ready()[0])


def held_address(program: Program) -> str:
    host, port = program.ready()[0]
    return f"inet:{host}:{port}"


@pytest.mark.parametrize(
    "shape",
    [
        lambda held: [f"echo=1={held}"],
        lambda held: [f"echo=2={held}"],
        lambda held: [f"echo=1={held}", "other=1=inet:127.0.0.1:0"],
        lambda held: ["echo=1=inet:127.0.0.1:0", "--metrics", held],
        lambda held: ["echo=2=inet:127.0.0.1:0", "--part-metrics", held],
    ],
)
def test_address_in_use_is_69_and_says_who_listens(tmp_path: Path, shape: Callable[[str], list[str]]) -> None:
    with Program(tmp_path, *ONE) as first:
        held = held_address(first)
        with Program(tmp_path, *shape(held)) as second:
            assert second.wait_exit() == 69
            said = f"gatepost: cannot listen on {held}: the address is in use, held by gatepost-echo (pid {first.pid})"
            assert said in second.lines


def test_more_connections_than_files_close_those_that_are_idle_for_longest(tmp_path: Path) -> None:
    with Program(tmp_path, *ONE, "--files", "40") as program:  # what the process itself needs aside, over 10 are left
        address = program.ready()[0]
        with connect(address) as busy:
            ask(busy, "begin")
            clients = [connect(address) for _ in range(40)]
            for client in clients[-10:]:
                assert ask(client, "hello").endswith("hello")
            program.wait_line(
                'event="no connection can be taken" listen=inet:127.0.0.1:.* why="Too many open files" what="those idle'
            )
            assert clients[0].recv(1) == b""
            assert ask(busy, "end").endswith("end")
        for client in clients:
            client.close()
        assert worker_pid(address)
        assert len([line for line in program.lines if "no connection" in line]) == 1


def test_where_none_is_idle_connections_beyond_the_limit_wait(tmp_path: Path) -> None:
    with Program(tmp_path, *ONE, "--max-connections", "2") as program:
        address = program.ready()[0]
        with connect(address) as first, connect(address) as second:
            ask(first, "begin"), ask(second, "begin")
            third = connect(address)
            third.sendall(b"third\n")
            program.wait_line('event="too many connections" connections=2 what="nothing: none is idle"')
            third.setblocking(False)
            with pytest.raises(BlockingIOError):
                third.recv(1)
            first.close()
            third.settimeout(DEADLINE)
            assert third.recv(100).endswith(b"third\n")
            third.close()


def test_one_that_becomes_idle_makes_room(tmp_path: Path) -> None:
    with Program(tmp_path, *ONE, "--max-connections", "1") as program:
        address = program.ready()[0]
        with connect(address) as first:
            ask(first, "begin")
            with connect(address) as second:
                second.sendall(b"second\n")
                program.wait_line("none is idle")
                ask(first, "end")
                assert second.recv(100).endswith(b"second\n")
                assert first.recv(1) == b""


def test_at_the_limit_the_one_that_was_idle_for_longest_is_closed(tmp_path: Path) -> None:
    with Program(tmp_path, *ONE, "--max-connections", "3") as program:
        address = program.ready()[0]
        clients = [connect(address) for _ in range(3)]
        for index in (1, 2, 0):
            ask(clients[index], "hello")
        for index in (1, 2, 0):
            clients.append(connect(address))
            assert ask(clients[-1], "hello").endswith("hello")
            assert clients[index].recv(1) == b""
        for client in clients:
            client.close()
        assert worker_pid(address)


def test_connections_are_spread_evenly(tmp_path: Path) -> None:
    with Program(tmp_path, *TWO_WORKERS) as program:
        address = program.ready()[0]
        clients = [connect(address) for _ in range(32)]
        pids = [pid_of(ask(client, "who")) for client in clients]
        shares = sorted(pids.count(pid) for pid in set(pids))
        assert len(shares) == 2
        assert shares[0] >= 12, shares
        for client in clients:
            client.close()


def test_dead_worker_keeps_no_share(tmp_path: Path) -> None:
    """Its slot is given back: else the others would leave each new connection to it first."""
    with Program(tmp_path, *TWO_WORKERS) as program:
        address = program.ready()[0]
        clients = [connect(address) for _ in range(8)]
        pids = [pid_of(ask(client, "who")) for client in clients]
        os.kill(pids[0], signal.SIGKILL)
        program.wait_line("will be started again")
        more = [connect(address) for _ in range(8)]
        answers = [pid_of(ask(client, "who")) for client in more]
        assert pids[0] not in answers
        for client in clients + more:
            client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_service_without_event_loop(tmp_path: Path, workers: int) -> None:
    with Program(tmp_path, f"echo={workers}=inet:127.0.0.1:0", "--without-loop") as program:
        address = program.ready()[0]
        assert worker_pid(address)
        program.signal(signal.SIGHUP)
        for _ in range(workers):
            program.wait_line("event=reloaded")
        family = program.family()
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
        wait_gone(family)


def test_no_log_line_is_lost_at_the_end(tmp_path: Path) -> None:
    with Program(tmp_path, *TWO_WORKERS, "--log", "echo.log") as program:
        with connect(program.ready()[0]) as client:
            for number in range(100):
                ask(client, f"line-{number}")
            program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
    text = (tmp_path / "echo.log").read_text()
    assert [f" recipient=line-{number} " in text for number in range(100)] == [True] * 100


def test_log_file_is_opened_anew_at_hup(tmp_path: Path) -> None:
    log, moved = tmp_path / "echo.log", tmp_path / "echo.log.1"
    with Program(tmp_path, *TWO_WORKERS, "--log", "echo.log") as program:
        with connect(program.ready()[0]) as client:
            ask_until(client, "before", lambda: log.exists() and "recipient=before" in log.read_text())
            log.rename(moved)
            program.signal(signal.SIGHUP)
            ask_until(client, "after", lambda: log.exists() and "recipient=after" in log.read_text())
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
    assert "recipient=before" in moved.read_text()


def test_sockets_are_removed_at_the_end(tmp_path: Path) -> None:
    with Program(tmp_path, "echo=2=unix:a.sock", "other=1=unix:b.sock?mode=0666") as program:
        program.ready(), program.ready("other")
        assert (tmp_path / "a.sock").is_socket()
        assert (tmp_path / "b.sock").stat().st_mode & 0o777 == 0o666
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
    assert list(tmp_path.iterdir()) == []


def test_stale_socket_of_a_killed_program_is_taken_over(tmp_path: Path) -> None:
    with Program(tmp_path, "echo=1=unix:a.sock") as program:
        program.ready()
        program.signal(signal.SIGKILL)
        program.wait_exit()
    with Program(tmp_path, "echo=1=unix:a.sock") as program:
        program.ready()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "a.sock"))
            assert ask(client, "hello").endswith("hello")


def test_listener_of_systemd_is_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        arguments = [f"echo=1=inet:127.0.0.1:{port}", "--activated", str(listener.fileno())]
        with Program(tmp_path, *arguments, pass_fds=(listener.fileno(),)) as program:
            program.ready()
            assert worker_pid(("127.0.0.1", port))


def test_listener_of_systemd_that_nobody_wants_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = [*ONE, "--activated", str(listener.fileno())]
        with Program(tmp_path, *arguments, pass_fds=(listener.fileno(),)) as program:
            told = program.wait_line('"systemd passed a socket that no setting asks for" listen=inet:127.0.0.1:(.*)')
            assert int(told[1]) == listener.getsockname()[1]


@SHAPES
def test_term_before_the_service_is_ready(tmp_path: Path, shape: list[str]) -> None:
    with Program(tmp_path, *shape, "--never-ready") as program:
        program.wait_line("event=starting")
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0
        assert not [line for line in program.lines if "ready" in line]
