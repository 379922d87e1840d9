"""What only the headers can tell: cases of the header stage, for every door that has it.

A door that has it refuses at RCPT what the headers cannot change, lets a sender who may not post wait until they are
there, and then has one answer for the message and recipients that failed while others passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cases.spine import ANNE, CLOSED, EMERGENCY, OPEN, PATTERNS, SECOND_POSTMASTER, SMALL, STRANGER
from gatepost_lists import Rules

OWNER, TEAM_OWNER = "closed-owner@lists.example", "team-owner@lists.example"
BANNED_HERE, TWENTY = "banned@people.example", "".join(f"p{number}@x.example, " for number in range(20))
PROBE = "double-bounce@mx.example"
ATTACKER = "attacker@attacker.example"
ELSEWHERE, NOBODY = "joe@elsewhere.example", "nobody@lists.example"
MAY_NOT_POST, BANNED, LOOP, UNKNOWN, TOO_BIG = "550 5.7.2", "550 5.7.1", "554 5.4.6", "550 5.1.1", "552 5.2.3"
_KIB = 1024
# Why no client can say it to a real server.
TOO_MANY = "Sendmail takes 32 KiB of headers"
_MEGABYTE = tuple((f"X-{number}", "x" * 900) for number in range(1100))
_DEFAULT: Mapping[str, Any] = MappingProxyType({})


class HeaderCase(NamedTuple):
    """A message and what becomes of it.

    headers: names and values as they arrive, octets that are no UTF-8 as surrogate escapes. refused: code and status
    by recipient, at RCPT. put_off: recipients that a door with one answer for all of them has come again. answer: code
    and status for the message that is left, '' where it is taken. failed: recipients that may not have it, where others
    may. not_smtp: why no client can say it to a real server, '' where it can.
    """

    id: str
    sender: str
    recipients: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    answer: str = ""
    failed: tuple[str, ...] = ()
    refused: Mapping[str, str] = _DEFAULT
    size: int = 0
    rules: Mapping[str, Any] = _DEFAULT
    not_smtp: str = ""
    put_off: tuple[str, ...] = ()

    @property
    def site_rules(self) -> Rules:
        """The rules under which it is judged."""
        return Rules(**self.rules)


def _from(value: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("From", value), *more)


def _one(name: str, headers: tuple[tuple[str, str], ...], answer: str = "", **more: Any) -> HeaderCase:
    """A message to the closed list, by default from a stranger."""
    return HeaderCase(name, more.pop("sender", STRANGER), (CLOSED,), headers, answer, **more)


_MEMBERS: tuple[HeaderCase, ...] = (
    _one("member in From", _from(ANNE)),
    _one("member in From, with a name", _from("Anne <anne@people.example>")),
    _one("member in Sender", _from(STRANGER, ("Sender", ANNE))),
    _one("member in Reply-To", _from(STRANGER, ("Reply-To", ANNE))),
    _one("member in the second of two", _from(f"{STRANGER}, {ANNE}")),
    _one("member in a second From", _from(STRANGER, ("From", ANNE))),
    _one("member by a linked address in From", _from("cris@work.example")),
    _one("member in capitals", (("FROM", "ANNE@PEOPLE.EXAMPLE"),)),
    _one("member signed with BATV", _from("prvs=0123456789=anne@people.example")),
    _one("member in a group", _from("Friends: anne@people.example, bo@else.example;")),
    _one("member in a folded header", _from("Anne\r\n <anne@people.example>")),
    _one("member behind 8-bit text", _from("J\udcfcrgen <anne@people.example>")),
    _one("member whose domain is in Unicode", _from("Fritz <fritz@bücher.example>"), not_smtp="needs SMTPUTF8"),
    _one("a nonmember whom the list accepts", _from("nm-accept@people.example")),
    HeaderCase("a sender whom a pattern accepts", STRANGER, (PATTERNS,), _from("joe@friends.example")),
    _one("a member by the envelope alone", _from(STRANGER), sender=ANNE),
    _one("a member by the envelope, no headers", (), sender=ANNE),
    HeaderCase("an open list", STRANGER, (OPEN,), _from(STRANGER)),
)

_STRANGERS: tuple[HeaderCase, ...] = (
    _one("nobody may post", _from(STRANGER), MAY_NOT_POST),
    _one("no headers at all", (), MAY_NOT_POST),
    _one("a header that is empty", _from(""), MAY_NOT_POST),
    _one("no address in From", _from("Anne"), MAY_NOT_POST),
    _one("an empty group", _from("undisclosed-recipients:;"), MAY_NOT_POST),
    _one("member in To alone", _from(STRANGER, ("To", ANNE)), MAY_NOT_POST),
    _one("member in a display name", _from('"anne@people.example" <stranger@people.example>'), MAY_NOT_POST),
    _one("member in a comment", _from("stranger@people.example (anne@people.example)"), MAY_NOT_POST),
    _one("banned in From", _from(BANNED_HERE), BANNED),
    _one("banned in From, member in Sender", _from(BANNED_HERE, ("Sender", ANNE)), BANNED),
    _one("banned by a pattern in Reply-To", _from(ANNE, ("Reply-To", "x@spam.example")), BANNED),
    _one("a nonmember record that says reject", _from("nm-reject@people.example"), MAY_NOT_POST),
    _one(
        "member behind twenty others",
        _from(TWENTY + ANNE),
        MAY_NOT_POST,
    ),
    _one("a megabyte of headers", _MEGABYTE + _from(STRANGER), MAY_NOT_POST, not_smtp=TOO_MANY),
    _one("a megabyte of headers, member last", _MEGABYTE + _from(ANNE), not_smtp=TOO_MANY),
    _one("a From of a megabyte", _from("x" * 1_000_000 + ANNE), MAY_NOT_POST, not_smtp="longer than a server reads"),
    _one("comments in one another", _from("(" * 9000), MAY_NOT_POST, not_smtp="longer than a line"),
)

# What is no address list by RFC 5322 hides nobody, and makes nobody an author out of a name.
_ODD: tuple[HeaderCase, ...] = (
    _one("banned in the second of two", _from(f"{ANNE}, {BANNED_HERE}"), BANNED),
    _one("banned in a group", _from(f"Friends: {ANNE}, Ban <{BANNED_HERE}>;"), BANNED),
    _one("banned before the brackets", _from(f"{BANNED_HERE} <{ANNE}>"), BANNED),
    _one("banned without brackets", _from(f"Ban {BANNED_HERE} (Ban)"), BANNED),
    _one("banned behind an open quote", _from(f'"Anne <{ANNE}>, Ban <{BANNED_HERE}>'), BANNED),
    _one("banned behind an open comment", _from(f"{ANNE} (Anne, {BANNED_HERE}"), BANNED),
    _one("banned with more text behind", _from(f"{ANNE}, {BANNED_HERE} via nobody"), BANNED),
    _one("banned by an obsolete spelling", _from("banned (x) @ people . example"), BANNED),
    _one("banned in a quoted name", _from(f'"{BANNED_HERE}" <{ANNE}>')),
    _one("member beside an open quote", _from(f'"Odd, Anne <{ANNE}>')),
    _one("member beside an open comment", _from(f"odd (, {ANNE}")),
    _one("member beside an open bracket", _from(f"Odd <odd, {ANNE}")),
    _one("member beside several at signs", _from(f"a@b@c.example, {ANNE}")),
    _one("member behind an empty element", _from(f", , {ANNE}")),
    _one("member behind a route", _from("Anne <@relay.example,@x.example:anne@people.example>")),
    _one("member with two at signs", _from(f"{ANNE}@x.example"), MAY_NOT_POST),
    _one("member in an encoded word", _from(f"=?utf-8?q?{ANNE},?= <{STRANGER}>"), MAY_NOT_POST),
    _one("member in an encoded word that hides it", _from("=?utf-8?q?anne=40people.example?="), MAY_NOT_POST),
    _one("member in a comment in a comment", _from(f"{STRANGER} ((\\) <{ANNE}>, ))"), MAY_NOT_POST),
    _one("member in a quoted name with a comma", _from(f'"x, {ANNE}, \\" y" <{STRANGER}>'), MAY_NOT_POST),
)


def _wrapped(name: str, by: str = "attacker.example") -> str:
    """NAME@people.example, as this domain says by SRS."""
    return f"SRS0=HHHH=TT=people.example={name}@{by}"


_SRS1 = "SRS1=HHHH=attacker.example==HHHH=TT=people.example=anne@second.example"
_BELIEVED: Mapping[str, Any] = MappingProxyType({"forwarders": frozenset(("second.example",))})

# What somebody else has wrapped lets nobody in whom From, Sender or Reply-To does not name, and a ban counts always.
_UNWRAPPED: tuple[HeaderCase, ...] = (
    _one("wrapped member, the wrapper in From", _from(ATTACKER), MAY_NOT_POST, sender=_wrapped("anne")),
    _one("wrapped member, no headers", (), MAY_NOT_POST, sender=_wrapped("anne")),
    _one("wrapped member, wrapped in From too", _from(_wrapped("anne")), MAY_NOT_POST, sender=_wrapped("anne")),
    _one("wrapped member in From alone", _from(_wrapped("anne")), MAY_NOT_POST),
    _one("wrapped twice", _from(ATTACKER), MAY_NOT_POST, sender=_SRS1),
    _one("wrapped, and signed", _from(ATTACKER), MAY_NOT_POST, sender=f"prvs=0123456789={_wrapped('anne')}"),
    _one("wrapped nonmember with a record", _from(ATTACKER), MAY_NOT_POST, sender=_wrapped("nm-accept")),
    HeaderCase("wrapped friend", _wrapped("friend"), (PATTERNS,), _from(ATTACKER), MAY_NOT_POST),
    _one("wrapped member, himself in From", _from(f"Anne <{ANNE}>"), sender=_wrapped("anne")),
    _one("wrapped member, himself in Sender", _from(ATTACKER, ("Sender", ANNE)), sender=_wrapped("anne")),
    _one("wrapped member, himself in Reply-To", _from(ATTACKER, ("Reply-To", ANNE)), sender=_wrapped("anne")),
    _one("wrapped member, a linked address in From", _from("cris@work.example"), sender=_wrapped("cris")),
    _one("wrapped twice, himself in From", _from(ANNE), sender=_SRS1),
    HeaderCase("wrapped friend, himself in From", _wrapped("friend"), (PATTERNS,), _from("friend@people.example")),
    HeaderCase("wrapped stranger on an open list", _wrapped("stranger"), (OPEN,), _from(ATTACKER)),
    _one("signed by his own domain", _from(STRANGER), sender="prvs=0123456789=anne@people.example"),
    _one("wrapped by his own domain", _from(STRANGER), sender=_wrapped("anne", "people.example")),
    _one("wrapped by a forwarder that is believed", _from(ATTACKER), sender=_wrapped("anne", "second.example"),
         rules=_BELIEVED),
    _one("wrapped again by a forwarder that is believed", _from(ATTACKER), MAY_NOT_POST, sender=_SRS1, rules=_BELIEVED),
    _one("in From, by a forwarder that is believed", _from(_wrapped("anne", "second.example")), rules=_BELIEVED),
    _one("wrapped banned in From", _from(f"{ANNE}, {_wrapped('banned')}"), BANNED),
    HeaderCase("wrapped banned", _wrapped("banned"), (CLOSED, OWNER), _from(ANNE), refused={CLOSED: BANNED}),
)  # fmt: skip


def _mixed(
    name: str, recipients: tuple[str, ...], put_off: str, answer: str = "", failed: tuple[str, ...] = (CLOSED,)
) -> HeaderCase:
    """A stranger's message to recipients of which one is put off."""
    return HeaderCase(name, STRANGER, recipients, _from(STRANGER), answer, failed, put_off=(put_off,))


