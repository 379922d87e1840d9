"""Where log lines go when all is well, and when it is not."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost_service import log, log_output
from gatepost_service.log_lines import render
from gatepost_service.log_output import AppendedFile, Descriptor, Output, choose_places


class FailingPlace:
    """A place that takes so many bytes, and then has trouble."""

    name = "place"

    def __init__(self, room: int) -> None:
        self.room = room
        self.text = b""

    def write(self, data: bytes) -> tuple[int, str]:
        taken = data[: self.room]
        whole = taken.rfind(b"\n") + 1
        self.room -= whole
        self.text += data[:whole]
        return whole, "" if whole == len(data) else "no room"

    def close(self) -> None:
        pass


def output_of(*places: log_output.Place) -> Output:
    return Output(list(places), lambda event, **fields: render({"event": event, **fields}, "text"))


def put(output: Output, *lines: str) -> None:
    for line in lines:
        output.add(f"{line}\n")
    output.flush()


def test_lines_go_to_the_second_place_while_the_first_has_trouble() -> None:
    first, second = FailingPlace(4), FailingPlace(1000)
    output = output_of(first, second)
    put(output, "a", "b", "c")
    put(output, "d")
    first.room = 1000
    put(output, "e")
    put(output, "f")
    assert first.text == b'a\nb\nevent="log written again" lines_elsewhere=2 lines_lost=0\ne\nf\n'
    assert second.text == b'event="log cannot be written" log=place why="no room"\nc\nd\n'


def test_lost_lines_are_counted() -> None:
    first = FailingPlace(0)
    output = output_of(first)
    put(output, "a", "b")
    put(output, "c")
    first.room = 1000
    put(output, "d")
    assert first.text == b'event="log written again" lines_elsewhere=0 lines_lost=3\nd\n'


def test_trouble_of_both_places() -> None:
    first, second = FailingPlace(0), FailingPlace(0)
    output = output_of(first, second)
    put(output, "a", "b")
    first.room = 1000
    put(output, "c")
    assert b"lines_lost=2\nc\n" in first.text


def test_trouble_that_comes_back_is_told_again() -> None:
    first, second = FailingPlace(0), FailingPlace(1000)
    output = output_of(first, second)
    put(output, "a")
    first.room = len(b'event="log written again" lines_elsewhere=1 lines_lost=0\n') + 2
    put(output, "b", "c")
    assert first.text.endswith(b"lost=0\nb\n")
    assert second.text.count(b"log cannot be written") == 2
    assert second.text.endswith(b"c\n")


def test_many_lines_are_written_without_a_flush() -> None:
    place = FailingPlace(10_000)
    output = output_of(place)
    for _ in range(log_output.MAX_PENDING):
        output.add("x\n")
    assert place.text.count(b"\n") == log_output.MAX_PENDING
    assert output.pending == []


def test_full_disk(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure(file="/dev/full")
    log.get_logger().info("hello")
    log.configure()
    said = capfd.readouterr().err.splitlines()
    assert 'event="log cannot be written" log=/dev/full why="No space left on device"' in said[0]
    assert said[1].endswith("level=info event=hello")


@pytest.mark.parametrize("path", ["no/such/folder/log", "."])
def test_log_that_cannot_be_opened(tmp_path: Path, path: str, capfd: pytest.CaptureFixture[str]) -> None:
    log.configure(file=str(tmp_path / path))
    log.get_logger().info("hello")
    log.configure()
    assert "log cannot be written" in capfd.readouterr().err


def test_line_cut_short_by_a_full_disk_is_ended(tmp_path: Path) -> None:
    """In a process of its own, whose files may not grow beyond 100 bytes, and then may."""
    program = """
import resource, sys
from gatepost_service.log_output import AppendedFile
place = AppendedFile(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
line = b"x" * 59 + b"\\n"
assert place.write(line + line) == (60, "File too large")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert place.write(line) == (60, "")
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "log")], check=True, env=environment())
    assert [len(line) for line in (tmp_path / "log").read_bytes().splitlines()] == [59, 40, 59]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(log.__file__).parent.parent)}


