"""The words that the judge, the directories and the doors share: values without behaviour.

Everything here is immutable and comparable, so that a verdict is the same value through every door and a test can
write down the one that it expects. Names are those of RFC 5321 and of GNU Mailman.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gatepost_lists.patterns import NO_PATTERNS, PatternList


class Action(StrEnum):
    """What happens to a posting, by Mailman's names; `defer` leaves it to the checks that follow."""

    HOLD = "hold"
    REJECT = "reject"
    DISCARD = "discard"
    ACCEPT = "accept"
    DEFER = "defer"


class Role(StrEnum):
    """In which capacity an address is on a list. Owners and moderators alone are not members."""

    MEMBER = "member"
    OWNER = "owner"
    MODERATOR = "moderator"
    NONMEMBER = "nonmember"


class Answer(StrEnum):
    """The four outcomes of a judgement."""

    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"
    NOT_OURS = "not-ours"


class Stage(StrEnum):
    """How far the mail transaction is. A probe ends at RCPT; at DATA a message is really coming."""

    RCPT = "rcpt"
    DATA = "data"


# The status of the refusals that depend on who the sender is.
MAY_NOT_POST = "5.7.2"


class Question(NamedTuple):
    """May `sender` post to `recipient`?

    sender: the envelope's reverse-path as the mail server gave it; '' is the null reverse-path. recipient: the
    forward-path likewise. size: octets announced by SIZE (RFC 1870), 0 when not announced. client: who asks, for
    the log line alone. headers_follow: it is asked again with the headers before anybody is refused, so what was
    unwrapped from the sender lets nobody in yet.
    """

    sender: str
    recipient: str
    size: int = 0
    stage: Stage = Stage.RCPT
    client: str = ""
    headers_follow: bool = False


class Verdict(NamedTuple):
    """What the judge says, ready for every door.

    code and status are the SMTP reply code and the enhanced status code (RFC 5321, RFC 3463); text is one printable
    ASCII line. test names the test that decided ('' when none could). mailing_list is the posting address of the list
    that the mail is for ('' when none), subaddress '' for the posting address itself, extension what stood behind
    its '+'. domain is the domain of ours that the recipient is in ('' when none). why says in words what was found.
    """

    answer: Answer
    code: int
    status: str
    text: str
    test: str = ""
    mailing_list: str = ""
    subaddress: str = ""
    extension: str = ""
    domain: str = ""
    why: str = ""

    @property
    def is_refusal(self) -> bool:
        """The recipient is refused for good."""
        return self.answer is Answer.REJECT

    @property
    def is_trouble(self) -> bool:
        """It cannot be told now."""
        return self.answer is Answer.DEFER

    @property
    def is_acceptance(self) -> bool:
        """An address of ours that may be written to; what is not ours is neither accepted nor refused."""
        return self.answer is Answer.ACCEPT

    @property
    def may_not_post(self) -> bool:
        """Refused for who the sender is: the headers may name one who may post."""
        return self.answer is Answer.REJECT and self.status == MAY_NOT_POST

    @property
    def is_probe(self) -> bool:
        """Decided by `probe`: accepted because only the existence was asked for, or refused because of that."""
        return self.test == "probe"

    def says_the_same(self, other: Verdict) -> bool:
        """Whether the same test has come to the same answer."""
        return self.test == other.test and self.answer is other.answer


class Domain(NamedTuple):
    """A domain that holds lists. A shared one holds ordinary mailboxes too. alias_domain is '' when there is none."""

    mail_host: str
    alias_domain: str = ""
    shared: bool = False


class DomainNames(NamedTuple):
    """A domain with the names of its lists, in their order."""

    domain: Domain
    list_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MailingList:
    """What the judge needs to know of a list. max_message_size is in KiB, 0 = none."""

    list_id: str
    list_name: str
    mail_host: str
    accept_these_nonmembers: PatternList = NO_PATTERNS
    hold_these_nonmembers: PatternList = NO_PATTERNS
    reject_these_nonmembers: PatternList = NO_PATTERNS
    discard_these_nonmembers: PatternList = NO_PATTERNS
    default_nonmember_action: Action = Action.HOLD
    default_member_action: Action = Action.DEFER
    emergency: bool = False
    max_message_size: int = 0
    fqdn_listname: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fqdn_listname", f"{self.list_name}@{self.mail_host}")


NO_LIST = MailingList("", "", "")


class Place(NamedTuple):
    """Where an address leads: its domain (None: not one of ours) and the list behind it (None: no such list)."""

    domain: Domain | None
    mailing_list: MailingList | None = None
    subaddress: str = ""
    extension: str = ""


NOWHERE = Place(None)


class Standing(NamedTuple):
    """One sender's standing on one list.

    banned: the ban that matched, '' for none. member: a member by this address or a linked one; linked says that it
    was another address of the same user. member_action is the membership's own moderation action (None: the list's
    default). nonmember_action is that of a nonmember record (None: there is none, or it has no action of its own).
    """

    banned: str = ""
    member: bool = False
    linked: bool = False
    member_action: Action | None = None
    nonmember_action: Action | None = None


STRANGER = Standing()
