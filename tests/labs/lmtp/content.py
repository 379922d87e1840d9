"""What stands in the queue, without what the receiver has put to it: octet for octet what was sent, or an error."""

from __future__ import annotations

import re

_kept = re.compile(
    rb"Return-Path: <[^\r\n]*>\r\n"
    rb"Received: from [^\r\n]+\r\n\tby [^\r\n]+\r\n\tid [^\r\n]+\r\n"
    rb"((?:[^\r\n]+\r\n)*?)"
    rb"(?:Message-ID: <[^\r\n]+\.gatepost@[^\r\n]+>\r\n)?"
    rb"Message-ID-Hash: [A-Z2-7]{32}\r\nX-Message-ID-Hash: [A-Z2-7]{32}\r\nX-MailFrom: [^\r\n]+\r\n"
    rb"(\r\n.*)",
    re.DOTALL,
).fullmatch


def as_sent(content: bytes) -> bytes:
    """A queued message as the client sent it. Raises AssertionError where the receiver's own headers are not whole."""
    found = _kept(content)
    assert found is not None, content[:1000]
    return found[1] + found[2]
