"""What the store hands back: what a change came to, and what delivery asks for. Values alone, no database here."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from gatepost_lists.model import Role


class Change(StrEnum):
    """What became of one thing that was to be there: it is new, or was changed, or was the same already."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


class Creation(NamedTuple):
    """A list that was to be there: its posting address, what became of it, and what its owner should know."""

    fqdn_listname: str
    change: Change
    warnings: tuple[str, ...]


class DeliveryStatus(StrEnum):
    """Whether a member gets a list's mail, and who has stopped it, by Mailman's names."""

    ENABLED = "enabled"
    BY_USER = "by_user"
    BY_BOUNCES = "by_bounces"
    BY_MODERATOR = "by_moderator"


class Member(NamedTuple):
    """One address on one list. email is the form in which it is compared, original how somebody wrote it.

    Mail goes to members alone: in any other role, delivery_status says nothing.
    """

    email: str
    original: str
    display_name: str
    role: Role
    moderation_action: str | None
    delivery_status: DeliveryStatus = DeliveryStatus.ENABLED


class Ban(NamedTuple):
    """One ban: an address or a ^regex, on the list of that posting address, or everywhere where that is ''."""

    email: str
    mailing_list: str


class Refused(NamedTuple):
    """A line of an import that was not taken: its number from 1, its text shortened, and why."""

    line: int
    text: str
    why: str


class Imported(NamedTuple):
    """What an import came to. changed are those of `already` that were given another moderation action."""

    new: int
    already: int
    changed: int
    refused: int


class DeliveryState(NamedTuple):
    """How it stands with mail to one member; last_bounce in seconds since the epoch, None for never."""

    delivery_status: DeliveryStatus
    bounce_score: int
    last_bounce: float | None


class DeliveryAddress(NamedTuple):
    """One membership that mail goes to: its place in the order, and the address as somebody wrote it."""

    user_id: int
    address_id: int
    email: str


class BounceSource(StrEnum):
    """Who says that mail does not reach a member: whoever wrote to -bounces, or the mail server while we asked it."""

    REPORTED = "reported"
    REFUSED = "refused"


class BounceVerdict(StrEnum):
    """What became of a bounce: from a stranger, counted, one more of today's, the one too many, or too late."""

    UNKNOWN = "unknown"
    COUNTED = "counted"
    SAME_DAY = "same_day"
    REACHED = "reached"
    DISABLED = "disabled"


class BounceEvent(NamedTuple):
    """An entry of the log of bounces and of what they led to; happened in seconds since the epoch."""

    email: str
    happened: float
    why: str


class Pending(NamedTuple):
    """A request that waits for a confirmation; email as it was written."""

    kind: str
    email: str
    display_name: str
    data: dict[str, Any]
