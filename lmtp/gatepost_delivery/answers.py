"""Which messages may be answered by a machine (RFC 3834 section 2). No I/O here.

Never: one with the null sender, one that a machine or a list has sent, one that goes back to a machine or a list. A
forged sender is as good as any here; that is why an answer repeats nothing, and why answers are counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatepost_delivery.fields import Field, value_of

_BULK = frozenset(("bulk", "list", "junk"))
_robot = re.compile(
    r"(?:owner-.*|mailer-daemon|no-?reply|do-?not-?reply|double-bounce.*|.*-(?:bounces?|owner|request|confirm)(?:\+.*)?)@"
).match


def may_be_answered(sender: str, fields: Sequence[Field]) -> bool:
    """Whether an automatic answer may go to the sender in the envelope."""
    return bool(sender) and not _robot(sender.lower()) and not is_automatic(fields)


def is_automatic(fields: Sequence[Field]) -> bool:
    """Whether the header says that a machine wrote the message, that it is one to many, or a report."""
    return (
        any(one.name.startswith(b"list-") or one.name == b"x-beenthere" for one in fields)
        or first_word(fields, b"auto-submitted") not in ("", "no")
        or first_word(fields, b"precedence") in _BULK
        or first_word(fields, b"x-auto-response-suppress") not in ("", "none")
        or first_word(fields, b"content-type") == "multipart/report"
    )


def first_word(fields: Sequence[Field], name: bytes) -> str:
    """Of a field's value, in lower case, without the parameters behind it."""
    words = re.split(r"[\s;,(]", value_of(fields, name).lower(), maxsplit=1)
    return words[0]
