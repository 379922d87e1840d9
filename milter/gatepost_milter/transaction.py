"""One mail transaction as a milter sees it, and what it answers: plain values, without libmilter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gatepost_lists import Headers, Verdict
from gatepost_milter.mixing import Kind


class Outcome(Enum):
    """What a callback tells the mail server."""

    CONTINUE = "continue"
    REJECT = "reject"
    TEMPFAIL = "tempfail"


class Reply(NamedTuple):
    """An outcome and, unless it is to continue, the SMTP reply that goes with it."""

    outcome: Outcome
    code: str = ""
    status: str = ""
    text: str = ""


# RFC 5321 appendix C
_ROUTE = re.compile(r"\A@[^:>]*:")

CONTINUE = Reply(Outcome.CONTINUE)
# The reply to whatever failed here.
TROUBLE = Reply(Outcome.TEMPFAIL, "451", "4.3.0", "cannot tell now, try again later")
# The reply to a recipient that cannot be on one message with those before it (RFC 5321 section 4.5.3.1.10).
PUT_OFF = Reply(Outcome.TEMPFAIL, "452", "4.5.3", "send to this recipient separately")


def reply_of(verdict: Verdict) -> Reply:
    """The reply that a verdict makes. What is not ours goes on."""
    if verdict.is_refusal:
        return Reply(Outcome.REJECT, str(verdict.code), verdict.status, verdict.text)
    if verdict.is_trouble:
        return Reply(Outcome.TEMPFAIL, str(verdict.code), verdict.status, verdict.text)
    return CONTINUE


class Recipient(NamedTuple):
    """A recipient that is on the message, as the mail server named it, brackets included, and the verdict at RCPT."""

    address: str
    verdict: Verdict
    kind: Kind

    @property
    def is_judged_again(self) -> bool:
        """Whether the headers may change its verdict: it is a list's posting address."""
        return bool(self.verdict.mailing_list) and not self.verdict.subaddress


@dataclass(slots=True, eq=False)
class Transaction:
    """A message from MAIL to its end.

    sender stands without brackets; '' is the null one. client and auth are the address and the login of whoever sends
    it. headers is None where only the envelope counts. removed: recipients that are taken off when others get the
    message.
    """

    sender: str
    size: int = 0
    client: str = ""
    auth: str = ""
    headers: Headers | None = None
    recipients: list[Recipient] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @property
    def knows_sender(self) -> bool:
        """Whether mail that is sent back reaches no stranger: a list knows the sender, or the client has logged in."""
        return bool(self.auth) or any(recipient.kind is Kind.KNOWS for recipient in self.recipients)


class Changes(NamedTuple):
    """What a message is changed by at its end: recipients taken off, and a Message-ID added ('' for none)."""

    remove: tuple[str, ...]
    message_id: str


def without_brackets(address: str) -> str:
    """An address of MAIL or RCPT, '' for the null one; the judge takes off whatever else is around it."""
    bare = address.strip()
    return bare[1:-1] if bare.startswith("<") and bare.endswith(">") else address


def names_of(address: str) -> tuple[str, ...]:
    """What a recipient may be called when a mail server is told to remove it.

    As it was named; and, because Postfix forgets what stood around the address, without source route and brackets.
    """
    plain = f"<{_ROUTE.sub('', address.strip('<> '), count=1)}>"
    return (address,) if plain == address else (address, plain)


def announced_size(parameters: list[str]) -> int:
    """The value of SIZE= among the parameters of MAIL (RFC 1870), 0 when there is none that is a number."""
    for parameter in parameters:
        keyword, _, value = parameter.partition("=")
        if keyword.upper() == "SIZE" and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
    return 0
