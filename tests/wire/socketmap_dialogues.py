"""Socketmap dialogues as data: what a mail server sends, what it must get, and whether we then hang up.

Each is played whole, octet by octet, and with another request behind it. The lists are those of DIRECTORY.
"""

from __future__ import annotations

from typing import NamedTuple

from labs.running import netstring

DIRECTORY = r"""
[site]
bans = ["mallory@example.net"]
[domains."lists.example"]
[domains."real.example"]
alias_domain = "alias.example"
[domains."v.example"]
alias_domain = "a-long-name-for-the-alias.example"
[domains."shared.example"]
alias_domain = "technical.example"
shared = true
[domains."xn--bcher-kva.example"]
[lists."closed@lists.example"]
members = ["anne@example.org"]
default_nonmember_action = "reject"
[lists."c++@lists.example"]
[lists."grüße@lists.example"]
[lists."ann@real.example"]
[lists."o'clock@real.example"]
[lists."ann@v.example"]
[lists."talk@shared.example"]
[lists."leser@xn--bcher-kva.example"]
"""
LMTP, CLOSED, NOT_FOUND = "OK lmtp:[127.0.0.1]:8024", "OK closed@lists.example", "NOTFOUND "
UNREADABLE, NO_TABLE = "PERM 553 5.1.3 the key cannot be read as an address", "PERM no such table"
NOT_YOU, NO_LIST = "OK 550 5.7.2 you may not post to this mailing list", "OK 550 5.1.1 no such mailing list"
ALIASED = "OK ann-bounces+bob=example.org@alias.example"
LONG = "x" * 60_000


class Dialogue(NamedTuple):
    """sent: all that the client sends. replied: all that it gets. hangs_up: the service ends the connection."""

    name: str
    sent: bytes
    replied: bytes
    hangs_up: bool = False


# Table and key, and the answer.
LOOK_UPS: tuple[tuple[str, str], ...] = (
    ("transport closed@lists.example", LMTP),
    ("transport CLOSED@Lists.Example.", LMTP),
    ("transport closed+any thing@lists.example", LMTP),
    ("transport closed-owner+x@lists.example", LMTP),
    ("transport closed-nothing@lists.example", NOT_FOUND),
    ("transport nobody@lists.example", NOT_FOUND),
    ("transport lists.example", LMTP),
    ("transport .lists.example", NOT_FOUND),
    ("transport *", NOT_FOUND),
    ("transport shared.example", NOT_FOUND),
    ("transport technical.example", LMTP),
    ("transport ann@real.example", LMTP),
    ("transport ann@alias.example", LMTP),
    ("transport elsewhere.example", NOT_FOUND),
    ("transport postmaster@lists.example", NOT_FOUND),
    ("relay_domains lists.example", "OK lists.example"),
    ("relay_domains LISTS.Example.", "OK lists.example"),
    ("relay_domains bücher.example", "OK xn--bcher-kva.example"),
    ("relay_domains sub.lists.example", NOT_FOUND),
    ("relay_domains elsewhere.example", NOT_FOUND),
    ("relay_domains alias.example", "OK real.example"),
    ("relay_domains real.example", NOT_FOUND),
    ("relay_domains technical.example", "OK shared.example"),
    ("relay_domains shared.example", NOT_FOUND),
    ("relay_domains closed@lists.example", NOT_FOUND),
    ("relay_recipients closed@lists.example", CLOSED),
    ("relay_recipients closed-bounces+bob=example.org@lists.example", CLOSED),
    ("relay_recipients c++@lists.example", "OK c++@lists.example"),
    ("relay_recipients c@lists.example", NOT_FOUND),
    ("relay_recipients GRÜßE@lists.example", "OK grüße@lists.example"),
    ("relay_recipients leser@bücher.example", "OK leser@xn--bcher-kva.example"),
    ("relay_recipients ann@alias.example", "OK ann@real.example"),
    ("relay_recipients nobody@lists.example", NOT_FOUND),
    ("relay_recipients clos\udce9@lists.example", NOT_FOUND),
    ("relay_recipients @lists.example", NOT_FOUND),
    ("relay_recipients postmaster@lists.example", NOT_FOUND),
    ("relay_recipients @@", UNREADABLE),
    ('relay_recipients ""@lists.example', UNREADABLE),
    ("local_recipients talk-join@shared.example", "OK talk@shared.example"),
    ("local_recipients bob@shared.example", NOT_FOUND),
    ("local_recipients bob", NOT_FOUND),
    ("virtual_alias ann@real.example", "OK ann@alias.example"),
    ("virtual_alias ann-bounces+bob=example.org@real.example", ALIASED),
    ("virtual_alias Ann+CamelCase@Real.Example", "OK Ann+CamelCase@alias.example"),
    ("virtual_alias o'clock@real.example", "OK o'clock@alias.example"),
    ('virtual_alias "ann+a,b c@d"@real.example', 'OK "ann+a,b c@d"@alias.example'),
    (r'virtual_alias "ann+\"\\"@real.example', r'OK "ann+\"\\"@alias.example'),
    ("virtual_alias ann+\nx@real.example", UNREADABLE),
    ("virtual_alias ann@alias.example", NOT_FOUND),
    ("virtual_alias talk@shared.example", "OK talk@technical.example"),
    ("virtual_alias bob@shared.example", NOT_FOUND),
    ("virtual_alias closed@lists.example", NOT_FOUND),
    ("virtual_alias real.example", "OK alias.example"),
    ("virtual_alias alias.example", NOT_FOUND),
    ("virtual_alias shared.example", NOT_FOUND),
    ("virtual_alias lists.example", NOT_FOUND),
    ("virtual_alias postmaster@lists.example", "OK owner@site.example"),
    ("virtual_alias Postmaster@alias.example", "OK owner@site.example"),
    ("virtual_alias postmaster@shared.example", NOT_FOUND),
    ("virtual_alias postmaster@elsewhere.example", NOT_FOUND),
    ("mailertable lists.example", "OK lmtp:[127.0.0.1]"),
    ("mailertable shared.example", NOT_FOUND),
    ("mailertable .example", NOT_FOUND),
    ("verdict anne@example.org | closed@lists.example", NOT_FOUND),
    ("verdict cris@example.org | closed@lists.example", NOT_YOU),
    ("verdict cris@example.org |<closed@lists.example>", NOT_YOU),
    ("verdict cris@example.org|closed@lists.example", NOT_YOU),
    ("verdict cr|is@example.org |<clo|sed@lists.example>", NO_LIST),
    ('verdict "a | b"@example.org | closed@lists.example', NOT_YOU),
    ("verdict a | b@example.org |<closed@lists.example>", NOT_YOU),
    ("verdict a |<bob@shared.example> |<closed@lists.example>", NOT_YOU),
    ("verdict <> | closed@lists.example", NOT_FOUND),
    ("verdict |<closed@lists.example>", NOT_FOUND),
    ("verdict |<nobody@lists.example>", NO_LIST),
    ("verdict double-bounce@mx.example | closed@lists.example", NOT_FOUND),
    ("verdict mallory@example.net | c++@lists.example", "OK 550 5.7.1 you are banned from this mailing list"),
    ("verdict cris@example.org | closed-owner@lists.example", NOT_FOUND),
    ("verdict cris@example.org | postmaster@lists.example", NOT_FOUND),
    ("verdict cris@example.org | bob@shared.example", NOT_FOUND),
    ("verdict cris@example.org | bob@elsewhere.example", NOT_FOUND),
    ("verdict cris@example.org | @lists.example", "PERM 553 5.1.3 the recipient address cannot be read"),
    ("verdict cris@example.org |", "PERM 553 5.1.3 the recipient address cannot be read"),
    ("verdict cris@example.org", "PERM expected the key SENDER | RECIPIENT"),
    ('verdict "cris@example.org | closed@lists.example', "PERM expected the key SENDER | RECIPIENT"),
    *((f"{table}{key}", NOT_FOUND) for table in ("transport", "virtual_alias", "verdict") for key in ("", " ", "  ")),
    ("relay_domains <>", NOT_FOUND),
    ("nothing closed@lists.example", NO_TABLE),
    ("Transport closed@lists.example", NO_TABLE),
    ("", NO_TABLE),
    (" transport closed@lists.example", NO_TABLE),
    ("tr\udcffansport x", NO_TABLE),
    (f"relay_recipients closed+{LONG}@lists.example", CLOSED),
    (f"virtual_alias ann+{LONG}@real.example", f"OK ann+{LONG}@alias.example"),
)
MEMBER = netstring("relay_recipients closed@lists.example")
FOUND = netstring(CLOSED)


