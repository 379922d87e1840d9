"""Counting: exact over threads, processes, restarts and kills; and the page that Prometheus reads."""

import http.client
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost_service.metrics import BOUNDS, HALF, Board, Gauge, Gauges, Slot, Tally, tally_of
from gatepost_service.scrape import ScrapeServer
from gatepost_service.sockets import ListenAddress, close_listener, open_listener
from labs.service import DEADLINE, Program, ask

words = st.sampled_from(["policy", "milter", "member", "accept"])
counts = st.lists(st.tuples(words, words, words, st.floats(0, 2)))


@given(st.lists(counts, min_size=1, max_size=4))
def test_what_is_served_is_what_was_counted(processes: list[list[tuple[str, str, str, float]]]) -> None:
    board = Board(len(processes))
    model: dict[tuple[str, str, str], list[float]] = {}
    for slot, events in zip(board.slots, processes, strict=True):
        tally = Tally(slot)
        for door, test, verdict, seconds in events:
            tally.count(door, test, verdict, seconds)
            model.setdefault((door, test, verdict), []).append(seconds)
        tally.publish()
    cells = tally_of(board.slots).cells()
    assert {(cell.door, cell.test, cell.verdict) for cell in cells} == set(model)
    for cell in cells:
        seconds_of = model[cell.door, cell.test, cell.verdict]
        assert cell.seconds == pytest.approx(sum(seconds_of))
        for index, bound in enumerate(BOUNDS):
            assert sum(cell.buckets[: index + 1]) == sum(seconds <= bound for seconds in seconds_of)
        assert sum(cell.buckets) == len(seconds_of)


def test_threads_lose_nothing() -> None:
    board = Board(1)
    tally = Tally(board.slots[0])

    def work() -> None:
        for number in range(10_000):
            tally.count("milter", "member", "accept", 0.001)
            if number % 1000 == 0:
                tally.publish()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.publish()
    assert [sum(cell.buckets) for cell in tally_of(board.slots).cells()] == [40_000]


def test_successor_counts_on() -> None:
    board = Board(1)
    for expected in (1, 2, 3):
        tally = Tally(board.slots[0])
        tally.count("policy", "member", "accept", 0.001)
        tally.publish()
        assert [sum(cell.buckets) for cell in tally_of(board.slots).cells()] == [expected]


def test_outgoing_mail_and_withheld_notices_are_counted_through_restarts() -> None:
    board = Board(2)
    for slot in (*board.slots, board.slots[0]):
        tally = Tally(slot)
        tally.deliver("sent", 90)
        tally.deliver("deferred", 10)
        tally.publish()
        tally.withhold("join", "day")
        tally.publish()
    assert tally_of(board.slots).deliveries() == {"sent": 270, "deferred": 30}
    assert tally_of(board.slots).withheld() == {("join", "day"): 3}
    assert tally_of(board.slots).cells() == []


@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(0, 60), st.integers(0, 255))
def test_writing_that_was_cut_off_leaves_the_one_before(first: bytes, second: bytes, at: int, value: int) -> None:
    memory = memoryview(bytearray(2 * HALF))
    slot = Slot(memory)
    assert slot.read() == b""
    slot.write(first)
    assert slot.read() == first
    before = bytes(memory)
    slot.write(second)
    assert slot.read() == second
    changed = 0 if bytes(memory[:HALF]) != before[:HALF] else HALF
    memory[changed + at] ^= value or 1
    assert slot.read() in {first, second}  # second where the changed byte lies behind it
    slot.write(b"third")
    assert slot.read() == b"third"


def test_what_does_not_fit_leaves_what_was_there() -> None:
    slot = Slot(memoryview(bytearray(2 * HALF)))
    slot.write(b"small")
    assert not slot.write(bytes(HALF))
    assert slot.read() == b"small"


@contextmanager
def serving(text: str, slots: Sequence[Slot], gauges: Sequence[Gauges] = ()) -> Iterator[socket.socket]:
    """A listener at which the figures in slots, and gauges, are served."""
    listener = open_listener(ListenAddress.parse(text))
    server = ScrapeServer(listener, slots, gauges)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield listener
    server.shutdown()
    thread.join()
    close_listener(listener)


@pytest.fixture(params=["inet:127.0.0.1:0", "inet:[::1]:0", "unix"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, Board]]:
    """A listener at which the figures of a board are served."""
    text = f"unix:{tmp_path}/metrics.sock" if request.param == "unix" else request.param
    board = Board(1)
    with serving(text, board.slots) as listener:
        yield listener, board


def get(family: int, where: object) -> str:
    with socket.socket(family) as client:
        client.settimeout(DEADLINE)
        client.connect(where)  # type: ignore[arg-type]  # a path, or host and port
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        response = http.client.HTTPResponse(client)
        response.begin()
        assert response.status == 200
        assert response.getheader("Content-Type", "").startswith("text/plain; version=")
        return response.read().decode()


