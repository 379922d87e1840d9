"""The handler of `in` for mail to -owner: to a list's owners and moderators, unmoderated.

- Where there are none, or the list is gone, the site's owner gets it.
- It is marked as it leaves, and what comes back with the mark has been to all of them: it goes no further.
- What cannot be delivered of it is reported to the envelope's sender, the site's owner; a report itself keeps the null
  sender, so that reports never make reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost_delivery.cooked import cleansed
from gatepost_delivery.expansion import chunks
from gatepost_delivery.fields import Field, field, rebuilt, split
from gatepost_delivery.letters import address_of
from gatepost_delivery.values import Done, GoOn
from gatepost_lists.store.admin import Store
from gatepost_lists.store.profiles import Profile
from gatepost_queue import Claimed, Message, Put
from gatepost_queue.metadata import InMetadata, SendMetadata
from gatepost_service.log import get_logger

_log = get_logger("delivery")


@dataclass(frozen=True, kw_only=True)
class OwnerMail:
    """Deals with mail for owners, in one thread. max_recipients: of one entry."""

    store: Store
    site_owner: str
    max_recipients: int

    def __call__(self, claimed: Claimed, go_on: GoOn) -> Done:
        """Send it on. Raises StoreTroubleError: it is tried again."""
        section = split(claimed.content)
        profile = self.store.profile(claimed.listid)
        marks = [] if profile is None else [field("X-BeenThere", address_of(profile, "owner"))]
        if any(_has(section.fields, mark) for mark in marks):
            _log.warning("owner mail", id=claimed.trace, list=claimed.listid, outcome="discard", why="it came back")
            return Done()
        content = rebuilt(cleansed(section), [mark.octets for mark in marks])
        owners = self._owners(profile)
        _log.info("owner mail", id=claimed.trace, list=claimed.listid, outcome="accept", recipients=len(owners))
        envsender = (InMetadata.from_json(claimed.metadata).envsender or self.site_owner) if claimed.envsender else ""
        message = Message(content=content, envsender=claimed.envsender, received=claimed.received, trace=claimed.trace)
        entries = chunks(claimed.listid, SendMetadata(envsender=envsender), owners, self.max_recipients)
        return Done(puts=(Put(message, entries),))

    def _owners(self, profile: Profile | None) -> list[str]:
        owners = self.store.owners(profile.list_id) if profile else []
        return owners or [self.site_owner]


def _has(fields: Sequence[Field], mark: Field) -> bool:
    return any(one.name == mark.name and one.text.lower() == mark.text.lower() for one in fields)
