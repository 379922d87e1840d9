"""The milter's processes: signals, workers that die, a store that is lost, faults of our own, no pymilter."""

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from labs.milter import Milter, milter_settings, run_gatepost
from labs.milter.service import ANNE, AT_HEADERS, CLOSED, DEFERRED, MAY_NOT_POST, NOBODY, OWNER, STRANGER
from labs.running import PATIENCE, Gatepost


def test_a_lost_store_is_trouble_until_it_is_back(store: Path) -> None:
    away = store.with_name("away.db")
    with Milter(store.parent, milter_settings(*AT_HEADERS)) as milter, milter.client() as client:
        client.mail(STRANGER)
        assert client.rcpt(CLOSED) == ""
        store.rename(away)
        wait_for_answer(milter, DEFERRED)
        assert client.message([("From", ANNE)]) == DEFERRED
        assert str(store) in milter.wait_line("cannot tell")
        away.rename(store)
        wait_for_answer(milter, "")
        milter.wait_line("the lists can be read again")


def wait_for_answer(milter: Milter, answer: str) -> None:
    """Ask until it is the answer: a file that is open is looked for by its name only now and then."""
    for _ in range(10_000):
        if milter.ask() == answer:
            return
    pytest.fail(f"never {answer!r}")


def test_on_trouble_accept_lets_mail_pass(store: Path) -> None:
    store.unlink()
    with Milter(store.parent, milter_settings(lists='on_trouble = "accept"')) as milter:
        assert milter.ask() == ""
        milter.wait_line("verdict=defer")


def test_observe_refuses_nothing_and_logs_what_it_would_have_said(folder: Path) -> None:
    with Milter(folder, milter_settings(lists='mode = "observe"')) as milter:
        assert [milter.ask(), milter.ask(recipient=NOBODY)] == ["", ""]
        milter.wait_line("test=closed-list verdict=reject code=550 status=5.7.2")
        milter.wait_line("test=list-known verdict=reject code=550 status=5.1.1")


# Functions of ours, as module:name, by where they are called.
FAULTS = {
    "rcpt": "gatepost_milter.service:MilterService.rcpt",
    "data": "gatepost_milter.service:MilterService.data",
    "end of message": "gatepost_milter.service:MilterService.changes",
    "judge": "gatepost_lists.bench:judge_one",
    "mail": "gatepost_milter.callbacks:announced_size",
    "header": "gatepost_lists.headers:Headers.add",
    "end of headers": "gatepost_milter.service:MilterService.end_of_headers",
}
# Runs gatepost with that function replaced by one that raises.
FAULTY = """\
import sys
from importlib import import_module
module, _, name = sys.argv.pop(1).partition(":")
holder = import_module(module)
*path, last = name.split(".")
for word in path:
    holder = getattr(holder, word)
def fault(*arguments, **named):
    raise RuntimeError("a fault that was made")
setattr(holder, last, fault)
import gatepost
gatepost.main()
"""


class Faulty(Milter):
    """The milter with a function of its own that raises."""

    def __init__(self, folder: Path, settings: str, where: str) -> None:
        super().__init__(folder, settings)
        (folder / "faulty.py").write_text(FAULTY)
        self.command = (sys.executable, str(folder / "faulty.py"), FAULTS[where])


@pytest.mark.parametrize("where", FAULTS)
def test_a_fault_of_ours_is_temporary_and_logged(where: str, folder: Path) -> None:
    stage = AT_HEADERS if where in ("header", "end of headers") else ()
    with Faulty(folder, milter_settings(*stage), where) as milter:
        with milter.client() as client:
            for _ in range(2):
                client.mail("")
                assert (client.rcpt(OWNER) or client.message([("From", ANNE)])) == DEFERRED
        assert "a fault that was made" in milter.wait_line("Traceback")
        assert milter.stop() == 0


def test_two_workers_and_one_of_them_killed(folder: Path) -> None:
    with Milter(folder, milter_settings("workers = 2")) as milter:
        first, second = milter.workers
        os.kill(first, signal.SIGKILL)
        assert "signal=SIGKILL" in milter.wait_line("process ended, will be started again")
        assert [milter.ask() for _ in range(50)] == [MAY_NOT_POST] * 50
        assert second in milter.workers
        assert milter.stop() == 0


