"""What an LMTP receiver must say, in a few lines: the reference for dialogues that are made up.

A Step is what the client sends and what it means; `Model.replies` gives the codes that must come back for it. The lists
are those of wire.lmtp_words, the limit of a message is LIMIT octets.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

LIMIT = 9000
# So many commands that are none are answered as such; the next one ends the connection.
MAX_BAD_COMMANDS = 20

ANNE, CRIS, MALLORY, NULL = "anne@example.org", "cris@example.org", "mallory@example.net", ""
CLOSED, OPEN, OWNER = "closed@lists.example", "open@lists.example", "open-owner@lists.example"
NOBODY, ELSEWHERE = "nobody@lists.example", "joe@elsewhere.example"
SENDERS, RECIPIENTS = (ANNE, CRIS, MALLORY, NULL), (CLOSED, OPEN, OWNER, NOBODY, ELSEWHERE)


class Kind(Enum):
    """What a step is. BAD: it counts as a bad command. MESSAGE: data, which is sent only where it was asked for."""

    LHLO = "LHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    MESSAGE = "message"
    RSET = "RSET"
    QUIT = "QUIT"
    VERIFY = "VRFY"
    BAD = "bad command"
    BAD_PATH = "MAIL or RCPT with a bad path"
    OTHER = "what changes nothing"


class Step(NamedTuple):
    """octets: as they are sent. code: the reply, if it is fixed. value: the address, or the command of a bad path."""

    kind: Kind
    octets: bytes
    code: int = 0
    value: str = ""


@dataclass
class Model:
    """A session. lists and queue: whether they can be reached."""

    lists: bool = True
    queue: bool = True
    greeted: bool = False
    sender: str | None = None
    accepted: list[str] = field(default_factory=list)
    asked_for_data: bool = False
    bad: int = 0
    over: bool = False

    def replies(self, step: Step) -> list[int]:
        """The codes of the replies to this step; none once it is over, or to a message that was not asked for."""
        if self.over:
            return []
        if step.kind is Kind.MESSAGE:
            return self._message(step)
        return [self._reply(step)]

    def _reply(self, step: Step) -> int:
        kind, code = step.kind, step.code
        if kind is Kind.LHLO or kind is Kind.RSET:
            self.greeted = self.greeted or kind is Kind.LHLO
            self._reset()
        elif kind is Kind.MAIL:
            code = self._mail(step)
        elif kind is Kind.RCPT:
            code = self._rcpt(step)
        elif kind is Kind.DATA:
            self.asked_for_data = bool(self.accepted)
            code = 354 if self.accepted else 503
        elif kind is Kind.VERIFY:
            code = self._at_rcpt(NULL, step.value)
        elif kind is Kind.BAD_PATH:
            code = self._bad_path(step)
        elif kind is Kind.QUIT:
            self.over = True
        return self._bad(code) if kind is Kind.BAD else code

    def _reset(self) -> None:
        self.sender, self.accepted, self.asked_for_data = None, [], False

    def _mail(self, step: Step) -> int:
        if not self.greeted or self.sender is not None:
            return 503
        self.sender = step.value
        return 250

    def _rcpt(self, step: Step) -> int:
        if self.sender is None:
            return 503
        code = self._at_rcpt(self.sender, step.value)
        if code == 250:
            self.accepted.append(step.value)
        return code

    def _bad_path(self, step: Step) -> int:
        """MAIL is read where it may be said, and so is RCPT; what has no brackets is a bad command then."""
        may_be_said = self.sender is None if step.value == "MAIL" else self.sender is not None
        if not self.greeted or not may_be_said:
            return 503
        return self._bad(step.code) if step.code == 501 else step.code

    def _at_rcpt(self, sender: str, recipient: str) -> int:
        if not self.lists:
            return 451
        if recipient in {NOBODY, ELSEWHERE}:
            return 550
        if recipient == OWNER or sender == NULL:
            return 250
        return 250 if sender == ANNE or (recipient == OPEN and sender == CRIS) else 550

    def _message(self, step: Step) -> list[int]:
        if not self.asked_for_data:
            return []
        codes = [step.code if step.code != 250 else self._after_the_dot(recipient) for recipient in self.accepted]
        self._reset()
        self.bad = 0
        return codes

    def _after_the_dot(self, recipient: str) -> int:
        if self.sender == NULL and recipient != OWNER:
            return 550
        return 250 if self.queue else 451

    def _bad(self, code: int) -> int:
        self.bad += 1
        self.over = self.bad > MAX_BAD_COMMANDS
        return 421 if self.over else code