TESS = "tess@people.example"
_MIXED: tuple[HeaderCase, ...] = (
    HeaderCase("one list passes by From", STRANGER, (CLOSED, TEAM_OWNER), _from(TESS), "", (CLOSED,)),
    HeaderCase("two fail", STRANGER, (CLOSED, SMALL), _from(STRANGER), MAY_NOT_POST),
    HeaderCase("two banned", STRANGER, (CLOSED, SMALL), _from("outlaw@people.example"), BANNED),
    HeaderCase("one banned, one stranger", STRANGER, (CLOSED, TEAM_OWNER), _from(BANNED_HERE), MAY_NOT_POST),
    _mixed("before a sub-address", (CLOSED, OWNER), OWNER, MAY_NOT_POST),
    _mixed("behind a sub-address", (OWNER, CLOSED), CLOSED),
    _mixed("before a recipient elsewhere", (CLOSED, ELSEWHERE), ELSEWHERE, MAY_NOT_POST),
    _mixed("behind a recipient elsewhere", (ELSEWHERE, CLOSED), CLOSED),
    _mixed("before an open list", (CLOSED, OPEN), OPEN, MAY_NOT_POST),
    _mixed("behind an open list", (OPEN, CLOSED), CLOSED),
    _mixed("behind a list in emergency", (EMERGENCY, CLOSED), CLOSED),
    _mixed("behind a postmaster", ("postmaster@lists.example", CLOSED), CLOSED),
    _mixed("two before an open list", (CLOSED, SMALL, OPEN), OPEN, MAY_NOT_POST, (CLOSED, SMALL)),
    HeaderCase("all pass by From", STRANGER, (CLOSED, TEAM_OWNER, OWNER), _from(ANNE), put_off=(OWNER,)),
    HeaderCase("behind elsewhere, member in From", STRANGER, (ELSEWHERE, CLOSED), _from(ANNE), put_off=(CLOSED,)),
    HeaderCase("open to all", STRANGER, (OPEN, OWNER, ELSEWHERE), _from(STRANGER)),
    HeaderCase("a list that knows the sender", TESS, (TEAM_OWNER, ELSEWHERE, CLOSED), _from(TESS), "", (CLOSED,)),
    HeaderCase("behind it, the others", TESS, (CLOSED, TEAM_OWNER, OWNER), _from(TESS), "", (CLOSED,)),
    HeaderCase(
        "before it, one that is open", TESS, (CLOSED, OWNER, TEAM_OWNER), _from(TESS), "", (CLOSED,), put_off=(OWNER,)
    ),
    HeaderCase("known by a pattern", "x@friends.example", (PATTERNS, OWNER, CLOSED), _from(STRANGER), "", (CLOSED,)),
    HeaderCase("known by a record", "nm-hold@people.example", (CLOSED, SMALL), _from(STRANGER), "", (SMALL,)),
    HeaderCase("banned in From beside one elsewhere", STRANGER, (OPEN, ELSEWHERE), _from(BANNED_HERE), "", (OPEN,)),
    HeaderCase(
        "wrapped member, with one elsewhere",
        _wrapped("anne"),
        (ELSEWHERE, CLOSED),
        _from(ATTACKER),
        "",
        (CLOSED,),
        put_off=(CLOSED,),
    ),
)