def open_files(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def test_both_workers_take_connections(folder: Path) -> None:
    with Milter(folder, milter_settings("workers = 2")) as milter, ExitStack() as clients:
        before = [open_files(worker) for worker in milter.workers]
        for _ in range(100):
            clients.enter_context(milter.client())
        assert all(open_files(worker) > files for worker, files in zip(milter.workers, before, strict=True))


@pytest.mark.parametrize("workers", [1, 2])
def test_term_answers_what_is_under_way(workers: int, folder: Path) -> None:
    with Milter(folder, milter_settings(f"workers = {workers}", *AT_HEADERS)) as milter:
        clients = [milter.client() for _ in range(20)]
        for client in clients:
            client.mail(STRANGER)
            assert client.rcpt(CLOSED) == ""
        idle = milter.client()
        milter.signal(signal.SIGTERM)
        answers = [
            client.message([("From", ANNE if number % 2 else STRANGER)]) for number, client in enumerate(clients)
        ]
        assert answers == [MAY_NOT_POST, ""] * 10
        assert milter.wait() == 0
        assert idle.is_closed()
        assert "cut off" not in milter.output
        for client in (*clients, idle):
            client.close()
        with pytest.raises(ConnectionError):
            milter.connect("milter")


def test_term_waits_for_nobody_who_never_ends(folder: Path) -> None:
    with Milter(folder, milter_settings()) as milter, milter.client() as client:
        client.mail(STRANGER)
        client.rcpt(OWNER)
        assert milter.stop() == 0
        assert client.is_closed()
        assert "cut off" in milter.output


def test_term_under_load_ends_with_0_and_no_wrong_answer(folder: Path) -> None:
    with Milter(folder, milter_settings()) as milter:
        answers: set[str] = set()
        begun = threading.Barrier(9)

        def ask_on() -> None:
            begun.wait(PATIENCE)
            try:
                while True:
                    answers.add(milter.ask())
            except ConnectionError:
                return

        crowd = [threading.Thread(target=ask_on) for _ in range(8)]
        for thread in crowd:
            thread.start()
        begun.wait(PATIENCE)
        milter.wait_line("event=verdict", count=200)
        assert milter.stop() == 0
        for thread in crowd:
            thread.join(PATIENCE)
        assert answers == {MAY_NOT_POST}


def test_hup_reads_the_settings_again_for_connections_that_begin_then(folder: Path) -> None:
    with Milter(folder, milter_settings("workers = 2")) as milter, milter.client() as old:
        milter.settings.write_text(milter_settings("workers = 2", *AT_HEADERS))
        milter.signal(signal.SIGHUP)
        milter.wait_line("settings read", count=3)
        old.mail(STRANGER)
        assert old.rcpt(CLOSED) == MAY_NOT_POST
        old.abort()
        assert milter.ask() == ""
        milter.settings.write_text("[milter]\nstage = 3\n")
        milter.signal(signal.SIGHUP)
        milter.wait_line("settings not read", count=2)
        assert milter.ask() == ""
        assert milter.stop() == 0


@pytest.fixture
def one_processor() -> Iterator[None]:
    """What is started runs on one processor, so that a thread that has been woken has to wait for its turn."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    yield
    os.sched_setaffinity(0, processors)


@pytest.mark.usefixtures("one_processor")
def test_hup_as_soon_as_it_is_ready(folder: Path) -> None:
    for _ in range(4):
        with Milter(folder, milter_settings()) as milter:
            milter.signal(signal.SIGHUP)
            milter.wait_line("settings read", count=2)
            assert milter.stop() == 0


def test_many_hups_leave_nothing_behind(folder: Path) -> None:
    with Milter(folder, milter_settings()) as milter:
        assert milter.ask() == MAY_NOT_POST
        before = sum(1 for _ in Path(f"/proc/{milter.process.pid}/fd").iterdir())
        for number in range(20):
            milter.signal(signal.SIGHUP)
            milter.wait_line("settings read", count=number + 2)
            assert milter.ask() == MAY_NOT_POST
        assert sum(1 for _ in Path(f"/proc/{milter.process.pid}/fd").iterdir()) <= before + 2
        assert milter.stop() == 0


def test_a_writer_never_makes_the_milter_wait(store: Path) -> None:
    writing = closing(sqlite3.connect(store, isolation_level=None))
    with Milter(store.parent, milter_settings()) as milter, writing as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM member")
        assert milter.ask(ANNE) == ""
        writer.execute("COMMIT")
        assert milter.ask(ANNE) == MAY_NOT_POST


@pytest.fixture(params=["raise ImportError('no pymilter here')\n", ""], ids=["missing", "another of its name"])
def without_pymilter(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A folder for PYTHONPATH in which pymilter's module cannot be imported, or is not what its name says."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "milter.py").write_text(request.param)
    return str(hidden)


def test_without_pymilter_the_milter_by_name_is_unavailable(store: Path, without_pymilter: str) -> None:
    (store.parent / "gatepost.toml").write_text(milter_settings())
    ended = run_gatepost(store.parent, "run", "milter", PYTHONPATH=without_pymilter)
    assert ended.returncode == os.EX_UNAVAILABLE
    assert "pymilter is not installed" in ended.stderr
    assert "docs/milter.md" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_pymilter_all_the_others_run(
    store: Path, without_pymilter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", without_pymilter)
    policy = '[policy]\nlisten = ["inet:127.0.0.1:0"]\n[socketmap]\nenabled = false\n'
    text = f'{milter_settings()}{policy}[metrics]\nlisten = ""\n'
    with Gatepost(store.parent, text) as all_parts:
        all_parts.wait_line("^policy ready on ")
        assert "pymilter is not installed" in all_parts.wait_line("left out")
        assert all_parts.stop() == 0