def test_page(served: tuple[socket.socket, Board]) -> None:
    listener, board = served
    tally = Tally(board.slots[0])
    for seconds in (0.00003, 0.0004, 5.0):
        tally.count("policy", "closed-list", "reject", seconds)
    tally.count("policy", "member", "accept", 0.0004)
    tally.withhold("join", "day")
    tally.publish()
    page = get(listener.family, listener.getsockname()).splitlines()
    for line in (
        "# TYPE gatepost_verdicts_total counter",
        'gatepost_verdicts_total{door="policy",test="closed-list",verdict="reject"} 3.0',
        'gatepost_verdicts_total{door="policy",test="member",verdict="accept"} 1.0',
        "# TYPE gatepost_verdict_seconds histogram",
        'gatepost_verdict_seconds_bucket{door="policy",le="5e-05"} 1.0',
        'gatepost_verdict_seconds_bucket{door="policy",le="0.0005"} 3.0',
        'gatepost_verdict_seconds_bucket{door="policy",le="1.0"} 3.0',
        'gatepost_verdict_seconds_bucket{door="policy",le="+Inf"} 4.0',
        'gatepost_verdict_seconds_count{door="policy"} 4.0',
        'gatepost_notices_withheld_total{notice="join",why="day"} 1.0',
    ):
        assert line in page, line


def test_gauges_are_looked_up_at_each_question_and_left_out_in_trouble(capfd: pytest.CaptureFixture[str]) -> None:
    waits = {"in": 1.0, "out": 0.0}
    trouble: list[str] = []

    def gauges() -> list[Gauge]:
        if trouble:
            raise OSError(trouble[0])
        return [Gauge("gatepost_queue_messages", "What waits.", "queue", waits)]

    def others() -> list[Gauge]:
        return [Gauge("gatepost_of_others", "What is asked of others.", "kind", {"one": 7})]

    with serving("inet:127.0.0.1:0", Board(1).slots, [gauges, others]) as listener:

        def page() -> list[str]:
            lines = get(socket.AF_INET, listener.getsockname()).splitlines()
            assert 'gatepost_of_others{kind="one"} 7.0' in lines
            return [line for line in lines if line.startswith("gatepost_queue")]

        assert page() == ['gatepost_queue_messages{queue="in"} 1.0', 'gatepost_queue_messages{queue="out"} 0.0']
        waits["in"] = 2.0
        assert 'gatepost_queue_messages{queue="in"} 2.0' in page()
        for why in ("it is away", "it is away", "it is broken"):
            trouble[:] = [why]
            assert page() == []
        trouble.clear()
        assert page()
        assert page()
    told = [line.partition(" event=")[2] for line in capfd.readouterr().err.splitlines()]
    assert told == [
        '"metrics left out" part=metrics why="it is away"',
        '"metrics left out" part=metrics why="it is broken"',
        '"no metrics are left out any more" part=metrics',
    ]


def test_clients_that_speak_no_http_disturb_nobody(served: tuple[socket.socket, Board]) -> None:
    listener, _ = served
    with socket.socket(listener.family) as silent, socket.socket(listener.family) as rude:
        silent.connect(listener.getsockname())
        rude.connect(listener.getsockname())
        rude.sendall(b"\x00\xff\r\n\r\n")
        assert "gatepost_verdicts_total" in get(listener.family, listener.getsockname())


def wait_verdicts(address: tuple[str, int], expected: int) -> str:
    """Ask for the page until it has counted so many verdicts of the echo service."""
    line = f'gatepost_verdicts_total{{door="echo",test="any",verdict="accept"}} {expected}.0'
    page = ""
    for _ in range(100_000):
        page = get(socket.AF_INET, address)
        if line in page.splitlines():
            return page
    raise AssertionError(page)


@pytest.mark.parametrize("option", ["--metrics", "--part-metrics"])
@pytest.mark.parametrize("workers", [1, 2])
def test_part_on_its_own(tmp_path: Path, option: str, workers: int) -> None:
    arguments = [f"echo={workers}=inet:127.0.0.1:0", option, "inet:127.0.0.1:0"]
    with Program(tmp_path, *arguments) as program:
        address, metrics = program.ready()[0], program.ready("metrics")[0]
        for _ in range(4):
            with socket.create_connection(address, timeout=DEADLINE) as client:
                ask(client, "hello")
        assert 'gatepost_verdict_seconds_count{door="echo"} 4.0' in wait_verdicts(metrics, 4)
        program.signal(signal.SIGTERM)
        assert program.wait_exit() == 0


def test_one_address_for_all_parts_over_restarts(tmp_path: Path) -> None:
    parts = ["echo=2=inet:127.0.0.1:0", "other=1=inet:127.0.0.1:0", "--metrics", "inet:127.0.0.1:0"]
    with Program(tmp_path, *parts) as program:
        addresses, metrics = [program.ready()[0], program.ready("other")[0]], program.ready("metrics")[0]
        for count in (1, 2, 3):
            for address in addresses:
                with socket.create_connection(address, timeout=DEADLINE) as client:
                    worker = int(ask(client, "hello").split(maxsplit=1)[0])
            wait_verdicts(metrics, 2 * count)
            os.kill(worker, signal.SIGKILL)
            port = program.wait_line(r"^other ready on inet:127.0.0.1:(\d+)")[1]
            addresses[1] = ("127.0.0.1", int(port))