_CERTAIN: tuple[HeaderCase, ...] = (
    HeaderCase("no such list", STRANGER, (NOBODY, CLOSED), _from(ANNE), refused={NOBODY: UNKNOWN}),
    HeaderCase("banned by the envelope", BANNED_HERE, (CLOSED, OWNER), _from(ANNE), refused={CLOSED: BANNED}),
    HeaderCase("too big", STRANGER, (SMALL, CLOSED), _from(ANNE), refused={SMALL: TOO_BIG}, size=11 * _KIB),
)

_LOOPS: tuple[HeaderCase, ...] = (
    _one("its own List-Id", _from(ANNE, ("List-Id", "Closed <closed.lists.example>")), LOOP),
    _one("its own List-Id, from a member", _from(ANNE, ("List-Id", "<closed.lists.example>")), LOOP, sender=ANNE),
    _one("its own List-Id without brackets", _from(ANNE, ("List-ID", "Closed.Lists.Example")), LOOP),
    _one("its own List-Id, folded", _from(ANNE, ("List-Id", "The closed list\r\n\t<closed.lists.example>")), LOOP),
    _one("its own X-BeenThere", _from(ANNE, ("X-BeenThere", CLOSED)), LOOP),
    _one("its own X-BeenThere in capitals", _from(ANNE, ("X-BEENTHERE", " CLOSED@Lists.Example")), LOOP),
    _one("its own among others", _from(ANNE, ("X-BeenThere", OPEN), ("X-BeenThere", CLOSED)), LOOP),
    _one("another list's", _from(ANNE, ("List-Id", "<open.lists.example>"), ("X-BeenThere", OPEN))),
    _one("a List-Id that only names it", _from(ANNE, ("List-Id", "closed.lists.example <x.lists.example>"))),
    _one("its own, a stranger's", _from(STRANGER, ("X-BeenThere", CLOSED)), LOOP),
    HeaderCase("to a sub-address", ANNE, (OWNER,), _from(ANNE, ("X-BeenThere", CLOSED))),
    HeaderCase("one of two lists", ANNE, (CLOSED, OPEN), _from(ANNE, ("X-BeenThere", CLOSED)), "", (CLOSED,)),
    HeaderCase(
        "one loops, one may not", STRANGER, (CLOSED, SMALL), _from(STRANGER, ("X-BeenThere", CLOSED)), MAY_NOT_POST
    ),
    HeaderCase("the null sender's", "", (CLOSED,), _from(ANNE, ("X-BeenThere", CLOSED)), LOOP),
)

