"""The handler of out and retry, with a mailer that does what a test says, and with a queue and a peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gatepost_delivery import sending
from gatepost_delivery.expansion import verp
from gatepost_delivery.outgoing import Content, Kind, Outcome, Pool, SMTPConnection
from gatepost_delivery.sending import Key, Sender, Sending
from gatepost_delivery.values import Done, GoOn, Later
from gatepost_lists.errors import NotFoundError
from gatepost_queue import Claimed, Entry, Message, create
from gatepost_queue.sqlite.queue import SqliteQueue
from labs.delivery import Peer
from labs.queue import Clock, only, outcome, take

LISTID = "ann.lists.example"
BOUNCES = "ann-bounces@lists.example"
POST = b"Subject: hello\r\n\r\nhello\r\n"
DAY = 86400.0
NOW = Clock().now
Replies = dict[str, tuple[Kind, str]]
LOST = (Kind.LATER, "451 4.4.1 mx:25: Connection refused")


class Person(NamedTuple):
    """A member."""

    user_id: int
    address_id: int
    email: str


class Mailed(NamedTuple):
    """One transaction."""

    sender: str
    recipients: tuple[str, ...]


@dataclass
class Mailer:
    """Sends nothing; says what `replies` has for a recipient, and that the others have it."""

    replies: Replies = field(default_factory=dict)
    mailed: list[Mailed] = field(default_factory=list)

    def sendmail(self, sender: str, recipients: Sequence[str], message: bytes | Content) -> list[Outcome]:
        assert isinstance(message, Content)
        self.mailed.append(Mailed(sender, tuple(recipients)))
        return [self._outcome(recipient) for recipient in recipients]

    def _outcome(self, recipient: str) -> Outcome:
        kind, reply = self.replies.get(recipient, (Kind.SENT, "250 ok"))
        return Outcome(recipient, kind, reply, lost=(kind, reply) == LOST)


@dataclass
class World:
    """A sender, and everything that it works with."""

    queue: SqliteQueue
    clock: Clock
    mailer: Mailer = field(default_factory=Mailer)
    members: list[Person] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    stopping: Callable[[], bool] = lambda: False

    def sender(self, **others: Any) -> Sender:
        made: dict[str, Any] = {
            "recipients": self.find,
            "mailer": self.mailer,
            "max_recipients": 3,
            "period": 5 * DAY,
            "count": self._count,
            "stopping": self.stopping,
            "clock": self.clock,
            "chance": lambda: 0.5,
        }
        return Sender(Sending(**(made | others)))

    def find(self, listid: str, after: Key | None, limit: int) -> Sequence[Person]:
        """As the store gives members."""
        if listid != LISTID:
            raise NotFoundError(f"there is no list {listid}")
        return [person for person in self.members if after is None or person[:2] > after][:limit]

    def _count(self, what: str, number: int) -> None:
        self.counted[what] = self.counted.get(what, 0) + number

    def put(self, entry: Entry) -> None:
        """A message with this entry."""
        message = Message(content=POST, envsender="bo@example.org", received=NOW, trace="T1")
        outcome(self.queue.put(message, [entry]))

    def claim(self, queue: str = "out") -> Claimed:
        return only(take(self.queue, queue, limit=1))

    def go_on(self, claimed: Claimed) -> GoOn:
        """As the runner gives it."""
        return lambda metadata, entries: outcome(self.queue.go_on(claimed, metadata, 60.0, entries))

    def handle(self, sender: Sender | None = None, queue: str = "out") -> Done | Later:
        """Claim an entry, deal with it, and settle it."""
        claimed = self.claim(queue)
        made = (sender or self.sender())(claimed, self.go_on(claimed))
        if isinstance(made, Done):
            outcome(self.queue.done(claimed, made.entries, made.puts))
        else:
            outcome(self.queue.later(claimed, made.when, made.error))
        return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    create(f"sqlite:///{tmp_path}/queue.db")
    clock = Clock()
    with closing(SqliteQueue(tmp_path / "queue.db", clock=clock)) as queue:
        yield World(queue, clock)


def people(count: int) -> list[Person]:
    return [Person(number // 2, number, f"member{number}@example.org") for number in range(count)]


def expandable(*, by_itself: bool = False, listid: str = LISTID) -> Entry:
    metadata = {"envsender": BOUNCES, "to_members": True, "after": None, "verp": by_itself}
    return Entry(queue="out", listid=listid, metadata=metadata)


def chunk(*recipients: str, by_itself: bool = False) -> Entry:
    return Entry(queue="out", listid=LISTID, recipients=recipients, metadata={"envsender": BOUNCES, "verp": by_itself})


def waiting(world: World, queue: str) -> list[Claimed]:
    """All that is in a queue and due, taken out of it."""
    taken = take(world.queue, queue, limit=10_000)
    for claimed in taken:
        outcome(world.queue.done(claimed))
    return taken


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9, 10, 11, 20, 25])
@pytest.mark.parametrize("by_itself", [False, True])
def test_a_list_becomes_chunks(world: World, monkeypatch: pytest.MonkeyPatch, count: int, by_itself: bool) -> None:
    monkeypatch.setattr(sending, "STEP", 10)
    world.members = people(count)
    world.put(expandable(by_itself=by_itself))
    world.handle()
    chunks = waiting(world, "out")
    assert [each for made in chunks for each in made.recipients] == [person.email for person in world.members]
    assert all(1 <= len(made.recipients) <= 3 for made in chunks)
    assert all(made.metadata == {"envsender": BOUNCES, "verp": by_itself} for made in chunks)
    assert {(made.listid, made.trace, made.content) for made in chunks} <= {(LISTID, "T1", POST)}


def test_addresses_beyond_ascii_go_by_themselves(world: World) -> None:
    world.members = [Person(1, 1, "bo@example.org"), Person(2, 2, "jürgen@example.org"), Person(3, 3, "cy@example.net")]
    world.put(expandable())
    world.handle()
    assert [made.recipients for made in waiting(world, "out")] == [
        ("bo@example.org", "cy@example.net"),
        ("jürgen@example.org",),
    ]


@pytest.mark.parametrize("reads", range(4))
def test_a_crash_among_the_members_neither_skips_nor_repeats(
    world: World, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    """The process dies when it has read so many times: another begins where what is kept ends."""
    monkeypatch.setattr(sending, "STEP", 10)
    world.members = people(35)
    world.put(expandable())
    with pytest.raises(SystemExit):
        world.handle(world.sender(recipients=dies_after(reads, world)))
    world.clock.now += 3600.0
    world.handle()
    found = [each for made in waiting(world, "out") for each in made.recipients]
    assert found == [person.email for person in world.members]


def dies_after(reads: int, world: World) -> Callable[[str, Key | None, int], Sequence[Person]]:
    left = iter(range(reads))

    def recipients(listid: str, after: Key | None, limit: int) -> Sequence[Person]:
        if next(left, None) is None:
            raise SystemExit
        return world.find(listid, after, limit)

    return recipients


def test_a_stop_among_the_members(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been done is kept; the rest is done by whoever comes next."""
    monkeypatch.setattr(sending, "STEP", 10)
    world.members = people(25)
    world.put(expandable())
    answers = iter((False, False, True))
    world.stopping = lambda: next(answers, False)
    assert isinstance(world.handle(), Later)
    assert world.claim().metadata["after"] == [9, 19]
    world.clock.now += 3600.0
    world.handle()
    found = [each for made in waiting(world, "out") for each in made.recipients]
    assert found == [person.email for person in world.members]


