"""What the entries of each queue say to their handler, as values: one class for each queue. No I/O here.

An entry keeps a JSON object (values.Entry.metadata), which `from_json` reads and `to_json` gives. Rules:

- The names are those on disk, and so are those of GNU Mailman's runners where they have one.
- A field is written where it says something, or, if it is `_always`, whatever it says: an older gatepost finds there
  what it looks for.
- What is not known here, from a newer gatepost or an older one, is kept as it is (`more`): so a class may read entries
  of several queues of which it needs a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple, Self

# The layout of what the receiver says, as Mailman counts it.
VERSION = 3
# The queue whose handler deals with a request of this kind, when a moderator has decided.
QUEUES = {"post": "in", "join": "command"}

_ON_DISK, _ALWAYS = "on disk", "always"


def _always(default: Any = MISSING) -> Any:
    return field(default=default, metadata={_ALWAYS: True})


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What all have in common. more: what is not known here, by its name."""

    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What an entry says. Raises TypeError where something is missing without which nothing can be done."""
        attributes = _form(cls).attributes
        known = {attributes[name]: value for name, value in kept.items() if name in attributes}
        if len(known) == len(kept):
            return cls(**known)
        return cls(**known, more={name: value for name, value in kept.items() if name not in attributes})

    def to_json(self) -> dict[str, Any]:
        """What is to be kept."""
        said = vars(self)
        kept = dict(self.more)
        for name, attribute, silent in _form(type(self)).written:
            if said[attribute] != silent:
                kept[name] = said[attribute]
        return kept


class _Form(NamedTuple):
    """How a class is written: its attributes by their names on disk; and name, attribute, and what says nothing."""

    attributes: Mapping[str, str]
    written: tuple[tuple[str, str, object], ...]


_FORMS: dict[type, _Form] = {}


def _form(cls: type[Any]) -> _Form:
    """Found once for each class: every message needs some."""
    found = _FORMS.get(cls)
    if found is None:
        known = {str(one.metadata.get(_ON_DISK, one.name)): one for one in fields(cls) if one.name != "more"}
        written = ((name, one.name, MISSING if _ALWAYS in one.metadata else one.default) for name, one in known.items())
        found = _FORMS[cls] = _Form({name: one.name for name, one in known.items()}, tuple(written))
    return found


@dataclass(frozen=True, kw_only=True)
class ReceivedMetadata(Metadata):
    """What the receiver says of a message, as Mailman's lmtp runner does.

    original_size: octets as it came. received_time: seconds since the epoch. to_*: for which address of the list.
    envsender: of mail to the owners, the site's owner. extension: what stood behind the '+', which Mailman drops.
    """

    listid: str = ""
    original_size: int | None = None
    received_time: float | None = None
    version: int | None = None
    parsemsg: bool | None = field(default=None, metadata={_ON_DISK: "_parsemsg"})
    subaddress: str = ""
    to_list: bool = False
    to_owner: bool = False
    to_request: bool = False
    envsender: str = ""
    extension: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision(Metadata):
    """What a moderator has said, or, for so many days, has not: one of these.

    rejected: the reason, which may be ''.
    """

    approved: bool = False
    rejected: str | None = None
    waited_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class RequestMetadata(Decision, ReceivedMetadata):
    """What waits for a moderator, or has done so.

    request: which kind, of QUEUES; '' for what nobody was asked about. reason: why it waits, since `held_since`. A post
    has its subject, a request to join the address and the name of whoever is to join.
    """

    request: str = ""
    reason: str = ""
    held_since: float | None = None
    subject: str | None = None
    email: str = ""
    display_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class TokenMetadata(Metadata):
    """taken: the tokens that have been used for an entry, and what each stood for: kind, address, display name."""

    taken: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class InMetadata(RequestMetadata):
    """Of a post, or mail for the owners."""


@dataclass(frozen=True, kw_only=True)
class CommandMetadata(RequestMetadata, TokenMetadata):
    """Of mail with commands, or a request to join that has been decided."""


@dataclass(frozen=True, kw_only=True)
class HeldMetadata(RequestMetadata, TokenMetadata):
    """Of what waits for a moderator."""

    @property
    def queue(self) -> str:
        """Where it goes when it has been decided. Raises KeyError for what is no request."""
        return QUEUES[self.request]


@dataclass(frozen=True, kw_only=True)
class BouncesMetadata(ReceivedMetadata, TokenMetadata):
    """Of a message to -bounces, or of one of ours that could not be delivered, sent from `envsender`.

    refused, expired, client_refused: what was said of each recipient; message_refused: of the message. reached: members
    to whom a probe is to go. first: the owners are to be told of it.
    """

    refused: Mapping[str, str] | None = None
    expired: Mapping[str, str] | None = None
    client_refused: Mapping[str, str] | None = None
    message_refused: str | None = None
    reached: Sequence[str] | None = None
    first: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is a message of ours."""
        told = self.refused, self.expired, self.client_refused, self.message_refused
        return any(each is not None for each in told)


@dataclass(frozen=True, kw_only=True)
class SendMetadata(Metadata):
    """With which envelope sender a message is sent; verp: whether each recipient is to be found in it."""

    envsender: str = _always()
    verp: bool = _always(False)


@dataclass(frozen=True, kw_only=True)
class OutMetadata(SendMetadata):
    """Of a message to the entry's recipients, or to a list's members.

    to_members: to those who come, in their order, behind `after` (user and address); None: to all.
    """

    to_members: bool = False
    after: Sequence[int] | None = None


@dataclass(frozen=True, kw_only=True)
class RetryMetadata(SendMetadata):
    """Of a message that has been tried so often.

    tried: when that attempt ended, in seconds since the epoch; None before the first. waited: seconds of pauses before
    it; pause: of the one that follows. states: what was said of each recipient.
    """

    tries: int = _always(0)
    tried: float | None = None
    waited: float = _always(0.0)
    pause: float = _always(0.0)
    states: Mapping[str, str] = field(default_factory=dict, metadata={_ALWAYS: True})
