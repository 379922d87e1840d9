"""What one case is: a question, and the verdict that every door must come to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gatepost_lists import Answer, Question, Rules, Stage, Verdict

_DEFAULT: Mapping[str, Any] = MappingProxyType({})


class Case(NamedTuple):
    """A question and its verdict.

    id: unique, in words, the deciding test first. sender, recipient: as a client writes them between the angle
    brackets; octets that are no UTF-8 are surrogate escapes. size: octets announced, 0 for none. rules: what differs
    from the default Rules. The expected values are those of Verdict; mailing_list, subaddress and extension say where
    the mail goes. not_smtp: why the case cannot be put to a stock Postfix unchanged at RCPT, '' when it can.
    """

    id: str
    sender: str
    recipient: str
    answer: Answer
    code: int
    status: str
    test: str
    mailing_list: str = ""
    subaddress: str = ""
    extension: str = ""
    size: int = 0
    stage: Stage = Stage.RCPT
    rules: Mapping[str, Any] = _DEFAULT
    not_smtp: str = ""

    @property
    def smtp(self) -> bool:
        """Whether a client can say exactly this to a stock Postfix, whose reply must then be this verdict."""
        return not self.not_smtp

    @property
    def utf8(self) -> bool:
        """Whether it is said with SMTPUTF8 (RFC 6531): an address is beyond ASCII, and is UTF-8."""
        try:
            return not (self.sender + self.recipient).encode().isascii()
        except UnicodeEncodeError:
            return False

    @property
    def question(self) -> Question:
        """What the judge is asked."""
        return Question(self.sender, self.recipient, self.size, self.stage)

    @property
    def site_rules(self) -> Rules:
        """The rules under which it is asked."""
        return Rules(**self.rules)

    def agrees(self, verdict: Verdict) -> bool:
        """Whether a verdict is the expected one in all but its words."""
        return self.expected == verdict._replace(text="", why="", domain="")

    @property
    def expected(self) -> Verdict:
        """The verdict without its words."""
        place = (self.mailing_list, self.subaddress, self.extension)
        return Verdict(self.answer, self.code, self.status, "", self.test, *place)


_STATUS = {"list-known": "5.1.1", "banned": "5.7.1", "size": "5.2.3"}


def accept(name: str, sender: str, recipient: str, test: str, mailing_list: str, **more: Any) -> Case:
    """A case that may pass. The test's name comes before the case's in its id."""
    return Case(f"{test}: {name}", sender, recipient, Answer.ACCEPT, 250, "2.1.5", test, mailing_list, **more)


def refuse(name: str, sender: str, recipient: str, test: str, mailing_list: str = "", **more: Any) -> Case:
    """A case that is refused, with the code and status that belong to the test."""
    code, status = 552 if test == "size" else 550, _STATUS.get(test, "5.7.2")
    return Case(f"{test}: {name}", sender, recipient, Answer.REJECT, code, status, test, mailing_list, **more)


def not_ours(name: str, sender: str, recipient: str, **more: Any) -> Case:
    """A case that is none of ours."""
    return Case(f"not-ours: {name}", sender, recipient, Answer.NOT_OURS, 550, "5.1.2", "not-ours", **more)


def unreadable(name: str, sender: str, recipient: str, **more: Any) -> Case:
    """A case whose recipient cannot be read: no test decides."""
    return Case(f"unreadable: {name}", sender, recipient, Answer.REJECT, 553, "5.1.3", "", **more)