_PROBES: tuple[HeaderCase, ...] = (
    HeaderCase("null sender", "", (CLOSED,), _from(STRANGER), MAY_NOT_POST),
    HeaderCase("null sender, member in From", "", (CLOSED,), _from(ANNE), MAY_NOT_POST),
    HeaderCase("null sender to a sub-address", "", (OWNER,), _from(STRANGER)),
    HeaderCase("null sender to both", "", (CLOSED, OWNER), _from(STRANGER), MAY_NOT_POST, (CLOSED,), put_off=(OWNER,)),
    HeaderCase("and the other way round", "", (OWNER, CLOSED), _from(STRANGER), "", (CLOSED,), put_off=(CLOSED,)),
    HeaderCase("null sender may post to both", "", (OWNER, CLOSED), _from(STRANGER), rules={"null_sender_posts": True}),
    HeaderCase("null sender to a postmaster", "", (OWNER, SECOND_POSTMASTER), _from(STRANGER)),
    HeaderCase("null sender may post", "", (CLOSED,), _from(STRANGER), rules={"null_sender_posts": True}),
    HeaderCase("probe sender", PROBE, (CLOSED,), _from(STRANGER), MAY_NOT_POST),
    HeaderCase("probe sender, member in From", PROBE, (CLOSED,), _from(ANNE)),
    HeaderCase("probe sender to both", PROBE, (OWNER, CLOSED), _from(STRANGER), "", (CLOSED,), put_off=(CLOSED,)),
    HeaderCase("probe sender, no such list", PROBE, (NOBODY, OWNER), (), refused={NOBODY: UNKNOWN}),
)

HEADER_CASES: tuple[HeaderCase, ...] = (
    *_MEMBERS,
    *_STRANGERS,
    *_ODD,
    *_UNWRAPPED,
    *_MIXED,
    *_CERTAIN,
    *_LOOPS,
    *_PROBES,
)
