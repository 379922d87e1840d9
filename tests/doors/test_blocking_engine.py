"""Every door over an engine that is far away: slow, hanging, failing, and back again; by real sockets."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from labs.far import FarEnd
from labs.lmtp import RunningLmtp, lmtp_settings
from labs.milter import Milter, milter_settings
from labs.running import (
    PATIENCE,
    Gatepost,
    RunningPolicy,
    netstring,
    policy_settings,
    reset_at_the_end,
    socketmap_settings,
)
from wire.policy_dialogues import request

# Ann's list has ann for its only member, and so on.
NAMES = tuple(f"{first}{last}" for first in "abcdefghij" for last in "nm")
LISTS = '[domains."lists.example"]\n' + "".join(
    f'[lists."{name}@lists.example"]\nmembers = ["{name}@example.org"]\ndefault_nonmember_action = "reject"\n'
    for name in NAMES
)
YES, NO, LATER = "yes", "no", "later"


class PolicyClient:
    """A connection on which questions are asked one after the other."""

    def __init__(self, running: Gatepost) -> None:
        self._socket = running.connect("policy")

    def ask(self, sender: str, recipient: str) -> str:
        """yes, no or later."""
        self._socket.sendall(request(recipient.encode(), sender.encode()))
        reply = b""
        while not reply.endswith(b"\n\n"):
            reply += self._socket.recv(1000) or b"\n\n"
        return {b"DUNNO": YES, b"550": NO, b"DEFER_IF_PERMIT": LATER}[reply.split()[0].removeprefix(b"action=")]

    def needs_no_lists(self) -> bool:
        self._socket.sendall(request(state=b"CONNECT"))
        return self._socket.recv(1000) == b"action=DUNNO\n\n"

    def close(self) -> None:
        self._socket.close()


class TableClient:
    """The same at the live tables."""

    def __init__(self, running: Gatepost) -> None:
        self._socket = running.connect("socketmap")

    def ask(self, sender: str, recipient: str) -> str:
        reply = self._exchange(f"verdict {sender} | {recipient}")
        return {b"NOTFOUND": YES, b"OK": NO, b"TEMP": LATER}[reply.partition(b":")[2].partition(b" ")[0]]

    def _exchange(self, text: str) -> bytes:
        self._socket.sendall(netstring(text))
        reply = b""
        while not reply.endswith(b","):
            reply += self._socket.recv(1000) or b","
        return reply

    def needs_no_lists(self) -> bool:
        return b"PERM no such table" in self._exchange("x y")

    def close(self) -> None:
        self._socket.close()


class MilterClient:
    """The same at the milter."""

    def __init__(self, running: Gatepost) -> None:
        assert isinstance(running, Milter)
        self._running = running
        self._client = running.client()

    def ask(self, sender: str, recipient: str) -> str:
        self._client.mail(sender)
        reply = self._client.rcpt(recipient)
        self._client.abort()
        return {"": YES, "550": NO, "451": LATER}[reply[:3]]

    def needs_no_lists(self) -> bool:
        self._running.client().close()  # what is negotiated is answered
        return True

    def close(self) -> None:
        self._client.close()


class LmtpClient:
    """The same at the receiver."""

    def __init__(self, running: Gatepost) -> None:
        assert isinstance(running, RunningLmtp)
        self._client = running.client()

    def ask(self, sender: str, recipient: str) -> str:
        [reply] = self._client.mail(sender, [recipient])
        self._client.command("RSET")
        return {250: YES, 550: NO, 451: LATER}[reply.code]

    def needs_no_lists(self) -> bool:
        return self._client.command("NOOP").code == 250

    def close(self) -> None:
        self._client.close()


AnyClient = PolicyClient | TableClient | MilterClient | LmtpClient


class Kind(NamedTuple):
    """A door, and who asks there. passes: what `on_trouble = "accept"` makes of trouble."""

    run: Callable[[Path, str], Gatepost]
    connect: Callable[[Gatepost], AnyClient]
    settings: Callable[[str], str]
    passes: str


URL = "toml:///lists.toml"
KINDS = {
    "policy": Kind(RunningPolicy, PolicyClient, lambda lists: _with(policy_settings(URL), lists), YES),
    "socketmap": Kind(RunningPolicy, TableClient, lambda lists: _with(socketmap_settings(URL), lists), LATER),
    "milter": Kind(Milter, MilterClient, lambda lists: milter_settings(directory=URL, lists=lists), YES),
    "lmtp": Kind(RunningLmtp, LmtpClient, lambda lists: lmtp_settings(URL, lists=lists), LATER),
}


def _with(settings: str, lists: str) -> str:
    return settings.replace("[lists]\n", f"[lists]\n{lists}\n")


class Door:
    """One that is running."""

    def __init__(self, kind: Kind, running: Gatepost, far: FarEnd, stack: ExitStack) -> None:
        self.kind = kind
        self.running = running
        self.far = far
        self._stack = stack
        self._pool = stack.enter_context(ThreadPoolExecutor(100))

    def client(self) -> AnyClient:
        return self._stack.enter_context(closing(self.kind.connect(self.running)))

    def begin(self, client: AnyClient, sender: str, recipient: str) -> Future[str]:
        """Ask, and wait for the answer elsewhere."""
        return self._pool.submit(client.ask, sender, recipient)

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.running.process.pid}/task").iterdir()))


Open = Callable[..., Door]


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def opened(tmp_path: Path, kind: Kind) -> Iterator[Open]:
    """Starts the door; patience: seconds that it waits for the engine."""
    (tmp_path / "lists.toml").write_text(LISTS)
    with ExitStack() as stack:

        def start(patience: float = PATIENCE, lists: str = "") -> Door:
            far = stack.enter_context(FarEnd())
            running = kind.run(tmp_path, kind.settings(lists))
            running.command = far.command(patience)
            stack.enter_context(running)
            stack.callback(far.let_go)
            return Door(kind, running, far, stack)

        yield start


def test_nobody_waits_for_the_engine_but_who_needs_it(opened: Open) -> None:
    door = opened()
    asking, other = door.client(), door.client()
    door.far.hold()
    answer = door.begin(asking, "bn@example.org", "an@lists.example")
    door.far.wait_for_snapshots(1)
    assert other.needs_no_lists()
    assert not answer.done()
    door.far.let_go()
    assert answer.result(PATIENCE) == NO
    assert other.ask("an@example.org", "an@lists.example") == YES


def test_many_who_wait_are_answered_each_its_own(opened: Open) -> None:
    door = opened()
    clients = [door.client() for _ in NAMES]
    door.far.hold()
    first = door.begin(door.client(), "an@example.org", "an@lists.example")
    door.far.wait_for_snapshots(1)
    asked = [(f"{name}@example.org", f"{NAMES[at - at % 2]}@lists.example") for at, name in enumerate(NAMES)]
    answers = [door.begin(client, *question) for client, question in zip(clients, asked, strict=True)]
    door.far.let_go()
    assert first.result(PATIENCE) == YES
    assert [answer.result(PATIENCE) for answer in answers] == [YES, NO] * (len(NAMES) // 2)
    assert sum(door.far.batches) <= 2 * (len(NAMES) + 1)  # each is looked up to be foreseen, and to be judged


def test_an_engine_that_hangs_is_trouble_takes_no_more_threads_and_comes_back(opened: Open) -> None:
    door = opened(patience=0.3)
    client = door.client()
    assert client.ask("an@example.org", "an@lists.example") in (YES, LATER)
    door.far.hold()
    assert client.ask("bn@example.org", "an@lists.example") == LATER
    door.running.wait_line("the lists were not read within 0.3 s")
    threads = door.threads()
    assert [client.ask("bn@example.org", "an@lists.example") for _ in range(4)] == [LATER] * 4
    assert door.threads() == threads
    door.far.let_go()
    # the same question is not answered with what was found of another one, which came too late
    while (answer := client.ask("an@example.org", "an@lists.example")) == LATER:
        pass
    assert answer == YES
    door.running.wait_line("the lists can be read again")


def test_an_engine_that_fails_is_trouble_until_it_is_back(opened: Open) -> None:
    door = opened()
    client = door.client()
    door.far.answer = lambda _: b"no\n"
    assert client.ask("an@example.org", "an@lists.example") == LATER
    door.running.wait_line("cannot tell.*it says no")
    door.far.answer = lambda _: b"go\n"
    assert client.ask("bn@example.org", "an@lists.example") == NO


def test_trouble_lets_pass_where_that_is_wanted_and_the_door_takes_no_mail(opened: Open) -> None:
    door = opened(patience=0.1, lists='on_trouble = "accept"')
    client = door.client()
    door.far.hold()
    assert client.ask("bn@example.org", "an@lists.example") == door.kind.passes


def test_settings_are_read_anew_while_the_engine_hangs(opened: Open) -> None:
    door = opened()
    client = door.client()
    door.far.hold()
    before = door.begin(client, "bn@example.org", "an@lists.example")
    door.far.wait_for_snapshots(1)
    door.running.signal(signal.SIGHUP)
    door.running.wait_line("settings read", 2)
    door.far.let_go()
    assert before.result(PATIENCE) == NO
    assert client.ask("an@example.org", "an@lists.example") == YES


def test_answers_are_never_mixed_up(opened: Open) -> None:
    """Many connections ask at random, one question after the other, while the engine fails now and then."""
    door = opened()
    chance = random.Random(7)
    door.far.answer = lambda number: b"no\n" if number % 7 == 3 else b"go\n"

    def ask_all(client: AnyClient, questions: list[tuple[str, str]]) -> list[str]:
        return [client.ask(f"{sender}@example.org", f"{name}@lists.example") for sender, name in questions]

    questions = [[(chance.choice(NAMES[:4]), chance.choice(NAMES[:4])) for _ in range(25)] for _ in range(16)]
    with ThreadPoolExecutor(len(questions)) as crowd:
        answers = list(crowd.map(ask_all, [door.client() for _ in questions], questions))
    told = [
        (answer, YES if sender == name else NO)
        for some, asked in zip(answers, questions, strict=True)
        for answer, (sender, name) in zip(some, asked, strict=True)
    ]
    assert [each for each in told if each[0] not in (each[1], LATER)] == []
    assert {answer for answer, _ in told} == {YES, NO, LATER}


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[RunningLmtp, FarEnd]]:
    (tmp_path / "lists.toml").write_text(LISTS)
    with FarEnd() as far:
        running = RunningLmtp(tmp_path, lmtp_settings(URL))
        running.command = far.command(PATIENCE)
        with running:
            yield running, far
            far.let_go()


MESSAGE = b"From: an@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"


def test_a_whole_transaction_in_one_write_waits_at_each_step(receiver: tuple[RunningLmtp, FarEnd]) -> None:
    """Its replies come in their order, and the message is judged when it is there."""
    running, far = receiver
    with running.client() as client:
        client.send(
            b"MAIL FROM:<an@example.org>\r\nRCPT TO:<an@lists.example>\r\nRCPT TO:<bn@lists.example>\r\n"
            b"RCPT TO:<an-owner@lists.example>\r\nVRFY <nobody@lists.example>\r\nDATA\r\n"
        )
        assert [client.reply().code for _ in range(6)] == [250, 250, 550, 250, 550, 354]
        client.send(MESSAGE + b".\r\nNOOP\r\n")
        assert [client.reply().code for _ in range(3)] == [250, 250, 250]
    # three recipients and a VRFY, the one for a list once more, and where the mail of two of them goes
    assert far.snapshots == 6


def test_a_message_whose_client_has_gone_before_it_was_judged_is_not_kept(
    receiver: tuple[RunningLmtp, FarEnd],
) -> None:
    running, far = receiver
    with running.connect("lmtp") as connection, connection.makefile("rb") as replies:
        connection.sendall(
            b"LHLO mx.example.org\r\nMAIL FROM:<an@example.org>\r\nRCPT TO:<an@lists.example>\r\nDATA\r\n"
        )
        while not replies.readline().startswith(b"354 "):
            pass
        far.hold()
        connection.sendall(MESSAGE + b".\r\n")
        far.wait_for_snapshots(2)
        reset_at_the_end(connection)
    with running.client() as other:
        assert other.command("NOOP").code == 250  # by now the receiver knows that the first has gone
    far.let_go()
    with running.client() as other:
        [told] = other.mail("an@example.org", ["an@lists.example"])
        assert told.code == 250
        assert [reply.code for reply in other.data(MESSAGE)] == [250]
    running.stop()
    assert len(running.take_all()) == 1


def test_the_receiver_ends_although_the_engine_hangs(receiver: tuple[RunningLmtp, FarEnd]) -> None:
    running, far = receiver
    client = running.client()
    far.hold()
    client.send(b"MAIL FROM:<an@example.org>\r\nRCPT TO:<an@lists.example>\r\n")
    far.wait_for_snapshots(1)
    assert running.stop() == 0
    client.close()
