"""A list's desk: mail is put into the real queue, its handler works on a real store, and what leaves is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from gatepost_delivery.bounces import Bounces
from gatepost_delivery.command_mail import CommandMail
from gatepost_delivery.outbox import Terms
from gatepost_delivery.values import Done, GoOn, Handler
from gatepost_lists import Role
from gatepost_lists.store import versions as store_versions
from gatepost_lists.store.admin import Store
from gatepost_lists.store.sqlite import SqliteDirectory
from gatepost_queue import HELD, Claimed, Entry, Message, Waiting
from gatepost_queue import create as create_queue
from gatepost_queue.metadata import Decision
from gatepost_queue.sqlite.desk import SqliteDesk
from gatepost_queue.sqlite.queue import SqliteQueue
from gatepost_service.metrics import Tally
from labs.queue import Clock, only, outcome, take

HOST = "lists.example"
LIST = f"ann@{HOST}"
LISTID = "ann.lists.example"
SITE_OWNER = "site@lists.example"
NOW = 1_800_000_000.0
DAY = 86_400.0


Wrap = Callable[[GoOn], GoOn]


def _as_it_is(go_on: GoOn) -> GoOn:
    return go_on


class Died(BaseException):
    """The process has ended in the middle."""


def dying(go_on: GoOn) -> GoOn:
    """Keep a handler's progress, and end there."""
    return dying_at(1)(go_on)


def dying_at(step: int) -> Wrap:
    """Keep a handler's progress so many times, and end there."""

    def wrap(go_on: GoOn) -> GoOn:
        steps = iter(range(1, step))

        def die(metadata: Mapping[str, Any], entries: Sequence[Entry]) -> Claimed:
            claimed = go_on(metadata, entries)
            if next(steps, None) is None:
                raise Died
            return claimed

        return die

    return wrap


def mail(body: str = "", *, subject: str = "", sender: str = "Bo <bo@example.org>", **headers: str) -> bytes:
    """A message; in the names of headers an underscore stands for a hyphen."""
    fields = {"From": sender, "To": LIST, "Subject": subject, "Message-ID": "<1@example.org>"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{body}".replace("\r\n", "\n").replace("\n", "\r\n").encode()


@dataclass(frozen=True)
class Sent:
    """A message that leaves: its envelope, and itself as read."""

    envsender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self.message.get_content())


class Desk:
    """The list is ann@lists.example, owned by olga@example.org; its member anne@example.org. Use `close` at the end."""

    def __init__(self, folder: Path) -> None:
        store_versions.create(folder / "gatepost.db")
        create_queue(f"sqlite:///{folder}/queue.db")
        self.clock = Clock()
        self.store = Store(folder / "gatepost.db")
        self.directory = SqliteDirectory(folder / "gatepost.db")
        self.queue = SqliteQueue(folder / "queue.db", clock=self.clock)
        self._waiting = SqliteDesk(folder / "queue.db", self.clock)
        self.store.add_domain("lists.example")
        self.store.create_list(LIST, "display_name=Ann")
        self.store.add_members(LIST, ["Anne@example.org"])
        self.store.add_members(LIST, ["olga@example.org"], Role.OWNER)
        self.tally = Tally()
        self.handlers: Mapping[str, Handler] = {
            "command": CommandMail(
                store=self.store,
                directory=self.directory,
                terms=Terms(site_owner=SITE_OWNER, max_answers=4, max_to_strangers=20, withheld=self.tally.withhold),
                request_life=3 * DAY,
                clock=self.clock,
            ),
            "bounces": Bounces(store=self.store, site_owner=SITE_OWNER, clock=self.clock),
        }

    def close(self) -> None:
        """Let go of the files."""
        self.queue.close()
        self.directory.close()
        self.store.close()

    def put_command(
        self, content: bytes, subaddress: str = "request", extension: str = "", sender: str = "bo@example.org"
    ) -> None:
        """Mail to a sub-address for commands, as the receiver puts it into the queue."""
        self._put("command", content, subaddress, {"extension": extension} if extension else {}, sender)

    def command(
        self,
        content: bytes,
        subaddress: str = "request",
        extension: str = "",
        *,
        sender: str = "bo@example.org",
        wrap: Wrap = _as_it_is,
    ) -> list[Sent]:
        """The same, and all that leaves because of it. wrap: puts something in the way of the handler's progress."""
        self.put_command(content, subaddress, extension, sender)
        return self.work("command", wrap)

    def bounce(self, content: bytes, extension: str = "", *, sender: str = "", wrap: Wrap = _as_it_is) -> list[Sent]:
        """Mail to -bounces, and all that leaves because of it."""
        self._put("bounces", content, "bounces", {"extension": extension} if extension else {}, sender)
        return self.work("bounces", wrap)

    def undelivered(
        self,
        envsender: str = f"ann-bounces@{HOST}",
        recipients: Sequence[str] = (),
        wrap: Wrap = _as_it_is,
        **what: object,
    ) -> list[Sent]:
        """What the sender has not got rid of, as it puts it into the queue, and all that leaves because of it."""
        content = mail("hello", subject="a post", sender="Anne@example.org")
        self._put("bounces", content, "", {"envsender": envsender, **what}, "Anne@example.org", recipients)
        return self.work("bounces", wrap)

    def _put(
        self,
        queue: str,
        content: bytes,
        subaddress: str,
        metadata: Mapping[str, Any],
        sender: str,
        recipients: Sequence[str] = (),
    ) -> None:
        entry = Entry(
            queue=queue, listid=LISTID, subaddress=subaddress, recipients=tuple(recipients), metadata=metadata
        )
        message = Message(content=content, envsender=sender, received=self.clock.now, trace="T1")
        outcome(self.queue.put(message, [entry]))

    def work(self, queue: str, wrap: Wrap = _as_it_is) -> list[Sent]:
        """Deal with the one entry that is due in a queue; what leaves because of it."""
        claimed = only(take(self.queue, queue))
        done = self.handlers[queue](claimed, wrap(self.go_on(claimed)))
        assert isinstance(done, Done)
        outcome(self.queue.done(claimed, done.entries, done.puts))
        return self._left()

    def go_on(self, claimed: Claimed) -> GoOn:
        """How a handler keeps its progress with this entry."""

        def go_on(metadata: Mapping[str, Any], entries: Sequence[Entry]) -> Claimed:
            return outcome(self.queue.go_on(claimed, metadata, 60.0, entries))

        return go_on

    def _left(self) -> list[Sent]:
        """What is in the queue out, which is then empty. What went in must be what the sender reads there."""
        sent = []
        for claimed in take(self.queue, "out", limit=100):
            assert claimed.metadata == {"envsender": claimed.envsender, "verp": False}
            assert claimed.trace == "T1"
            message = message_from_bytes(claimed.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            sent.append(Sent(claimed.envsender, claimed.recipients, message))
            outcome(self.queue.done(claimed))
        return sent

    def held(self) -> list[Waiting]:
        """What waits for a moderator."""
        return list(self._waiting.ls(HELD))

    def decide(self, **decision: object) -> list[Sent]:
        """A moderator's decision about the one request to join that waits, and what leaves because of it."""
        [waiting] = self.held()
        self._waiting.decide([waiting.id], Decision.from_json(decision))
        return self.work("command")

    def members(self) -> list[str]:
        """The addresses of the list's members."""
        return [member.email for member in self.store.members(LIST, Role.MEMBER)]
