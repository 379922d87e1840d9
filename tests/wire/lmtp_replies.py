"""Reading what an LMTP server has said, and that each reply is as RFC 5321 section 4.2 and RFC 2034 demand."""

import re

REPLY = re.compile(
    rb"((?:\d{3}-[^\r\n]*\r\n)*)([245]\d\d|354)(?: ([245]\.(?:0|[1-9]\d{0,2})\.(?:0|[1-9]\d{0,2})))?(?: [^\r\n]*)?\r\n"
)


def statuses(octets: bytes) -> list[str]:
    """Code and status of each reply behind the greeting; all of the octets must be replies, each with what it needs."""
    found = list(REPLY.finditer(octets))
    assert b"".join(reply[0] for reply in found) == octets
    assert octets.startswith(b"220 ")
    assert not found[0][3]
    for reply in found[1:]:
        before, code, status = reply.groups()
        if before or code == b"354":  # the reply to LHLO, which alone has several lines (RFC 2034 section 3)
            assert not status, reply[0]
            assert all(line.startswith(code) for line in before.splitlines())
        else:  # RFC 2034 section 4
            assert status and status[:1] == code[:1], reply[0]
    return [b" ".join(filter(None, reply.groups()[1:])).decode() for reply in found[1:]]