def test_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    output = output_of(AppendedFile(str(tmp_path / "log")), FailingPlace(0))
    put(output, "a")
    (tmp_path / "log").rename(tmp_path / "log.1")
    put(output, "b")
    output.add("c\n")
    output.reopen()
    put(output, "d")
    output.reopen()
    assert (tmp_path / "log.1").read_text() == "a\nb\nc\n"
    assert (tmp_path / "log").read_text() == "d\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for number in (read, write):
        try:
            os.close(number)
        except OSError:
            continue


def test_pipe_gets_whole_lines_in_small_pieces(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pipe takes in one piece stays together beside the pieces of other processes."""
    pieces: list[int] = []
    real = os.write

    def write(number: int, data: bytes) -> int:
        pieces.append(len(data))
        return real(number, data)

    monkeypatch.setattr(os, "write", write)
    lines = b"".join(b"%d" % number * 700 + b"\n" for number in range(10)) + b"y" * 5000 + b"\n"
    assert Descriptor(pipe[1], "pipe").write(lines) == (len(lines), "")
    assert os.read(pipe[0], 65536) == lines
    assert pieces == [5 * 701, 5 * 701, 5001]


def test_pipe_whose_reader_stands_still_holds_nobody_up(pipe: tuple[int, int]) -> None:
    place = Descriptor(pipe[1], "pipe")
    line = b"x" * 999 + b"\n"
    done, why = place.write(line * 100)
    assert why == "nobody reads it"
    assert done % 1000 == 0
    assert 0 < done < 100_000
    assert place.write(line) == (0, "nobody reads it")
    assert os.read(pipe[0], 1 << 20) == line * (done // 1000)
    assert place.write(line) == (1000, "")


def test_pipe_without_reader_is_trouble_like_any_other(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    assert Descriptor(pipe[1], "pipe").write(b"a\n") == (0, "Broken pipe")


def test_closed_descriptor_is_trouble_like_any_other(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    assert Descriptor(pipe[1], "pipe").write(b"a\n") == (0, "Bad file descriptor")


@pytest.fixture
def syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(10)
        monkeypatch.setattr(log_output, "SYSLOG", str(tmp_path / "log"))
        yield receiver


def test_lines_to_syslog(syslog: socket.socket) -> None:
    place = log_output.Syslog()
    assert place.write(b"a\nb\n") == (4, "")
    place.close()
    assert [syslog.recv(100) for _ in "ab"] == [f"<22>gatepost[{os.getpid()}]: {line}".encode() for line in "ab"]


def test_syslog_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log_output, "SYSLOG", str(tmp_path / "log"))
    place = log_output.Syslog()
    assert place.write(b"a\n") == (0, "No such file or directory")
    place.close()


STDIO = """
import os, sys
from gatepost_service import log, log_output
log_output.SYSLOG = sys.argv[1]
log.configure(stdio=True)
log.get_logger().info("hello")
log.flush()
os.write(1, b"reply")
print("a stray word", file=sys.stderr)
"""


def run_stdio(stderr: int | None, syslog_path: Path) -> tuple[bytes, bytes]:
    """What a program whose standard output is a wire writes there, and to its standard error."""
    done = subprocess.run(
        [sys.executable, "-c", STDIO, str(syslog_path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=True,
    )
    return done.stdout, done.stderr


def test_wire_on_both_descriptors_gets_no_log_line(syslog: socket.socket, tmp_path: Path) -> None:
    assert run_stdio(subprocess.STDOUT, tmp_path / "log")[0] == b"reply"
    assert b"event=hello" in syslog.recv(1000)


def test_wire_on_both_descriptors_without_syslog(tmp_path: Path) -> None:
    assert run_stdio(subprocess.STDOUT, tmp_path / "log")[0] == b"reply"


def test_wire_beside_a_standard_error_of_its_own(tmp_path: Path) -> None:
    out, err = run_stdio(subprocess.PIPE, tmp_path / "log")
    assert out == b"reply"
    assert b"event=hello" in err
    assert b"a stray word" in err


def test_places(tmp_path: Path) -> None:
    assert [place.name for place in choose_places("", stdio=False)] == ["standard error"]
    names = [place.name for place in choose_places(str(tmp_path / "log"), stdio=False)]
    assert names == [str(tmp_path / "log"), "standard error"]
