"""Mail from authors whose domain would have it refused when a list sends it on (DMARC, RFC 9989). No I/O here.

- Munged: From becomes 'Name via List' with the list's address, and the author's own goes into Reply-To, behind what
  stands there already. That breaks the author's signature, which the list's host stands in for.
- Wrapped: the message is put as it is, signatures and all, into one from the list (message/rfc822), which has the
  fields that a mail reader lists and sorts by.
- Nothing here fails on a From that is malformed, or has several addresses, or groups of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from gatepost_delivery.fields import Field, Section, decoded, field, rebuilt
from gatepost_delivery.letters import Named, one_line, phrase, title
from gatepost_lists import AddressError, Mailbox, parse_address, parse_address_list

# Nobody writes as more people than this, and so much of the fields of one name is read.
_MAX_AUTHORS = 20
_MAX_CHARACTERS = 10_000
# So many authors are named in From, and so much of a name is given.
_MAX_NAMED = 3
_MAX_NAME = 80

# What a reader sees, sorts and threads by, what tells of the way, and what keeps replies from robots.
_OUTER = frozenset(
    (
        b"received",
        b"x-beenthere",
        b"to",
        b"cc",
        b"subject",
        b"date",
        b"message-id",
        b"message-id-hash",
        b"x-message-id-hash",
        b"in-reply-to",
        b"references",
        b"auto-submitted",
    )
)


def authors(fields: Sequence[Field]) -> list[Mailbox]:
    """Whom the message is from, each address once, names decoded and on one line; [] where none can be read."""
    return _mailboxes(fields, b"from")


def author_domains(fields: Sequence[Field]) -> list[str]:
    """The domains of the authors' addresses as they are compared, each once."""
    domains: dict[str, None] = {}
    for author in authors(fields):
        try:
            domains[parse_address(author.address).domain] = None
        except AddressError:
            continue
    return [domain for domain in domains if domain]


def munged(section: Section, mailing_list: Named) -> Section:
    """The message as one from the list; of its fields, From and Reply-To are written anew."""
    new = {b"from": _from(section.fields, mailing_list), b"reply-to": _reply_to(section.fields)}
    fields: list[Field] = []
    for one in section.fields:
        if one.name not in (b"from", b"reply-to"):
            fields.append(one)
        elif one.name in new:
            fields.append(new.pop(one.name))
    return section._replace(fields=[*fields, *new.values()])


def wrapped(section: Section, mailing_list: Named) -> Section:
    """The message within one from the list."""
    inner = rebuilt(section)
    outer = [one for one in section.fields if one.name in _OUTER]
    own = [
        _from(section.fields, mailing_list),
        _reply_to(section.fields),
        field("MIME-Version", "1.0"),
        field("Content-Type", "message/rfc822"),
        field("Content-Disposition", "inline"),
        field("Content-Transfer-Encoding", "7bit" if inner.isascii() else "8bit"),
    ]
    return Section([*outer, *own], (b"\r\n", inner))


def _from(fields: Sequence[Field], mailing_list: Named) -> Field:
    names = [author.name or author.address.rpartition("@")[0] for author in authors(fields)]
    who = ", ".join(one_line(name, _MAX_NAME) for name in names[:_MAX_NAMED])
    return field("From", f"{phrase(f'{who} via {title(mailing_list)}'.strip())} <{mailing_list.fqdn_listname}>")


def _reply_to(fields: Sequence[Field]) -> Field:
    """Where replies went before, and to the authors; each address once."""
    mailboxes = {one.address.lower(): one for one in (*_mailboxes(fields, b"reply-to"), *authors(fields))}
    return field("Reply-To", ",\r\n ".join(_written(one) for one in mailboxes.values()))


def _written(mailbox: Mailbox) -> str:
    return f"{phrase(mailbox.name)} <{mailbox.address}>" if mailbox.name else mailbox.address


def _mailboxes(fields: Sequence[Field], name: bytes) -> list[Mailbox]:
    found: dict[str, Mailbox] = {}
    left = _MAX_CHARACTERS
    for text in (one.text for one in fields if one.name == name):
        for mailbox in parse_address_list(text, left):
            found.setdefault(mailbox.address.lower(), mailbox)
        left = max(0, left - len(text))
    return [one._replace(name=one_line(decoded(one.name))) for one in islice(found.values(), _MAX_AUTHORS)]