def test_the_members_are_those_of_one_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "STEP", 10)
    world.members = people(25)
    world.put(expandable())
    done: list[str] = []

    @contextmanager
    def snapshot() -> Iterator[None]:
        done.append("begun")
        yield
        done.append("ended")

    def recipients(listid: str, after: Key | None, limit: int) -> Sequence[Person]:
        done.append("read")
        return world.find(listid, after, limit)

    world.handle(world.sender(snapshot=snapshot, recipients=recipients))
    assert done == ["begun", "read", "read", "read", "ended"]


def test_a_list_that_has_gone(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.put(expandable(listid="gone.lists.example"))
    assert world.handle() == Done()
    assert waiting(world, "out") == []
    assert "the list has gone" in (line := capfd.readouterr().err)
    assert "id=T1 list=gone.lists.example" in line


def test_all_together(world: World) -> None:
    world.put(chunk("bo@example.org", "cy@example.net"))
    assert world.handle() == Done()
    assert world.mailer.mailed == [Mailed(BOUNCES, ("bo@example.org", "cy@example.net"))]
    assert world.counted == {"sent": 2}


def test_never_more_together_than_are_allowed(world: World) -> None:
    world.put(chunk("a@x", "b@x", "c@x", "d@x"))
    world.handle()
    assert [mailed.recipients for mailed in world.mailer.mailed] == [("a@x", "b@x", "c@x"), ("d@x",)]


def test_each_by_itself(world: World) -> None:
    world.put(chunk("bo@example.org", "cy+x@example.net", by_itself=True))
    world.handle()
    assert world.mailer.mailed == [
        Mailed("ann-bounces+bo=example.org@lists.example", ("bo@example.org",)),
        Mailed("ann-bounces+cy+x=example.net@lists.example", ("cy+x@example.net",)),
    ]
    assert world.counted == {"sent": 2}


@pytest.mark.parametrize(
    ("envsender", "recipient", "made"),
    [
        (BOUNCES, "a=b@example.org", "ann-bounces+a=b=example.org@lists.example"),
        (BOUNCES, "bo", BOUNCES),
        (BOUNCES, '"b o"@example.org', BOUNCES),
        (BOUNCES, "jürgen@example.org", BOUNCES),
        (BOUNCES, "bo@[192.0.2.1]", BOUNCES),
        ("", "bo@example.org", ""),
        ("ann-bounces", "bo@example.org", "ann-bounces"),
    ],
)
def test_envelope_senders(envsender: str, recipient: str, made: str) -> None:
    assert verp(envsender, recipient) == made


@pytest.mark.parametrize("by_itself", [False, True])
def test_every_outcome_has_its_place(world: World, by_itself: bool) -> None:
    world.mailer.replies = {
        "refused@x": (Kind.REFUSED, "550 5.1.1 no such user"),
        "later@x": (Kind.LATER, "450 4.2.0 greylisted"),
        "unwanted@x": (Kind.MESSAGE_REFUSED, "554 5.6.0 no"),
    }
    world.put(chunk("refused@x", "sent@x", "later@x", "unwanted@x", by_itself=by_itself))
    world.handle()
    refused, unwanted = waiting(world, "bounces")
    assert (refused.recipients, refused.metadata) == (
        ("refused@x",),
        {"envsender": BOUNCES, "refused": {"refused@x": "550 5.1.1 no such user"}},
    )
    assert (unwanted.recipients, unwanted.metadata) == (
        ("unwanted@x",),
        {"envsender": BOUNCES, "message_refused": "554 5.6.0 no"},
    )
    assert waiting(world, "retry") == []
    world.clock.now += 600.0
    (again,) = waiting(world, "retry")
    assert (again.recipients, again.metadata, again.trace, again.content) == (
        ("later@x",),
        {
            "envsender": BOUNCES,
            "verp": by_itself,
            "tries": 1,
            "tried": NOW,
            "waited": 0.0,
            "pause": 600.0,
            "states": {"later@x": "450 4.2.0 greylisted"},
        },
        "T1",
        POST,
    )
    assert world.counted == {"sent": 1, "deferred": 1, "failed": 2}


@pytest.mark.parametrize("by_itself", [False, True])
@pytest.mark.parametrize(
    ("kind", "reply"), [(Kind.CLIENT_REFUSED, "554 5.7.1 Relay access denied"), (Kind.UNCLEAR, "550 no")]
)
def test_a_server_that_refuses_us_is_asked_again_and_told_of(
    world: World, capfd: pytest.CaptureFixture[str], by_itself: bool, kind: Kind, reply: str
) -> None:
    everybody = ["a@x", "b@x", "c@x"]
    world.mailer.replies = dict.fromkeys(everybody, (kind, reply))
    world.put(chunk(*everybody, by_itself=by_itself))
    world.handle()
    (told,) = waiting(world, "bounces")
    states = dict.fromkeys(everybody, reply)
    assert (told.recipients, told.metadata) == (tuple(everybody), {"envsender": BOUNCES, "client_refused": states})
    assert waiting(world, "retry") == []
    world.clock.now += 600.0
    (again,) = waiting(world, "retry")
    assert (again.recipients, again.metadata["states"]) == (tuple(everybody), states)
    assert world.counted == {"client_refused": 3}
    assert (
        f'event="the mail server refuses us" part=delivery id=T1 list={LISTID} recipients=3' in capfd.readouterr().err
    )


def test_a_server_that_takes_some_refuses_the_others_for_what_they_are(world: World) -> None:
    world.mailer.replies = dict.fromkeys(("a@x", "b@x"), (Kind.UNCLEAR, "550 Unrouteable address"))
    world.put(chunk("a@x", "b@x", "c@x", by_itself=True))
    world.handle()
    (refused,) = waiting(world, "bounces")
    assert refused.metadata["refused"].keys() == {"a@x", "b@x"}
    assert world.counted == {"sent": 1, "failed": 2}


def test_a_server_that_refused_us_to_the_end(world: World) -> None:
    world.mailer.replies = {"bo@x": (Kind.CLIENT_REFUSED, "554 5.7.1 Relay access denied")}
    history = {"tries": 40, "tried": NOW - 600, "waited": 5 * DAY - 600, "pause": 600.0, "states": {}}
    world.put(Entry(queue="retry", listid=LISTID, recipients=("bo@x",), metadata={"envsender": BOUNCES, **history}))
    world.handle(queue="retry")
    told = [each.metadata.keys() - {"envsender"} for each in waiting(world, "bounces")]
    assert told == [{"client_refused"}, {"expired"}]
    assert world.counted == {"failed": 1}


def test_from_the_first_attempt_to_the_last(world: World) -> None:
    """One recipient recovers, one does not: there are attempts at growing distances, and it is told of in the end."""
    world.mailer.replies = {each: (Kind.LATER, f"450 4.2.0 {each} is away") for each in ("bo@x", "cy@x")}
    world.put(chunk("bo@x", "cy@x"))
    world.handle()
    attempts = [world.clock.now]
    while attempts[-1] < NOW + 5 * DAY:
        world.clock.now += 60.0
        for claimed in take(world.queue, "retry"):
            assert claimed.metadata["tries"] == len(attempts)
            attempts.append(world.clock.now)
            if len(attempts) == 4:
                del world.mailer.replies["bo@x"]
            made = world.sender()(claimed, world.go_on(claimed))
            assert isinstance(made, Done)
            outcome(world.queue.done(claimed, made.entries))
    assert [when - NOW for when in attempts[:5]] == [0.0, 600.0, 1800.0, 4200.0, 9000.0]
    assert world.mailer.mailed[3].recipients == ("bo@x", "cy@x")
    assert world.mailer.mailed[4].recipients == ("cy@x",)
    (expired,) = waiting(world, "bounces")
    assert (expired.recipients, expired.metadata) == (
        ("cy@x",),
        {"envsender": BOUNCES, "expired": {"cy@x": "450 4.2.0 cy@x is away"}},
    )
    assert waiting(world, "retry") == []
    assert world.counted == {"sent": 1, "deferred": 2 * 3 + len(attempts) - 4, "failed": 1}


@pytest.mark.parametrize(
    ("passed", "waited"),
    [(-DAY, 5.0), (0.0, 5.0), (100.0, 105.0), (600.0, 605.0), (3 * DAY, 605.0), (3650 * DAY, 605.0)],
)
def test_of_a_pause_no_more_counts_than_it_was_to_last(world: World, passed: float, waited: float) -> None:
    """An operator may have it tried before; and a clock that is set, or a machine that was off, ends no period."""
    world.mailer.replies = {"bo@x": (Kind.LATER, "450 4.2.0 away")}
    history = {"tries": 1, "tried": NOW - passed, "waited": 5.0, "pause": 600.0, "states": {}}
    world.put(Entry(queue="retry", listid=LISTID, recipients=("bo@x",), metadata={"envsender": BOUNCES, **history}))
    world.handle(queue="retry")
    world.clock.now += 1200.0
    (again,) = waiting(world, "retry")
    assert (again.metadata["tries"], again.metadata["waited"], again.metadata["pause"]) == (2, waited, 1200.0)


def test_a_server_that_is_away_is_not_asked_for_each(world: World) -> None:
    everybody = [person.email for person in people(10)]
    world.mailer.replies = dict.fromkeys(everybody, LOST)
    world.put(chunk(*everybody, by_itself=True))
    world.handle()
    assert len(world.mailer.mailed) == sending.LOST_IN_A_ROW
    world.clock.now += 600.0
    (again,) = waiting(world, "retry")
    assert again.recipients == tuple(everybody)
    assert set(again.metadata["states"].values()) == {LOST[1]}
    assert world.counted == {"deferred": 10}


def test_one_who_ends_sessions_holds_up_nobody(world: World) -> None:
    everybody = [person.email for person in people(10)]
    world.mailer.replies = {everybody[0]: LOST, everybody[5]: LOST}
    world.put(chunk(*everybody, by_itself=True))
    world.handle()
    assert len(world.mailer.mailed) == 10
    assert world.counted == {"sent": 8, "deferred": 2}


@pytest.mark.parametrize("queue", ["out", "retry"])
def test_a_stop_among_the_recipients(world: World, queue: str) -> None:
    """Who has been tried is done with; the others are for whoever comes next, with their history."""
    world.stopping = lambda: True
    states = {"a@x": "450 1", "b@x": "450 2"}
    passed = {"tries": 3, "tried": NOW - 600.0, "waited": 0.0, "pause": 600.0}
    history = {**passed, "states": states} if queue == "retry" else {}
    metadata = {"envsender": BOUNCES, "verp": True, **history}
    world.put(Entry(queue=queue, listid=LISTID, recipients=("a@x", "b@x"), metadata=metadata))
    world.handle(queue=queue)
    assert [mailed.recipients for mailed in world.mailer.mailed] == [("a@x",)]
    (left,) = waiting(world, queue)
    assert (left.recipients, left.metadata) == (("b@x",), metadata)
    assert world.counted == {"sent": 1}


def test_log_lines(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.mailer.replies = {"bo@x": (Kind.LATER, "450 4.2.0 greylisted"), "cy@x": (Kind.REFUSED, "550 5.1.1 no")}
    world.put(chunk("bo@x", "cy@x", "di@x"))
    world.handle()
    lines = [line.partition(" level=")[2] for line in capfd.readouterr().err.splitlines()]
    assert lines == [
        "info event=transaction part=delivery id=T1 list=ann.lists.example recipients=3"
        ' outcome="1 sent, 1 later, 1 refused"',
        'info event="not sent" part=delivery id=T1 list=ann.lists.example recipient=bo@x outcome=later'
        ' reply="450 4.2.0 greylisted"',
        'info event="not sent" part=delivery id=T1 list=ann.lists.example recipient=cy@x outcome=refused'
        ' reply="550 5.1.1 no"',
    ]


def test_through_a_pool_to_a_server(world: World) -> None:
    world.members = people(7)
    world.put(expandable())
    world.handle()
    peer = Peer(RCPT=["250 ok", "550 5.1.1 no such user"])
    with peer, closing(Pool(lambda: SMTPConnection("127.0.0.1", peer.port), 2)) as pool:
        sender = world.sender(mailer=pool)
        for _ in range(3):
            world.handle(sender)
    assert peer.messages == [POST] * 3
    assert len(peer.sessions) == 1
    (refused,) = waiting(world, "bounces")
    assert refused.metadata["refused"] == {"member1@example.org": "550 5.1.1 no such user"}
    assert world.counted == {"sent": 6, "failed": 1}
