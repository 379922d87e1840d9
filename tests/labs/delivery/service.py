"""Delivery as an operator runs it, with a store and a queue of its own; and what is in that queue."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from cli.conftest import CommandLine
from gatepost_lists.store import versions as store_versions
from gatepost_lists.store.admin import Store
from gatepost_lmtp.entries import Destination, Origin, entries_for
from gatepost_queue import Entry, Message, Waiting, create, open_desk, open_queue
from labs.mta.processes import wait_until
from labs.running import PATIENCE, Gatepost

LIST = "ant@lists.example"
LISTID = "ant.lists.example"
# A member of every list here.
ANNE = "anne@people.example"
SITE_OWNER = "site@people.example"


def delivery_settings(smtp_port: int, *more: str) -> str:
    """Settings for delivery by a mail server on this port; more are keys of [delivery], or sections behind it."""
    return "\n".join(
        [
            f'[site]\nhostname = "mx.lab.example"\nowner = "{SITE_OWNER}"',
            '[lists]\ndirectory = "sqlite:///var/gatepost.db"',
            '[queue]\nengine = "sqlite:///var/queue.db"',
            f'[delivery]\nsmtp_host = "127.0.0.1"\nsmtp_port = {smtp_port}\ndmarc = "off"',
            *more,
            "",
        ]
    )


class RunningDelivery(Gatepost):
    """`gatepost run PARTS`, with an empty queue, and a store that has LIST with its member ANNE."""

    def __init__(self, folder: Path, settings: str, *parts: str) -> None:
        super().__init__(folder, settings, *(parts or ("delivery",)))
        self.store = folder / "var" / "gatepost.db"
        self.queue = folder / "var" / "queue.db"
        self.gatepost = CommandLine(folder)
        self.store.parent.mkdir(exist_ok=True)
        create(f"sqlite:///{self.queue}")
        store_versions.create(self.store)
        with Store(self.store) as store:
            store.add_domain("lists.example")
            store.create_list(LIST, "max_message_size=0")
        self.add_members([ANNE])

    def add_members(self, emails: Iterable[str]) -> list[str]:
        """Put people on the list; their addresses."""
        added = list(emails)
        with Store(self.store) as store:
            store.import_members(LIST, added)
        return added

    def put(self, content: bytes, subaddress: str = "", sender: str = ANNE, extension: str = "") -> None:
        """Put a message into the queue as the receiver does."""
        now = time.time()
        destination = Destination(LISTID, subaddress, extension, LIST)
        message = Message(content=content, envsender=sender, received=now, trace=f"T{now}")
        with closing(open_queue(f"sqlite:///{self.queue}")) as queue:
            queue.put(message, entries_for([destination], Origin(sender, len(content), now, SITE_OWNER))).result(
                PATIENCE
            )

    def post(self, subject: str, sender: str = ANNE) -> None:
        """Put a post into the queue."""
        self.put(a_post(subject, sender), sender=sender)

    def hold(self, subject: str, since: float, sender: str = "stranger@people.example", listid: str = LISTID) -> None:
        """Put a post into the queue that has waited for a moderator since then."""
        content = a_post(subject, sender)
        metadata = {"request": "post", "subject": subject, "held_since": since}
        entry = Entry(queue="held", listid=listid, recipients=(LIST,), metadata=metadata, next_attempt=since)
        message = Message(content=content, envsender=sender, received=since, trace=f"T{since}")
        with closing(open_queue(f"sqlite:///{self.queue}")) as queue:
            queue.put(message, [entry]).result(PATIENCE)

    def waiting(self, queue: str = "") -> list[Waiting]:
        """What waits, in all queues or in one."""
        return list(open_desk(f"sqlite:///{self.queue}").ls(queue))

    def wait_queue(self, holds: Callable[[list[Waiting]], object], queue: str = "") -> list[Waiting]:
        """What waits, as soon as it is so."""
        found: list[list[Waiting]] = []

        def look() -> bool:
            found[:] = [self.waiting(queue)]
            return bool(holds(found[0]))

        wait_until(look, PATIENCE, lambda: f"there waits: {found}\n{self.output}")
        return found[0]

    def wait_empty(self) -> None:
        """Until nothing waits any more."""
        self.wait_queue(lambda waiting: not waiting)

    def retry(self, queue: str = "retry") -> None:
        """Have all that waits in a queue tried now, as an operator does."""
        self.gatepost("queue", "retry", *[str(waiting.id) for waiting in self.waiting(queue)])

    def figures(self, name: str) -> dict[str, float]:
        """The figures of the metric of this name, by its label's value."""
        with urlopen(f"http://127.0.0.1:{self.port('metrics')}/metrics", timeout=PATIENCE) as page:
            found = re.findall(rf'^{name}{{\w+="(\w+)"}} (\S+)$', page.read().decode(), re.MULTILINE)
        return {label: float(figure) for label, figure in found}

    def wait_figures(self, name: str, figures: dict[str, float]) -> None:
        """Until a metric has these figures; counts are told now and then."""
        wait_until(lambda: self.figures(name) == figures, PATIENCE, lambda: f"{name}: {self.figures(name)}")

    def lines(self, **fields: str) -> list[dict[str, str]]:
        """The log lines with these fields."""
        parsed = (dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)) for line in self.output.splitlines())
        return [line for line in parsed if fields.items() <= line.items()]

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return self.gatepost.json(*arguments)


def a_post(subject: str, sender: str = ANNE) -> bytes:
    """A message to the list."""
    message_id = f"<{subject.replace(' ', '.')}@people.example>"
    head = f"From: {sender}\r\nTo: {LIST}\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
    return head.encode() + b"\r\nHello.\r\n"


def members(number: int) -> list[str]:
    """So many addresses of people."""
    return [f"member{index}@people.example" for index in range(number)]
