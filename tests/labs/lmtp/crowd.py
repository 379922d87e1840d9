"""Many clients at once, for the tests that kill the receiver: each hands messages in and counts what it is told.

A message and its recipients follow from its number. What a client has no reply for is sent again, by any of them, to
the recipients for whom none came, as a mail server does. Every third message has no Message-ID.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from gatepost_lmtp.spool import MEMORY_OCTETS
from gatepost_queue import Claimed
from labs.lmtp.content import as_sent
from labs.mta import Client
from labs.running import PATIENCE

SIZES = (100, 2_000, 2_000, 2_000, 20_000, 300_000)
# One in so many is kept in a file while it comes in.
BIG_ONE_IN = 25
RECIPIENTS = (
    "team@lists.example",
    "team+more@lists.example",
    "open@lists.example",
    "open-owner@lists.example",
    "team-request@lists.example",
    "open-bounces+anne=example.org@lists.example",
)


@dataclass
class Errand:
    """A message that is to be handed in, and how far that has come."""

    number: int
    told: set[str] = field(default_factory=set)
    attempts: int = 0

    @property
    def has_id(self) -> bool:
        return self.number % 3 != 0

    @property
    def recipients(self) -> list[str]:
        """From one to all of them."""
        chance = random.Random(self.number)
        return chance.sample(RECIPIENTS, chance.randint(1, len(RECIPIENTS)))

    @property
    def untold(self) -> list[str]:
        return [recipient for recipient in self.recipients if recipient not in self.told]

    @property
    def message(self) -> bytes:
        """Every line has the number."""
        line = b"line of message %09d\r\n" % self.number
        size = MEMORY_OCTETS + 100_000 if self.number % BIG_ONE_IN == 0 else SIZES[self.number % len(SIZES)]
        message_id = b"Message-ID: <%d@example.org>\r\n" % self.number if self.has_id else b""
        return b"Subject: %d\r\n%b\r\n%b" % (self.number, message_id, line * (size // len(line)))


class Crowd:
    """The clients, and all that they have done.

    found: how often each message has been in the queue for each recipient.
    """

    def __init__(self) -> None:
        self.errands: list[Errand] = []
        self.found: Counter[tuple[int, str]] = Counter()
        self._faults: list[Exception] = []
        self._numbers = count(1)
        self._unsure: list[Errand] = []
        self._changed = threading.Condition()
        self._told = 0
        self._ending = False

    @contextmanager
    def at_work(self, port: int, clients: int = 8) -> Iterator[None]:
        """Hand messages in until the receiver has ended."""
        crowd = [threading.Thread(target=self._work, args=(port, self._any)) for _ in range(clients)]
        for thread in crowd:
            thread.start()
        try:
            yield
        finally:
            for thread in crowd:
                thread.join(PATIENCE)

    def wait_told(self, replies: int) -> None:
        """Wait until so many more recipients' messages have been taken."""
        with self._changed:
            enough = self._told + replies
            assert self._changed.wait_for(lambda: self._told >= enough or self._faults, PATIENCE)

    def raise_fault(self) -> None:
        """Raise the first thing that went wrong in a client, other than a connection that was cut."""
        for fault in self._faults:
            raise fault

    def make_good(self, port: int) -> None:
        """Send again whatever has no reply."""
        self._work(port, lambda: self._unsure.pop() if self._unsure else None)

    def look_at(self, taken: Iterable[Claimed]) -> None:
        """Count what was in the queue, and compare every octet of it."""
        for claimed in taken:
            sent = as_sent(claimed.content)
            number = int(sent.partition(b"\r\n")[0].removeprefix(b"Subject: "))
            assert sent == self.errands[number - 1].message
            self.found.update((number, recipient) for recipient in claimed.recipients)

    def _any(self) -> Errand:
        with self._changed:
            if self._unsure:
                return self._unsure.pop(0)
            self.errands.append(Errand(next(self._numbers)))
            return self.errands[-1]

    def _work(self, port: int, choose: Callable[[], Errand | None]) -> None:
        """One session after the other, until nobody listens any more or nothing is left to do."""
        try:
            while self._session(port, choose):
                pass
        except ConnectionRefusedError:
            return
        except Exception as fault:
            with self._changed:
                self._faults.append(fault)
                self._changed.notify_all()

    def _session(self, port: int, choose: Callable[[], Errand | None]) -> bool:
        """A few messages over one connection; False if there was none to send."""
        try:
            with Client(("127.0.0.1", port)) as client:
                client.hello(verb="LHLO")
                for _ in range(random.randint(1, 4)):
                    errand = choose()
                    if errand is None:
                        return False
                    self._hand_in(client, errand)
                client.quit()
        except ConnectionRefusedError:
            raise
        except ConnectionError:
            pass
        return True

    def _hand_in(self, client: Client, errand: Errand) -> None:
        recipients = errand.untold
        errand.attempts += 1
        try:
            begun = client.pipeline(
                ["MAIL FROM:<anne@example.org>", *(f"RCPT TO:<{recipient}>" for recipient in recipients), "DATA"]
            )
            assert [reply.code for reply in begun] == [250] * (len(begun) - 1) + [354], begun
            client.send(errand.message + b".\r\n")
            for recipient in recipients:
                reply = client.reply()
                assert reply.code == 250, reply
                self._note(errand, recipient)
        finally:
            if errand.untold:
                with self._changed:
                    self._unsure.append(errand)

    def _note(self, errand: Errand, recipient: str) -> None:
        with self._changed:
            errand.told.add(recipient)
            self._told += 1
            self._changed.notify_all()
