"""What the headers of a message tell: who else it is from, and whether it has been through a list already.

They are collected as they arrive, one by one, as text in which octets that are no UTF-8 are surrogate escapes. Nothing
here fails on a header, however odd: what cannot be read says nothing. Names are those of RFC 5322 and RFC 2919;
X-BeenThere is Mailman's.
"""

from __future__ import annotations

import re

from gatepost_lists.address_list import parse_address_list
from gatepost_lists.model import MailingList

# Mailman takes the sender of a message from these, beside the envelope.
_SENDER_HEADERS = frozenset(("from", "sender", "reply-to"))
# Nobody writes as more people than this; each is looked up on every list that the message is for.
MAX_SENDERS = 20
# More of the headers of one name is not read: nobody needs more, and it takes time.
MAX_CHARACTERS = 10_000
# Lists that a message has been through, as its headers say.
MAX_TRACES = 100

_LIST_ID = re.compile(r"<([^<>]+)>\s*\Z")


class Headers:
    """The headers of one message, as far as they count."""

    __slots__ = ("_left", "_list_ids", "_postings", "_senders", "has_message_id")

    def __init__(self) -> None:
        self._senders: dict[str, None] = {}
        self._left = dict.fromkeys(_SENDER_HEADERS, MAX_CHARACTERS)
        self._list_ids: set[str] = set()
        self._postings: set[str] = set()
        self.has_message_id = False

    def add(self, name: str, value: str) -> None:
        """Take one header, its value unfolded or not."""
        key = name.strip().lower()
        if key in _SENDER_HEADERS:
            left = self._left[key]
            self._add_senders(value, left)
            self._left[key] = max(0, left - len(value))
        elif key == "message-id":
            self.has_message_id = self.has_message_id or bool(value.strip())
        elif key == "list-id" and len(self._list_ids) < MAX_TRACES:
            value = value[-MAX_CHARACTERS:].strip()
            found = _LIST_ID.search(value)
            self._list_ids.add((found[1] if found else value).strip().lower())
        elif key == "x-beenthere" and len(self._postings) < MAX_TRACES:
            self._postings.add(value[:MAX_CHARACTERS].strip().lower())

    @property
    def senders(self) -> tuple[str, ...]:
        """The addresses of From, Sender and Reply-To as they stand, each once."""
        return tuple(self._senders)

    def went_through(self, mailing_list: MailingList) -> bool:
        """Whether the list itself has sent this message already."""
        return mailing_list.list_id in self._list_ids or mailing_list.fqdn_listname in self._postings

    def _add_senders(self, value: str, limit: int) -> None:
        for mailbox in parse_address_list(value, limit):
            if len(self._senders) < MAX_SENDERS:
                self._senders[mailbox.address] = None
