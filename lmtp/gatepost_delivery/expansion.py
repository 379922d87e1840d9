"""From a list's members to entries of the queue out, and from an entry to its transactions. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gatepost_queue import Claimed, Entry
from gatepost_queue.metadata import OutMetadata, SendMetadata

# What may stand in a local part as it is (RFC 5321 section 4.1.2, Dot-string).
_fits_into_verp = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+@[A-Za-z0-9.\-]+").fullmatch


def chunks(listid: str, sent: SendMetadata, emails: Sequence[str], max_recipients: int) -> tuple[Entry, ...]:
    """Entries of a list for these recipients of one message, with at most max_recipients each, in their order.

    Those whose addresses are not ASCII go by themselves: a message that asks for SMTPUTF8 (RFC 6531) may be refused
    further on, and that must not concern the others.
    """
    metadata = OutMetadata(envsender=sent.envsender, verp=sent.verp).to_json()
    plain = [email for email in emails if email.isascii()]
    others = [email for email in emails if not email.isascii()]
    return tuple(
        Entry(queue="out", listid=listid, recipients=tuple(part), metadata=metadata)
        for group in (plain, others)
        for part in _parts(group, max_recipients)
    )


def transactions(claimed: Claimed, max_recipients: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Envelope sender and recipients of each transaction that an entry needs, in the order of its recipients."""
    sent = SendMetadata.from_json(claimed.metadata)
    if sent.verp:
        return ((verp(sent.envsender, recipient), (recipient,)) for recipient in claimed.recipients)
    return ((sent.envsender, part) for part in _parts(claimed.recipients, max_recipients))


def _parts(emails: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (emails[start : start + size] for start in range(0, len(emails), size))


def verp(envsender: str, recipient: str) -> str:
    """The envelope sender LIST-bounces+local=domain@host for one recipient.

    It is envsender itself where that is null, and where the recipient cannot be written in it: then a bounce is read
    by its content.
    """
    local, at, host = envsender.rpartition("@")
    if not at or not _fits_into_verp(recipient):
        return envsender
    return f"{local}+{'='.join(recipient.rsplit('@', 1))}@{host}"