def of_length(octets: int, before: str, behind: str) -> str:
    """A text of so many octets: before, many an x, behind."""
    return before + "x" * (octets - len(before) - len(behind)) + behind


LARGEST = of_length(100_000, "relay_recipients closed+", "@lists.example")
# Answers of 100,000 octets and of one more: the alias domain is longer than the domain, by more than the table's name.
FITS, TOO_LONG = (of_length(99_987 + more, "virtual_alias ann+", "@v.example") for more in (0, 1))
FITTING = of_length(100_000, "OK ann+", "@a-long-name-for-the-alias.example")

DIALOGUES = [
    *(
        Dialogue(f"{number}: {asked[:60]!r}", netstring(asked), netstring(told))
        for number, (asked, told) in enumerate(LOOK_UPS)
    ),
    Dialogue("two at once", MEMBER + netstring("transport x@y.example"), FOUND + netstring(NOT_FOUND)),
    Dialogue("a thousand at once", MEMBER * 1000, FOUND * 1000),
    Dialogue("100,000 octets", netstring(LARGEST), FOUND),
    Dialogue("an answer of 100,000 octets", netstring(FITS), netstring(FITTING)),
    Dialogue("an answer of more", netstring(TOO_LONG), netstring("PERM the answer is longer than 100000 octets")),
    Dialogue("more than 100,000 octets", b"100001:" + b"x" * 100_001 + b",", b"", hangs_up=True),
    Dialogue("more than 100,000 octets, only announced", b"100001:", b"", hangs_up=True),
    Dialogue("a length of a hundred digits", b"9" * 100, b"", hangs_up=True),
    Dialogue("no length", b":,", b"", hangs_up=True),
    Dialogue("a length with a zero before it", b"03:abc,", b"", hangs_up=True),
    Dialogue("a length with a sign", b"+3:abc,", b"", hangs_up=True),
    Dialogue("a length with a blank", b" 3:abc,", b"", hangs_up=True),
    Dialogue("a length in other digits", "٣:abc,".encode(), b"", hangs_up=True),
    Dialogue("no comma", b"3:abc.", b"", hangs_up=True),
    Dialogue("a comma too late", b"3:abcd,", b"", hangs_up=True),
    Dialogue("a line end behind it", MEMBER + b"\n", FOUND, hangs_up=True),
    Dialogue("SMTP", b"EHLO mx.example.org\r\n", b"", hangs_up=True),
    Dialogue("a policy request", b"request=smtpd_access_policy\n\n", b"", hangs_up=True),
    Dialogue("a good one, then rubbish", MEMBER + b"rubbish", FOUND, hangs_up=True),
]
